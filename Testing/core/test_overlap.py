"""Overlapping segments as examples: passes without overlap, and results in layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import InputError
from MVGCore.prompts import passes_of, without_overlap
from MVGCore.session import Session
from MVGCore.session.layers import joined, propagate_layers
from MVGCore.session.requests import SegmentVolume
from MVGCore.session.results import Propagated, SliceDone
from MVGCore.volume import LabelMap, Segment, Segmentation, SegmentClass, Volume

Case = tuple[Volume, LabelMap]
KNOWN = [2, 7, 11]


@pytest.fixture
def layered(tube: Case) -> Segmentation:
    """The tube and the box on three slices, a lesion within the tube on two of them, and an empty segment."""
    labels = np.zeros_like(tube[1].array)
    labels[KNOWN] = tube[1].array[KNOWN]
    lesion = np.zeros(labels.shape, np.uint8)
    lesion[[2, 7], 17:21, 9:13] = 1
    classes = (*tube[1].classes, SegmentClass(7, "lesion", (1, 1, 0)), SegmentClass(8, "none", (0, 1, 1)))
    places = ((0, 3), (0, 300), (1, 1), (1, 2))
    segments = tuple(Segment(each, *place) for each, place in zip(classes, places, strict=True))
    return Segmentation((labels, lesion), tube[1].geometry, segments)


def test_segments_that_do_not_meet_share_a_pass(layered: Segmentation) -> None:
    groups = without_overlap(layered)
    assert [each.ids for each in groups] == [(3, 300), (7,)]
    apart = Segmentation(
        (layered.layers[0], np.zeros_like(layered.layers[1])), layered.geometry, layered.segments
    )
    assert len(without_overlap(apart)) == 1


def test_all_passes_have_all_slices(layered: Segmentation, tube: Case) -> None:
    first, second = passes_of(tube[0], layered)
    for each in (first, second):
        assert [(prompt.axis, prompt.index) for prompt in each.prompts] == [(0, index) for index in KNOWN]
    assert [each.name for each in second.classes] == ["lesion"]
    assert not second.prompts[2].labels.any()  # no lesion on slice 11 is known, too
    flat = Segmentation.from_labelmap(LabelMap(layered.layers[0], layered.geometry, tube[1].classes))
    assert len(passes_of(tube[0], flat)) == 1
    with pytest.raises(InputError, match="empty"):
        passes_of(tube[0], Segmentation((layered.layers[0] * 0,), layered.geometry))


def test_layers_come_back_as_they_were_drawn_and_requests_say_the_same(
    small_weights: Path, layered: Segmentation, tube: Case
) -> None:
    session = Session(small_weights, "cpu", quality="draft")
    session.set_image(tube[0])
    passes = passes_of(tube[0], layered)
    results = propagate_layers(session, passes)
    written = joined(results)
    assert len(written.layers) == 2 and [each.class_.id for each in written.segments] == [3, 300, 7]
    np.testing.assert_array_equal(written.layers[0][KNOWN], layered.layers[0][KNOWN])
    np.testing.assert_array_equal(written.layers[1][KNOWN] > 0, layered.layers[1][KNOWN] == 1)
    told: dict[tuple[int, int], np.ndarray] = {}

    def shown(event: object) -> None:
        if isinstance(event, SliceDone):
            told[event.layer, event.index] = event.values

    summary = session.run(SegmentVolume(prompts=passes[0], overlapping=(passes[1],)), shown)
    assert isinstance(summary, Propagated) and len(summary.layers) == 1
    for layer, array in enumerate(written.layers):
        np.testing.assert_array_equal(np.stack([told[layer, index] for index in range(14)]), array)
    assert session.prompts is passes[0]


def test_a_draft_is_refused_with_overlapping_examples(
    small_weights: Path, layered: Segmentation, tube: Case
) -> None:
    session = Session(small_weights, "cpu", quality="draft")
    session.set_image(tube[0])
    passes = passes_of(tube[0], layered)
    with pytest.raises(InputError, match="one class for each voxel"):
        propagate_layers(session, passes, draft=tube[1])
    with pytest.raises(InputError, match="one class for each voxel"):
        session.run(SegmentVolume(prompts=passes[0], overlapping=(passes[1],), draft=tube[1]))
