"""What `MVGTest` runs inside Slicer, and pytest outside: a generated volume, no bundled weights, no network.

Each test is called with a `unittest.TestCase` in an empty scene.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import slicer

SHAPE = (16, 32, 32)
LABELLED = (3, 8, 13)
SEGMENTS = {"box": (0.9, 0.5, 0.2), "ball": (0.2, 0.5, 0.9)}
# A network as small as it gets; untrained, it mostly copies what the 3-D draft says.
TINY = {"widths": (16, 16, 16, 16), "blocks": (1, 1, 1, 1), "heads": (1, 2, 2), "key_dim": 8}


def test_labelled_slices_are_found(case: Any) -> None:
    """The slices that were filled are found, with the names and colours of their segments."""
    from MVGLib.scene import Scene

    volume, segmentation, truth = add_nodes()
    scene = Scene()
    labelled = scene.labelled(segmentation.GetID(), volume.GetID())
    case.assertEqual(sorted(key.index for key in labelled), list(LABELLED))
    labels = scene.label_map(segmentation.GetID(), volume.GetID())
    case.assertEqual([each.name for each in labels.classes], list(SEGMENTS))
    case.assertEqual(int((labels.array > 0).sum()), int((truth[list(LABELLED)] > 0).sum()))
    scene.detach()


def test_the_rest_follows(case: Any) -> None:
    """The other slices are filled, the labelled ones and the user's own segments stay as they were."""
    from MVGLib.host.install import Install
    from MVGLib.host.scripting import Batch

    if not has_torch():
        case.delayDisplay("PyTorch is not installed: the run is left out.")
        return
    volume, segmentation, truth = add_nodes()
    before = segment_arrays(segmentation, volume)
    fractions: list[float] = []
    with tempfile.TemporaryDirectory(prefix="MVG tést ") as folder:
        weights = Path(folder) / "tiny.safetensors"
        write_weights(Install().python(), weights)
        batch = Batch(str(weights), device="cpu", progress=lambda fraction, text: fractions.append(fraction))
        try:
            result = batch.segment(volume, segmentation)
        finally:
            batch.close()
    after = segment_arrays(result, volume)
    case.assertEqual(list(after), list(SEGMENTS))
    for name, array in segment_arrays(segmentation, volume).items():
        case.assertTrue(np.array_equal(array, before[name]))
    for number, name in enumerate(SEGMENTS, start=1):
        for index in LABELLED:
            case.assertTrue(np.array_equal(after[name][index] > 0, truth[index] == number))
    between = [index for index in range(LABELLED[0], LABELLED[-1]) if index not in LABELLED]
    case.assertTrue(all(after["box"][index].any() for index in between))
    case.assertTrue(fractions and max(fractions) <= 1)


TESTS = (test_labelled_slices_are_found, test_the_rest_follows)


def add_nodes() -> tuple[Any, Any, np.ndarray]:
    """Adds a volume with a box and a ball, and a segmentation in which three slices are labelled.

    Returns:
        vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode and the (K, J, I) truth, 1 = box, 2 = ball.
    """
    k, j, i = np.indices(SHAPE)
    truth = np.zeros(SHAPE, np.uint8)
    truth[(abs(j - 10) < 6) & (abs(i - 10 - k // 4) < 5)] = 1
    truth[(j - 21) ** 2 + (i - 21) ** 2 + (k - 8) ** 2 < 60] = 2
    image = 100 + 80 * (truth == 1) + 160 * (truth == 2) + np.random.default_rng(0).normal(0, 4, SHAPE)
    few = np.zeros_like(truth)
    few[list(LABELLED)] = truth[list(LABELLED)]

    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "generated")
    volume.SetSpacing(0.9, 0.9, 2.0)
    slicer.util.updateVolumeFromArray(volume, image.astype(np.int16))
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "examples")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for number, (name, color) in enumerate(SEGMENTS.items(), start=1):
        segment_id = segmentation.GetSegmentation().AddEmptySegment(name, name, color)
        mask = (few == number).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment_id, volume)
    return volume, segmentation, truth


def segment_arrays(segmentation: Any, volume: Any) -> dict[str, np.ndarray]:
    """Returns the (K, J, I) mask of every segment on the volume's grid, by the segment's name."""
    masks = {}
    for segment_id in segmentation.GetSegmentation().GetSegmentIDs():
        name = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
        masks[name] = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume).copy()
    return masks


def has_torch() -> bool:
    """Whether PyTorch is there; it is not imported, because the worker alone does that."""
    try:
        return bool(importlib.metadata.version("torch"))
    except importlib.metadata.PackageNotFoundError:
        return False


def write_weights(python: str, path: Path) -> None:
    """Writes weights of an untrained network, in a process of its own because torch makes them."""
    import MVGCore
    from MVGCore.worker.host.launch import environment

    program = (
        f"import sys; sys.path.insert(0, {str(Path(MVGCore.__file__).parents[1])!r})\n"
        "from MVGCore.models import create, save_weights\n"
        f"save_weights(create('compact', **{TINY!r}), {str(path)!r}, {{}})"
    )
    subprocess.run([python, "-c", program], env=environment(python), check=True, capture_output=True)
