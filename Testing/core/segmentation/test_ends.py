"""Where classes end beyond the outermost labelled slices: odds, what the user says, what is to be asked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MVGCore.prompts import Absence, Presence, Prompt
from MVGCore.segmentation.fuse import extents
from MVGCore.segmentation.fuse.ends import SHIPPED_END_MODEL, endings
from MVGCore.segmentation.fuse.extents import Doubt, Known
from MVGCore.segmentation.fuse.presence import with_presence
from MVGCore.segmentation.plan.claims import Claims
from MVGCore.segmentation.review.questions import answer_gains, questions
from MVGCore.volume import Geometry, Window

SHAPE = (20, 40, 40)
SPACING = (5.0, 1.0, 1.0)
GEOMETRY = Geometry(SHAPE, (1.0, 1.0, 5.0))


def a_prompt(index: int, *widths: int) -> Prompt:
    """A slice with class n + 1 on 10 rows of its own, as many pixels wide as said."""
    labels = np.zeros(SHAPE[1:], np.uint16)
    for n, width in enumerate(widths):
        labels[10 * n : 10 * n + 10, :width] = n + 1
    image = np.zeros((3, *SHAPE[1:]), np.float32)
    return Prompt(0, index, image, labels, GEOMETRY, Window(0, 1), key=str(index))


def known(
    *prompts: Prompt, absences: tuple[Absence, ...] = (), presences: tuple[Presence, ...] = ()
) -> Known:
    return Known(prompts, SPACING, Claims(0, SHAPE, absences, presences))


def absent(first: int, last: int) -> Absence:
    return Absence(0, first, last, 1, GEOMETRY, "")


def present(index: int) -> Presence:
    return Presence(0, index, index, 1, GEOMETRY, "")


def class_extent(told: Known, class_id: int, areas: np.ndarray | None = None) -> np.ndarray:
    return extents.class_extent(told, class_id, told.endings(class_id), areas)


PAIR = (a_prompt(8, 20), a_prompt(12, 20))


def test_a_class_fades_outwards_and_is_there_between_its_labelled_slices() -> None:
    there = class_extent(known(*PAIR), 1)
    assert (there[8:13] == 1).all()
    assert (np.diff(there[12:]) <= 0).all() and (np.diff(there[:9]) >= 0).all()
    assert there[13] > 0.5 > there[19] > 0
    np.testing.assert_allclose(there[12:16], there[8:4:-1])


def test_thick_slices_and_small_classes_end_sooner() -> None:
    thin = Known(PAIR, (1.0, 1.0, 1.0), Claims(0, SHAPE))
    assert class_extent(thin, 1)[13] > class_extent(known(*PAIR), 1)[13]
    small = class_extent(known(a_prompt(8, 20), a_prompt(12, 4)), 1)
    assert small[13] < class_extent(known(*PAIR), 1)[13]


def test_what_is_long_and_thin_goes_on_for_long() -> None:
    cord = class_extent(known(a_prompt(3, 1), a_prompt(10, 1), a_prompt(16, 1)), 1)
    short = class_extent(known(a_prompt(14, 1), a_prompt(15, 1), a_prompt(16, 1)), 1)
    assert cord[19] > 0.5 > short[19]


def test_a_class_ends_before_a_labelled_slice_without_it_and_does_not_come_back() -> None:
    prompts = (a_prompt(5, 20, 20), a_prompt(9, 20, 0), a_prompt(13, 20, 0))
    there = class_extent(known(*prompts), 2)
    assert (there[10:] == 0).all() and there[5] == 1 and 0 < there[4] < 1
    assert (np.diff(there[5:9]) < 0).all() and there[6] > 0.5 > there[8] > 0
    assert (class_extent(known(*PAIR), 7) == 1).all()  # of a class that no slice shows nothing is known


def test_between_slices_that_show_it_a_class_may_be_missing_on_one() -> None:
    there = class_extent(known(a_prompt(4, 20), a_prompt(8, 0), a_prompt(12, 20)), 1)
    np.testing.assert_allclose(there[5:8], there[9:12][::-1])
    assert (there[4:8] > 0).all() and there[5] > there[7] and there[4] == there[12] == 1


def test_what_was_found_tells_as_far_as_it_tells_of_ends_at_all() -> None:
    areas = np.full(20, 200.0)
    everywhere = class_extent(known(*PAIR), 1, areas)
    areas[16:] = 0
    ending = class_extent(known(*PAIR), 1, areas)
    assert ending[15] > everywhere[15] and ending[16] < 0.1 < everywhere[16]


@pytest.mark.parametrize("areas", [None, np.full(20, 200.0)])
def test_what_the_user_says_counts(areas: np.ndarray | None) -> None:
    plain = class_extent(known(*PAIR), 1, areas)
    said = class_extent(known(*PAIR, absences=(absent(16, 19),), presences=(present(14),)), 1, areas)
    assert (said[12:15] == 1).all() and (said[16:] == 0).all()
    assert said[15] == pytest.approx((plain[15] - plain[16]) / (plain[14] - plain[16]))
    np.testing.assert_array_equal(said[:8], plain[:8])


def test_a_hole_that_the_user_names_is_one() -> None:
    there = class_extent(known(*PAIR, absences=(absent(10, 10),)), 1)
    assert there[10] == 0 and (there[[8, 9, 11, 12]] == 1).all()


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.integers(0, 99))
def test_probabilities_are_shared_out(presence: list[float], seed: int) -> None:
    planes = np.random.default_rng(seed).dirichlet(np.ones(4), (5, 5)).astype(np.float32)[..., 1:]
    planes = np.moveaxis(planes, -1, 0)
    shared = with_presence(planes, np.array(presence))
    assert shared.dtype == planes.dtype and shared.min() >= 0 and shared.sum(0).max() < 1 + 1e-4
    alone = with_presence(planes, np.array([presence[0], 1, 1]))
    np.testing.assert_allclose(alone[0], presence[0] * planes[0], rtol=1e-5, atol=1e-7)
    rest = 1 - planes[0] + (1 - presence[0]) * planes[0]
    np.testing.assert_allclose(1 - alone[0], rest, rtol=1e-4, atol=1e-6)
    assert with_presence(planes, np.ones(3)) is planes


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=8))
def test_an_answer_never_costs_and_never_gains_more_than_all_doubt(chances: list[float]) -> None:
    presence = np.array(sorted(chances, reverse=True))
    areas = np.arange(1.0, len(presence) + 1)
    gains = answer_gains(presence, areas)
    assert (gains >= -1e-9).all()
    assert (gains <= (areas * np.minimum(presence, 1 - presence)).sum() + 1e-9).all()
    if len(presence) == 1:
        assert gains[0] == pytest.approx(areas[0] * min(presence[0], 1 - presence[0]))


def test_questions_are_about_the_most_doubtful_slices_of_the_largest_ends() -> None:
    doubts = {
        13: {1: Doubt(0.9, 200, 19)},
        14: {1: Doubt(0.5, 200, 19)},
        15: {1: Doubt(0.1, 200, 19)},
        7: {1: Doubt(0.97, 9, 0)},
    }
    first, *rest = questions(doubts, {1: 1000.0}, 0)
    assert (first.class_id, first.axis, first.index, first.until) == (1, 0, 14, 19)
    assert first.gain == pytest.approx(0.1 + 2 * 0.02 - 2 * 0.5 * 0.2 * 0.2) and not rest
    assert questions({}, {1: 1000.0}, 0) == ()


def test_the_traits_are_those_that_the_odds_were_fitted_to() -> None:
    (before, after) = endings(PAIR, 1, SPACING, 20)
    assert list(before.slices) == list(range(7, -1, -1)) and list(after.slices) == list(range(13, 20))
    diameter = 200**0.5 + 1
    np.testing.assert_allclose(after.traits[1], [np.log(10 / diameter), np.log(0.1), 0, 0])
    assert after.by_labels(SHIPPED_END_MODEL).shape == (7,)


def test_a_cone_is_followed_to_its_apex_however_its_slices_are_spaced() -> None:
    near = [a_prompt(8, 36), a_prompt(12, 16)]  # diameters 3 to 2: it loses an eighth of the latter a slice
    far = [a_prompt(2, 1), *near]
    for prompts in (near, far):
        *_, after = endings(prompts, 1, SPACING, 20)
        np.testing.assert_allclose(after.traits[:, 1], np.log(np.arange(1, 8) / 8 + 0.1))
    assert class_extent(known(*near), 1)[14] < class_extent(known(a_prompt(8, 16), a_prompt(12, 16)), 1)[14]


def test_a_slice_that_was_not_looked_at_tells_nothing_of_the_others() -> None:
    areas = np.full(20, 200.0)
    areas[15:] = np.nan
    (_, after) = endings(PAIR, 1, SPACING, 20)
    np.testing.assert_array_equal(
        after.by_prediction(areas[13:], SHIPPED_END_MODEL),
        after.by_prediction(np.full(7, 200.0), SHIPPED_END_MODEL),
    )
    said = class_extent(known(*PAIR, absences=(absent(15, 19),)), 1, areas)
    assert 0.1 < said[14] < 0.9 and said[15] == 0


@given(st.lists(st.integers(5, 15), min_size=1, max_size=4, unique=True), st.integers(1, 40))
def test_between_and_beyond_any_labelled_slices_a_class_only_fades(places: list[int], width: int) -> None:
    prompts = [a_prompt(index, width) for index in sorted(places)]
    for areas in (None, np.full(20, 10.0 * width), np.zeros(20)):
        there = class_extent(known(*prompts), 1, areas)
        assert (there[min(places) : max(places) + 1] == 1).all()
        assert (np.diff(there[max(places) :]) <= 0).all() and (np.diff(there[: min(places) + 1]) >= 0).all()


def test_in_a_gap_the_probability_that_a_class_has_ended_counts_in_part() -> None:
    """Drafts and network see the slice without the class themselves."""
    told = known(a_prompt(5, 20, 20), a_prompt(9, 20, 0), a_prompt(13, 20, 0))
    group = SimpleNamespace(ids=(2,))
    there = class_extent(told, 2)
    volume = extents.Extents([group], told, (there[None],), {2: told.endings(2)})  # type: ignore[list-item]
    planes = np.full((1, 4, 4), 0.5, np.float32)
    for index, expected in ((4, there[4]), (7, there[7] ** extents.GAP_CREDIT), (11, 0.0)):
        (weighed,) = volume.weighed(index, (planes,))
        np.testing.assert_allclose(weighed, 0.5 * expected, rtol=1e-5)


def test_of_a_gap_it_is_asked_where_the_class_ends_in_it() -> None:
    doubts = {index: {1: Doubt(presence, 200, 9)} for index, presence in ((7, 0.9), (8, 0.5), (9, 0.1))}
    doubts |= {index: {1: Doubt(presence, 200, 11)} for index, presence in ((11, 0.1), (12, 0.6))}
    asked = questions(doubts, {1: 1000.0}, 0)
    assert [(each.index, each.until) for each in asked] == [(8, 9), (12, 11)]


def test_a_structure_that_runs_through_the_volume_is_not_cut() -> None:
    """Labelled evenly: half a gap is left on either side."""
    for places in ((3, 9, 16), (1, 5, 9, 13, 17)):
        for width in (1, 4, 36):
            cord = known(*(a_prompt(index, width) for index in places))
            assert (class_extent(cord, 1) > 0.5).all()
            assert (class_extent(cord, 1, np.full(20, 10.0 * width)) > 0.5).all()


def test_who_spreads_slices_evenly_leaves_less_than_a_gap() -> None:
    """In a volume that goes on for long; the more unevenly slices are labelled, the less that tells."""
    extents_of = [
        class_extent(known(*(a_prompt(i, 20) for i in places)), 1) for places in ((8, 10, 12), (8, 9, 12))
    ]
    even, uneven = (there[14] for there in extents_of)
    assert even < 0.5 and even < uneven
    (_, after) = endings([a_prompt(index, 20) for index in (8, 10, 12)], 1, SPACING, 20)
    np.testing.assert_allclose(after.traits[:, 3], [1] * 7)
    (_, after) = endings([a_prompt(index, 20) for index in (3, 7, 11)], 1, SPACING, 20)
    np.testing.assert_allclose(after.traits[:, 3], [0, 0.75, 1, 1, 1, 1, 1, 1])
    (_, after) = endings([a_prompt(index, 20) for index in (8, 10, 12)], 1, SPACING, 14)
    np.testing.assert_allclose(after.traits[:, 3], [0])  # the border of the volume is half a gap away
