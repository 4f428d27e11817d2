"""An existing segmentation as a voice: moved, corrected at its edges, believed as far as it is right."""

from __future__ import annotations

import numpy as np
import pytest

from MVGCore.evaluation.damage import DAMAGES, damaged
from MVGCore.prompts import IntensityRange
from MVGCore.segmentation.existing.guidance import Guidance
from MVGCore.segmentation.existing.matching import match_draft
from MVGCore.segmentation.existing.shapes import signed_distance
from MVGCore.segmentation.existing.shift import find_shift, moved
from MVGCore.segmentation.existing.voice import ExistingVoice
from MVGCore.segmentation.plan.plan import ClassGroup, make_plan
from MVGCore.volume import LabelMap, SegmentClass, Volume
from MVGCore.volume.canvas import Canvas
from MVGCore.volume.normalise import Window

Case = tuple[Volume, LabelMap]
SPACING = (2.0, 1.0, 1.0)
IDS = (3, 300)
KNOWN = (2, 6, 11)


def labelled(truth: np.ndarray) -> dict[int, np.ndarray]:
    return {index: truth[index] for index in KNOWN}


def found(voice: ExistingVoice, class_id: int) -> np.ndarray:
    """Where the voice is for a class, on all slices; nowhere, where it says nothing."""
    planes = [voice.odds(index, class_id) for index in range(len(voice.draft))]
    return np.stack([np.zeros(voice.draft.shape[1:], bool) if p is None else p > 0 for p in planes])


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def test_a_distance_is_positive_within_and_is_cut_off() -> None:
    mask = np.zeros((9, 9), bool)
    mask[3:6, 3:6] = True
    distance = signed_distance(mask, (1.0, 1.0), 2.0)
    assert distance[4, 4] == pytest.approx(1.5) and distance[2, 4] == pytest.approx(-0.5)
    assert distance[0, 0] == -2 and (signed_distance(mask & False, (1.0, 1.0), 2.0) == -2).all()


@pytest.mark.parametrize("shift", [(1, 4, -3), (-2, 0, 5)])
def test_a_shift_is_found_and_undone(tube: Case, shift: tuple[int, int, int]) -> None:
    truth = tube[1].array
    draft = moved(truth, shift)
    back = find_shift(draft, labelled(truth), IDS, SPACING)
    assert back == tuple(-each for each in shift)
    assert find_shift(truth, labelled(truth), IDS, SPACING) == (0, 0, 0)


def test_an_over_grown_segmentation_is_shrunk_everywhere(tube: Case) -> None:
    truth = tube[1].array
    draft = damaged(truth, "over-grown", (9.0, 1.0, 1.0), IDS)
    voice = ExistingVoice.of(draft, labelled(truth), IDS, SPACING)
    for each in IDS:
        assert dice(found(voice, each), truth == each) > dice(draft == each, truth == each) + 0.05


def test_a_class_that_is_missing_says_nothing(tube: Case) -> None:
    truth = tube[1].array
    voice = ExistingVoice.of(np.where(truth == 3, 0, truth), labelled(truth), IDS, SPACING)
    assert voice.odds(4, 3) is None and not voice.presence(3).any()
    elsewhere = np.where(truth == 3, 0, truth)
    elsewhere[:, :6, 30:] = 3  # it is in the draft, but never where it truly is
    voice = ExistingVoice.of(elsewhere, labelled(truth), IDS, SPACING)
    assert voice.odds(4, 3) is None


def test_it_is_believed_less_where_it_was_wrong(tube: Case) -> None:
    truth = tube[1].array.copy()
    draft = truth.copy()
    draft[8:, :, :16] = 0  # the tube is missing in the upper slices
    voice = ExistingVoice.of(draft, labelled(truth), IDS, SPACING)
    doubted, believed = voice.odds(12, 3), voice.odds(3, 3)
    assert doubted is not None and believed is not None
    assert -doubted.min() < -believed.min()


def test_presence_follows_the_slices_on_which_it_shows_a_class(tube: Case) -> None:
    truth = tube[1].array.copy()
    truth[:1] = truth[13:] = 0
    odds = ExistingVoice.of(truth, labelled(truth), IDS, SPACING).presence(3)
    assert (odds[1:13] > 0).all() and odds[0] < 0 and odds[13] < 0


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_damage_changes_the_truth_and_leaves_it_alone(tube: Case, kind: str) -> None:
    truth = tube[1].array
    before = truth.copy()
    draft = damaged(truth, kind, SPACING, IDS)
    assert draft.shape == truth.shape and (draft != truth).any() and set(np.unique(draft)) <= {0, *IDS}
    np.testing.assert_array_equal(truth, before)


def a_group() -> ClassGroup:
    return ClassGroup((5,), Canvas((8, 8), 8, (3.5, 3.5), (1.0, 1.0)), Window(0, 1))


def test_intensities_out_of_range_are_left_to_background_and_both_ends_count() -> None:
    planes = np.zeros((1, 8, 8), np.float32)
    planes[0, :, 3], planes[0, :, 4], planes[0, :, 5] = 100, 300, 301
    guidance = Guidance(planes, ranges=(IntensityRange(100, 300, 5), IntensityRange(high=0, class_id=6)))
    (heard,) = guidance.heard(0, [a_group()], (np.full((1, 8, 8), 0.9, np.float16),))
    assert (heard[0, :, 3:5] > 0.8).all() and (heard[0, :, [0, 1, 5, 6]] == 0).all()
    outside = guidance.outside(0, 5)
    assert outside is not None and not outside[:, 3:5].any() and outside[:, 5].all()
    assert guidance.outside(0, 7) is None


def test_classes_are_matched_by_name_then_by_number(tube: Case) -> None:
    image, labels = tube
    other = (
        SegmentClass(3, "Box", (1, 0, 0)),
        SegmentClass(7, "class 7", (1, 0, 0)),
        SegmentClass(9, "x", (0, 1, 0)),
    )
    array = np.zeros(labels.array.shape, np.uint8)
    array[0], array[1], array[2] = 3, 7, 9
    mine = (*labels.classes, SegmentClass(7, "vein", (0, 0, 1)), SegmentClass(9, "artery", (0, 0, 1)))
    matched = match_draft(LabelMap(array, image.geometry, other), image.geometry, mine)
    assert [each[0, 0] for each in matched.array[:2]] == [300, 7]
    assert matched.array[2, 0, 0] not in (0, 9)  # another name: not the same class
    names = {each.id: each.name for each in matched.classes}
    assert names[300] == "box" and names[7] == "vein" and names[matched.array[2, 0, 0]] == "x"


def test_edges_between_the_pixels_of_a_canvas_are_kept_and_classes_it_shows_are_spared(tube: Case) -> None:
    truth = tube[1].array
    voice = ExistingVoice.of(truth, labelled(truth), (3,), SPACING)
    guidance = Guidance(truth, voice)
    group = ClassGroup((3, 5), Canvas((40, 36), 16, (20.0, 18.0), (2.5, 2.5)), Window(0, 1))
    odds, added = voice.odds(4, 3), guidance.finer(4, group, 3)
    assert odds is not None and added is not None and np.abs(added).max() > 0.5
    np.testing.assert_allclose(group.canvas.read_back(group.canvas.draw_image(odds)) + added, odds, atol=1e-4)
    first, again = np.full((2, 16, 16), 0.2, np.float16), np.full((2, 16, 16), 0.9, np.float16)
    spared = guidance.spared(group, first, again)
    np.testing.assert_allclose(spared[0] / spared[1], 2 / 9, rtol=0.01)
    assert (spared.sum(0) <= 1.001).all()
    assert guidance.finer(4, group, 5) is None and not guidance.speaks_of_all(group)
    assert Guidance().spared(group, first, again) is again


def test_far_from_labelled_slices_nothing_is_added_where_nobody_finds_anything(tube: Case) -> None:
    truth = tube[1].array
    voice = ExistingVoice.of(truth, {2: truth[2]}, (3,), SPACING)
    group = ClassGroup((3,), Canvas((40, 36), 40, (19.5, 17.5), (1.0, 1.0)), Window(0, 1))
    little = np.full((1, 40, 40), 0.01, np.float32)
    (heard,) = Guidance(truth, voice).heard(13, [group], (little,))
    inside = group.canvas.draw_image((truth[13] == 3).astype(np.float32)) > 0.5
    assert heard[0][inside].mean() > 0.5 and heard[0][~inside].mean() < 0.02


def test_where_a_draft_has_a_hole_the_others_count_as_they_are(tube: Case) -> None:
    truth = tube[1].array
    draft = truth.copy()
    draft[8:12] = 0
    voice = ExistingVoice.of(draft, {2: truth[2], 6: truth[6]}, (3,), SPACING)
    assert voice.others(10, 3) == 1 and voice.others(13, 3) < 1


def test_a_canvas_shows_where_a_draft_has_its_classes(tube: Case, prompts_of) -> None:
    image, labels = tube
    truth = np.where(labels.array == 3, 3, 0).astype(np.uint16)
    truth[10:, 34:39, 28:34] = 3  # far from where the labelled slice shows it
    prompts = prompts_of((image, LabelMap(truth, image.geometry, labels.classes)), [2])
    voice = ExistingVoice.of(truth, {2: truth[2]}, (3,), SPACING)
    seen = []
    for shows in ([], [voice.shows]):
        (group,) = make_plan(prompts, (2.0, 1.0, 1.0), (16, 32, 64), shows).groups
        side = group.canvas.side
        shown = group.canvas.read_back(np.ones((1, side, side), np.float32))[0] > 0.5
        seen.append(bool(shown[(truth == 3).any(0)].all()))
    assert seen == [False, True]
