"""Every name of MRML, Slicer's logics and VTK in the extension exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from Testing.slicer.names import problems_in, problems_of

EXTENSION = Path(__file__).resolve().parents[2] / "MVGSlicerExtension"
# MVGDesktop runs on slicer-core itself: its tests find such mistakes.
FILES = [path for path in sorted(EXTENSION.rglob("*.py")) if "MVGDesktop" not in path.parts]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EXTENSION)))
def test_names_exist(path: Path) -> None:
    found = problems_of(path)
    assert not found, "\n".join(map(str, found))


def test_all_of_the_extension_is_looked_through() -> None:
    names = {path.name for path in FILES}
    assert {"MVG.py", "facade.py", "panel.py", "SegmentEditorEffect.py"} <= names


@pytest.mark.parametrize(
    "line",
    [
        "slicer.mrmlScene.AddNode(node)",
        "slicer.util.arrayFromVolume(node)",
        "from slicer.util import VTKObservationMixin",
        "node.GetSegmentation().GetSegmentIDs()",
        "slicer.vtkSegmentation.SegmentAdded",
        "slicer.modules.sequences.logic()",
        "scene.CreateNodeByClass('vtkMRMLSegmentationNode')",
        "vtk.vtkMatrix4x4().DeepCopy(values)",
        "image.GetPointData().GetScalars().Modified()",
        "getattr(slicer.modules, 'SegmentEditorWidget', None)",
        "import qt; qt.Qt.AlignLeft; Task.SEGMENT; numpy.float32",
    ],
)
def test_what_exists_passes(line: str) -> None:
    assert not problems_in(line)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("slicer.mrmlScene.AddNodes(node)", "slicer.mrmlScene.AddNodes"),
        ("slicer.util.arrayFromVolumes(node)", "slicer.util.arrayFromVolumes"),
        ("from slicer.util import ObservationMixin", "slicer.util.ObservationMixin"),
        ("node.GetSegmentations().GetName()", "GetSegmentations"),
        ("slicer.vtkSegmentation.SegmentAddedEvent", "slicer.vtkSegmentation.SegmentAddedEvent"),
        ("slicer.modules.sequence.logic()", "slicer.modules.sequence.logic"),
        ("scene.CreateNodeByClass('vtkMRMLSegmentNode')", "vtkMRMLSegmentNode"),
        ("vtk.vtkMatrix5x5()", "vtk.vtkMatrix5x5"),
        ("vtk.vtkMatrix4x4.DeepCopies(values)", "vtk.vtkMatrix4x4.DeepCopies"),
    ],
)
def test_what_does_not_exist_is_found(line: str, name: str) -> None:
    assert [problem.name for problem in problems_in(line)] == [name]
