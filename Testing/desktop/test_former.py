"""Scenes and autosaves of the former version open in this one (see Testing/former/README.md)."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from numpy.typing import NDArray

from MVGCore.volume import read_volume
from MVGDesktop.files.nodes import segmentation_of
from MVGDesktop.files.recovery import leftovers
from MVGLib.control.runsettings import PanelTask, RunSettings
from Testing.desktop.conftest import settle

pytestmark = pytest.mark.display

FORMER = Path(__file__).resolve().parents[1] / "former"
EXPECTED: dict[str, Any] = json.loads((FORMER / "expected.json").read_text())
SETTINGS = RunSettings(all_axes=False, seed=7, limited=True, first=1, last=8, adapt_seconds=33)


def voxels(name: str) -> NDArray[np.bool_]:
    """The mask that was written down under a name."""
    mask = np.zeros(10 * 24 * 20, bool)
    mask[EXPECTED[name]] = True
    return mask.reshape(10, 24, 20)


def labels_of(node_id: str) -> NDArray[np.bool_]:
    """The one segment of a segmentation."""
    found = segmentation_of(slicer.mrmlScene.GetNodeByID(node_id))
    assert [each.class_.name for each in found.segments] == ["Segment 1"]
    return found.layers[0] == found.segments[0].label_value


@pytest.fixture(params=[".mrb", ".mrml"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The scene, as one file and unpacked."""
    if request.param == ".mrb":
        return Path(shutil.copy(FORMER / "scene.mrb", tmp_path))
    with zipfile.ZipFile(FORMER / "scene.mrb") as packed:
        packed.extractall(tmp_path)
    (found,) = tmp_path.rglob("*.mrml")
    return found


def test_a_scene_opens_with_all_that_it_held(window, application, scene: Path) -> None:
    assert window.filing.open(scene)
    settle(application)
    controller = window.panel.controller
    view = controller.view()
    assert np.array_equal(
        slicer.util.arrayFromVolume(window.document.volume), read_volume(FORMER / "ball.nrrd").array
    )
    assert view.settings == SETTINGS
    for each, (place, enabled, segments) in zip(view.examples, EXPECTED["examples"], strict=True):
        ((name, color),), ((expected_name, expected_color),) = each.segments, segments
        assert (each.place, each.enabled, name, each.problem) == (place, enabled, expected_name, "")
        assert color == pytest.approx(expected_color, abs=1e-5)  # scenes keep six digits
    assert np.array_equal(labels_of(view.partner_id), voxels("own"))

    review = view.review
    assert review is not None and (review.task, review.axis) == (PanelTask.SEGMENT, 0)
    assert np.array_equal(labels_of(review.node_id), voxels("result"))
    scores = {str(index): [score.value, score.error] for index, score in review.slices.items()}
    assert scores == EXPECTED["slices"] and list(review.known) == EXPECTED["known"]
    assert review.expected is not None and review.next_slice == EXPECTED["next"]
    assert [review.expected.value, review.expected.error] == EXPECTED["expected"]

    controller.reviews.accept()
    assert controller.view().review is None
    assert np.array_equal(labels_of(review.node_id), voxels("result"))


def test_the_panel_loads_examples(window, application, tmp_path: Path) -> None:
    assert window.filing.open(FORMER / "ball.nrrd")
    window.panel.controller.examples.load_prompts(str(FORMER / "panel.mvgprompts"))
    settle(application)
    rows = window.panel.controller.view().examples
    assert [each.place for each in rows] == ["axial 2", "axial 5"]
    assert not any(each.problem for each in rows)


def test_what_a_crash_left_is_taken_up_again(window, application, tmp_path: Path) -> None:
    left = tmp_path / "recovery" / "1-x"
    shutil.copytree(FORMER / "autosave", left)
    record = left / "record.json"
    record.write_text(record.read_text().replace("FOLDER", FORMER.as_posix()))
    (found,) = leftovers(left.parent)
    window.recoverer.recover(found)
    document = window.document
    assert document.volume.GetName() == "ball" and document.segmentation.GetName() == "ball labels"
    assert np.array_equal(labels_of(document.segmentation_id), voxels("own"))
    assert document.unsaved.ids() and not left.exists()
