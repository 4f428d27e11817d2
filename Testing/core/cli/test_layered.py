"""`mvg segment` with labelled slices whose segments overlap: layers in, layers out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from MVGCore.volume import Segment, Segmentation, SegmentClass, read_segmentation, write_segmentation

Mvg = Callable[..., tuple[int, str, str]]
EXAMPLES = [3, 8]


@pytest.fixture
def layered(scene) -> Path:
    """The examples, and a lesion over the liver on both of them."""
    labels = np.zeros_like(scene.truth.array)
    labels[EXAMPLES] = scene.truth.array[EXAMPLES]
    lesion = (labels == 1).astype(labels.dtype)
    classes = (*scene.truth.classes, SegmentClass(9, "lesion", (1, 1, 0)))
    segments = tuple(
        Segment(each, layer, value) for each, layer, value in zip(classes, (0, 0, 1), (1, 7, 1), strict=True)
    )
    path = scene.folder / "layered.seg.nrrd"
    write_segmentation(path, Segmentation((labels, lesion), scene.truth.geometry, segments))
    return path


def test_overlapping_segments_come_back_in_layers(scene, fake_session, mvg: Mvg, layered: Path) -> None:
    out = scene.folder / "out.seg.nrrd"
    words = ["segment", scene.image_path, "--labels", layered, "-o", out, "--range", "lesion:0:9"]
    code, printed, complaint = mvg(*words, "--ends", "lesion:3-8", "--empty", "0")
    assert (code, complaint) == (0, "")
    written = read_segmentation(out)
    assert [each.class_.name for each in written.segments] == ["liver", "spleen", "lesion"]
    assert len(written.layers) == 2
    liver, lesion = (
        written.layers[s.layer] == s.label_value for s in (written.segments[0], written.segments[2])
    )
    np.testing.assert_array_equal(liver[EXAMPLES], lesion[EXAMPLES])
    assert liver[EXAMPLES].any() and "lesion" in printed and "liver" in printed
    assert fake_session.wished["ranges"][0].class_id == 9


def test_other_examples_beside_them_are_refused(scene, fake_session, mvg: Mvg, layered: Path) -> None:
    words = ["segment", scene.image_path, "--labels", layered, "-o", scene.folder / "o.seg.nrrd"]
    code, _, complaint = mvg(*words, "--prompts", scene.folder / "none.mvgprompts")
    assert code == 2 and ("overlap" in complaint or "none.mvgprompts" in complaint)
    code, _, complaint = mvg(*words, "--ends", "kidney:1-2")
    assert code == 2 and "no class 'kidney'" in complaint
