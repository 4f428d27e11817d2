"""The look along the other two axes: what it corrects, where it is not believed, what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.errors import CancelledError
from MVGCore.models.device import Device
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Propagator
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.predict.parallel import workers
from MVGCore.segmentation.refine import multiplanar as second_look
from MVGCore.segmentation.refine import plane_stack
from MVGCore.segmentation.refine.multiplanar import expected_dice, refine_across
from MVGCore.segmentation.refine.plane_stack import (
    ENOUGH_ROWS,
    PlaneStack,
    canvas_across,
    example_rows,
    row_distance,
)
from MVGCore.segmentation.refine.stack import GroupVolume, class_odds, probabilities
from MVGCore.volume import Geometry, LabelMap, Volume

CPU = Device("cpu", torch.device("cpu"), torch.float32)
DEPTH, SIDE, WRONG = 20, 40, slice(9, 11)


def quiet(*_: object) -> None:
    """No progress is wanted."""


def never() -> bool:
    return False


@pytest.fixture
def ball() -> tuple[Volume, LabelMap]:
    """A bright ball, (20, 40, 40)."""
    places = np.indices((DEPTH, SIDE, SIDE)) - np.array([9.5, 20, 20])[:, None, None, None]
    labels = ((places * np.array([2.0, 1, 1])[:, None, None, None]) ** 2).sum(0) < 15**2
    geometry = Geometry((DEPTH, SIDE, SIDE), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))
    image = Volume(100 * labels.astype(np.float32), geometry, "ball", "MR")
    return image, LabelMap.of(labels.astype(np.uint16), geometry)


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A network that sees what is bright; says where lines were shown to it."""
    shown: list[bool] = []

    def seen(model, device, context, images, rows, chosen, hint, lines=None, part=None):
        assert hint is None
        shown.append(lines is not None)
        share = (images[:, 1:2] > 0.5).float().clamp(0.001, 0.999)
        return torch.cat((1 - share, share), 1).log()

    monkeypatch.setattr(plane_stack, "generate", seen)
    monkeypatch.setattr(second_look, "LEAST_PROOF", 1)
    return shown


def prepared(echo, ball, slices=(5, 14), found=None) -> tuple[Propagator, GroupVolume]:
    """The ball, seen right by the first look but on the slices `WRONG`, where it is missed."""
    image, labels = ball
    prompts = PromptSet.from_labelmap(image, labels, axis=0, slices=list(slices)).prompts
    propagator = Propagator(echo, CPU, image, prompts, [])
    propagator.contexts(never)
    group = propagator.plan.groups[0]
    if found is None:
        found = {n: 0.8 * (group.canvas.draw_labels(plane, group.ids)[None] == 1) for n, plane in
                 enumerate(labels.array) if n not in slices}  # fmt: skip
        for n in range(DEPTH)[WRONG]:
            found[n] = np.full_like(found[n], 0.3)
    labelled = {n: labels.array[n] for n in slices}
    return propagator, GroupVolume.of(group, image.array, found, labelled)


def look(propagator: Propagator, stack: GroupVolume, cancelled=never):
    context = propagator.predictor.contexts[0][0]
    return refine_across(propagator.model, CPU, context, stack, quiet, cancelled)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(0, 999))
def test_odds_and_probabilities_are_two_names_of_one_thing(classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(classes + 1), (5, 6)).transpose(2, 0, 1)
    odds = class_odds(shares[1:])
    assert odds.shape == (classes + 1, 5, 6) and not odds[0].any()
    np.testing.assert_allclose(probabilities(odds), shares[1:], atol=0.01)
    batch = class_odds(np.stack([shares[1:], shares[1:]]), axis=1)
    np.testing.assert_array_equal(batch[1], odds)


def test_what_is_labelled_is_certain(echo, ball) -> None:
    propagator, stack = prepared(echo, ball)
    group = propagator.plan.groups[0]
    for n in (5, 14):
        assert stack.known[n].all()
        drawn = group.canvas.draw_labels(ball[1].array[n], group.ids)
        np.testing.assert_array_equal(stack.odds[n].argmax(0), drawn)
        assert (np.abs(stack.odds[n, 1]) > 6).all()
    assert not stack.known[6].any()


def test_lines_across_are_certain_too(echo, ball) -> None:
    image, labels = ball
    propagator, _ = prepared(echo, ball)
    across = PromptSet.from_labelmap(image, labels, axis=1, slices=[20]).prompts
    group = propagator.plan.groups[0]
    nothing = {n: np.zeros((1, group.canvas.side, group.canvas.side)) for n in range(DEPTH)}
    stack = GroupVolume.of(group, image.array, nothing, {}, Crossing(0, tuple(across)))
    assert stack.known.any((1, 2)).all() and not stack.known.all()
    assert (stack.odds[:, 1][stack.known] > 6).any() and (stack.odds[:, 1][~stack.known] < -6).all()


def test_what_the_first_look_missed_is_found(echo, ball, bright) -> None:
    propagator, stack = prepared(echo, ball)
    assert not stack.odds[WRONG].argmax(1).any()
    odds = look(propagator, stack)
    group = propagator.plan.groups[0]
    for n in range(DEPTH)[WRONG]:
        truth = group.canvas.draw_labels(ball[1].array[n], group.ids)
        assert (odds[n].argmax(0) == truth).mean() > 0.97
    assert bright[0] is False and bright[-1] is True  # a probe without the lines, then the look with them


def test_what_shows_too_little_to_prove_anything_is_not_probed(echo, ball, bright, monkeypatch) -> None:
    propagator, stack = prepared(echo, ball)
    view = PlaneStack.of(echo, CPU, propagator.predictor.contexts[0][0], stack, 1)
    probed = view.rows[:: second_look.PROBED]
    _, shown = view.labelled(probed)
    drawn = sum((ball[1].array[n, 5:36:4] > 0).sum() for n in (5, 14)) / 8  # of a row, in the mean
    assert shown == pytest.approx(drawn * len(probed), rel=0.25)
    monkeypatch.setattr(second_look, "LEAST_PROOF", 10 * shown)
    expected = float(second_look.expected_dice(stack)[1])
    monkeypatch.setattr(second_look, "EXPECTED", (expected - 0.2, expected - 0.1))
    assert look(propagator, stack) is not None
    assert all(bright)
    monkeypatch.setattr(second_look, "EXPECTED", (expected, expected + 0.1))  # its examples would be wrong
    assert look(propagator, stack) is None


def test_a_network_that_does_not_find_what_is_labelled_is_not_believed(echo, ball, monkeypatch) -> None:
    propagator, stack = prepared(echo, ball)

    def blind(model, device, context, images, rows, chosen, hint, lines=None, part=None):
        assert lines is None, "it was believed before it had proved itself"
        return torch.cat((torch.zeros_like(images[:, :1]), torch.full_like(images[:, :1], -7)), 1)

    monkeypatch.setattr(plane_stack, "generate", blind)
    monkeypatch.setattr(second_look, "LEAST_PROOF", 1)
    proven, asked = second_look._proven, []
    monkeypatch.setattr(
        second_look, "_proven", lambda view, *others: asked.append(view.axis) or proven(view, *others)
    )
    assert look(propagator, stack) is None
    assert asked == [1]  # nor is it asked along the other axis


def test_a_network_that_contradicts_the_first_look_is_not_believed(echo, ball, bright) -> None:
    """It is right on labelled slices, but elsewhere the first look has seen something else."""
    side = prepared(echo, ball)[0].plan.groups[0].canvas.side
    elsewhere = np.zeros((1, side, side), np.float32)
    elsewhere[:, 2 : side // 4] = 0.9
    found = {n: elsewhere for n in range(DEPTH) if n not in (5, 14)}
    assert look(*prepared(echo, ball, found=found)) is None
    assert True in bright


def test_nothing_found_is_nothing_to_look_at(echo, ball, bright) -> None:
    propagator, _ = prepared(echo, ball)
    group = propagator.plan.groups[0]
    nothing = {n: np.zeros((1, group.canvas.side, group.canvas.side)) for n in range(DEPTH)}
    assert look(propagator, GroupVolume.of(group, ball[0].array, nothing, {})) is None
    assert not bright


def test_it_can_be_cancelled(echo, ball, bright) -> None:
    with pytest.raises(CancelledError):
        look(*prepared(echo, ball), cancelled=lambda: len(bright) > 2)
    assert 3 <= len(bright) <= 3 + 2 * workers(CPU)  # what had begun beside it


def test_the_expected_dice_is_that_of_the_probabilities(echo, ball) -> None:
    """Of what is not labelled: .8 of a ball that is chosen but for two slices, where all is a faint .3."""
    _, stack = prepared(echo, ball)
    found = np.exp(stack.odds[:, 1].astype(np.float32))
    found = (found / (1 + found))[~stack.known]
    chosen = found > 0.5
    expected = 2 * found[chosen].sum() / (chosen.sum() + found[found > 0.05].sum())
    np.testing.assert_allclose(expected_dice(stack), [0, expected], rtol=1e-3)


@pytest.mark.parametrize("axis", [1, 2])
def test_changes_go_where_they_were_seen(echo, ball, axis: int, monkeypatch) -> None:
    """And between, where every second slice would tell something new and every third is looked at."""
    propagator, stack = prepared(echo, ball)
    monkeypatch.setattr(plane_stack, "row_distance", lambda *_: 2)
    view = PlaneStack.of(echo, CPU, propagator.predictor.contexts[0][0], stack, axis)
    change = np.random.default_rng(0).normal(size=(len(view.rows), 2, DEPTH, stack.images.shape[1]))
    whole = view.spread(change.astype(np.float16))
    assert whole.shape == stack.odds.shape
    for n, row in enumerate(view.rows):
        np.testing.assert_array_equal(whole.take(row, axis + 1).swapaxes(0, 1), change[n].astype(np.float16))
    outside = [row for row in range(stack.images.shape[1]) if not view.rows[0] <= row < view.rows[-1] + 3]
    assert outside and not whole.take(outside, axis + 1).any()
    assert view.rows[1] - view.rows[0] == 3
    between = whole.take(view.rows[0] + 1, axis + 1).swapaxes(0, 1)
    np.testing.assert_allclose(between, (2 * change[0] + change[1]) / 3, atol=0.01)


def test_neighbours_are_the_nearest_that_tell_something_new(echo, ball, monkeypatch) -> None:
    """However far apart the slices are that are looked at."""
    propagator, stack = prepared(echo, ball)
    monkeypatch.setattr(plane_stack, "row_distance", lambda *_: 2)
    seen = []

    def recorded(model, device, context, images, rows, *_):
        seen.append((rows[1], images[1]))
        return torch.zeros(len(rows), 2, *images.shape[2:])

    monkeypatch.setattr(plane_stack, "generate", recorded)
    view = PlaneStack.of(echo, CPU, propagator.predictor.contexts[0][0], stack, 1)
    monkeypatch.setattr(type(view), "_part", lambda *_: None)
    view.look(view.rows, False, quiet, never)
    row, image = seen[0]
    drawn = view.context.group.canvas.draw_image(view.images[[row - 2, row, row + 2]])
    np.testing.assert_array_equal(image, drawn)


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 30), st.integers(1, 5), st.integers(0, 999))
def test_every_class_has_an_example(count: int, classes: int, seed: int) -> None:
    labels = np.random.default_rng(seed).choice(
        classes + 1, (count, 3, 3), p=[0.96, *[0.04 / classes] * classes]
    )
    chosen = example_rows(labels, range(count), classes)
    assert chosen == sorted(set(chosen)) and min(chosen) >= 0 and max(chosen) < count
    assert set(np.unique(labels)) - {0} <= set(np.unique(labels[chosen]))


def test_slices_that_are_corrected_come_twice_and_none_within_a_range(echo, ball, bright) -> None:
    image, labels = ball
    prompts = PromptSet.from_labelmap(image, labels, axis=0, slices=[5, 14]).prompts
    propagator = Propagator(echo, CPU, image, prompts, [])
    indices = [n for n in range(DEPTH) if n not in (5, 14)]
    heard: list[float] = []
    came = list(propagator.slices(indices, lambda part, text: heard.append(part), never, all_axes=True))
    assert sorted(done.index for done in came) == sorted(2 * indices)
    assert heard == sorted(heard) and heard[-1] == 1
    assert propagator.watch.seconds["look again"] > 0
    last = {done.index: done.labels for done in came}
    assert np.mean([(last[n] == labels.array[n]).mean() for n in indices]) > 0.98
    once = list(propagator.slices(indices[1:], quiet, never, all_axes=True))
    assert [done.index for done in once].count(indices[1]) == 1


def test_labels_are_chosen_by_what_was_found_in_the_whole_volume(echo, ball, monkeypatch) -> None:
    image, labels = ball
    monkeypatch.setattr("MVGCore.segmentation.secondlook.refine_across", lambda *_: None)
    seen = []

    def class_odds(found):
        seen.append(len(list(found)))
        return [np.full(1, 1e6, np.float32)]

    monkeypatch.setattr("MVGCore.segmentation.propagator.fit_class_odds", class_odds)
    prompts = PromptSet.from_labelmap(image, labels, axis=0, slices=[5, 14]).prompts
    indices = [n for n in range(DEPTH) if n not in (5, 14)]
    came = list(Propagator(echo, CPU, image, prompts, []).slices(indices, quiet, never, all_axes=True))
    assert seen == [len(indices)]
    first, second = came[: len(indices)], came[len(indices) :]
    assert [done.index for done in first] == [done.index for done in second]
    assert sum((done.labels > 0).sum() for done in second) > sum((done.labels > 0).sum() for done in first)


def test_a_full_gpu_is_left_in_the_second_look_too(echo, ball, bright, monkeypatch) -> None:
    image, labels = ball
    monkeypatch.setattr("MVGCore.models.fallback.select_device", lambda _: CPU)
    intact, where = plane_stack.generate, []

    def full(model, device, *others):
        where.append(device.name)
        if device.name != "cpu":
            raise torch.cuda.OutOfMemoryError("full")
        return intact(model, device, *others)

    monkeypatch.setattr(plane_stack, "generate", full)
    prompts = PromptSet.from_labelmap(image, labels, axis=0, slices=[5, 14]).prompts
    propagator = Propagator(echo, Device("cuda:0", torch.device("cpu"), torch.float32), image, prompts, [])
    indices = [n for n in range(DEPTH) if n not in (5, 14)]
    assert len(list(propagator.slices(indices, quiet, never, all_axes=True))) == 2 * len(indices)
    assert where[0] == "cuda:0" and set(where[1:]) == {"cpu"} and propagator.device.name == "cpu"


@pytest.mark.parametrize(
    ("extent", "step", "scale", "stride"),
    [
        (40, 1.0, 1.0, 1),  # as near to each other as the volume's own slices
        (40, 2.0, 0.5, 2),  # the canvas enlarges: every other slice is interpolated
        (300, 8.0, 1.0, 4),  # the volume's own slices are far apart
        (5 * ENOUGH_ROWS, 60.0, 1.0, 5),  # but enough are looked at
        (10, 60.0, 1.0, 1),
    ],
)
def test_slices_across_are_looked_at_as_far_as_they_tell_something_new(
    extent: int, step: float, scale: float, stride: int
) -> None:
    assert row_distance(extent, step, scale) == stride


@pytest.mark.parametrize(
    ("shape", "step", "finest", "side"),
    [
        ((30, 60), 2.0, 2.0, 64),  # enlarged twice: 72 pixels of the stack are 45 of the canvas
        ((30, 60), 2.0, 1.25, 96),
        ((30, 60), 2.0, 1.0, 96),  # never finer than the stack
        ((30, 60), 4.0, 1.0, 160),
        ((30, 300), 1.0, 1.0, 160),  # the largest there is
    ],
)
def test_canvases_across_show_all_as_finely_as_the_volume(shape, step, finest, side) -> None:
    shown = np.zeros((5, 40, 320), np.bool_)
    shown[2, 5 : 5 + shape[0], 10 : 10 + shape[1]] = True
    canvas = canvas_across(shown, step, finest, (64, 96, 128, 160))
    corners = canvas.to_canvas(np.array([[4.5, 9.5], [4.5 + shape[0], 9.5 + shape[1]]]))
    assert canvas.side == side
    assert (corners >= -0.5).all() and (corners <= side - 0.5).all()
    assert canvas.scale[0] * step == pytest.approx(canvas.scale[1])
