"""Overlapping segments as examples: passes without overlap, and results in layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import InputError
from MVGCore.prompts import LayeredPrompt, fewest_planes, passes_of, passes_of_slices, without_overlap
from MVGCore.session import Session
from MVGCore.session.layers import joined, propagate_layers
from MVGCore.session.requests import PreviewSlice, SegmentVolume
from MVGCore.session.results import Progress, Propagated, SliceDone
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
    assert isinstance(summary, Propagated) and len(summary.layers) == 2
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


def test_slices_that_a_host_has_cut_come_to_the_same_passes_as_a_file(
    layered: Segmentation, tube: Case
) -> None:
    expected = passes_of(tube[0], layered)
    numbered = layered.with_ids_as_values()
    slices = [
        LayeredPrompt(each, tuple(layer[each.index].astype(np.uint16) for layer in numbered.layers))
        for each in expected[0].prompts
    ]
    found = passes_of_slices(slices, [each.class_ for each in layered.segments])
    for own, other in zip(found, expected, strict=True):
        assert own.classes == other.classes
        assert [each.fingerprint for each in own.prompts] == [each.fingerprint for each in other.prompts]
    alone = [LayeredPrompt(each.prompt, each.planes[:1]) for each in slices]
    assert len(passes_of_slices(alone, [each.class_ for each in layered.segments])) == 1


def test_planes_are_the_same_however_labels_were_divided() -> None:
    first, second = np.zeros((2, 4, 4), np.uint16)
    first[:2], second[1:3], second[3] = 5, 2, 9
    apart = fewest_planes([first, np.where(second == 2, second, 0), np.where(second == 9, second, 0)])
    together = fewest_planes([first, second])
    assert len(apart) == 2
    np.testing.assert_array_equal(apart, together)
    (flat,) = fewest_planes([first, np.where(second == 9, second, 0)])
    np.testing.assert_array_equal(flat, np.maximum(first, np.where(second == 9, second, 0)))


def test_passes_are_judged_together_and_tell_one_progress(
    small_weights: Path, layered: Segmentation, tube: Case
) -> None:
    session = Session(small_weights, "cpu", quality="draft")
    session.set_image(tube[0])
    first, second = passes_of(tube[0], layered)
    fractions: list[float] = []

    def shown(event: object) -> None:
        if isinstance(event, Progress):
            fractions.append(event.fraction)

    request = SegmentVolume(prompts=first, overlapping=(second,), adapt_seconds=0.01)
    summary = session.run(request, shown)
    assert isinstance(summary, Propagated)
    assert fractions == sorted(fractions) and fractions[-1] == 1.0  # adapting belongs to each pass
    one, other = summary.layers
    assert summary.class_dice == {**one.class_dice, **other.class_dice}
    judged = {*one.slice_dice, *other.slice_dice}
    lowest = {
        n: min(each.slice_dice[n].value for each in (one, other) if n in each.slice_dice) for n in judged
    }
    assert {n: each.value for n, each in summary.slice_dice.items()} == lowest
    assert summary.expected_dice is not None and one.expected_dice is not None
    parts = [(len(each.class_dice), each.expected_dice) for each in (one, other) if each.expected_dice]
    mean = sum(n * each.value for n, each in parts) / sum(n for n, _each in parts)
    assert summary.expected_dice.value == pytest.approx(mean)
    assert summary.next_slice in (one.next_slice, other.next_slice)


def test_a_preview_shows_all_passes(small_weights: Path, layered: Segmentation, tube: Case) -> None:
    session = Session(small_weights, "cpu", quality="draft")
    session.set_image(tube[0])
    first, second = passes_of(tube[0], layered)
    told: list[SliceDone] = []

    def shown(event: object) -> None:
        if isinstance(event, SliceDone):
            told.append(event)

    session.run(PreviewSlice(index=7, prompts=first, overlapping=(second,)), shown)
    assert [each.layer for each in told] == [0, 1]
    np.testing.assert_array_equal(told[1].values, second.prompts[1].labels)  # as it was drawn
    assert session.prompts is first
