"""Propagation: the order of slices, cancelling, full GPUs, and prompts from elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from MVGCore.errors import CancelledError
from MVGCore.models import fallback, load
from MVGCore.models.device import Device
from MVGCore.prompts import Prompt
from MVGCore.segmentation import Propagator, secondlook
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.fuse.assemble import SliceResult
from MVGCore.segmentation.plan.selection import blocks_of, in_batches
from MVGCore.segmentation.predict import predictions as answers_module
from MVGCore.segmentation.predict import prepare as prepare_module
from MVGCore.volume import Geometry, LabelMap, Volume

CPU = Device("cpu", torch.device("cpu"), torch.float32)
# What calls itself a GPU but computes on the CPU, so that running out of its memory can be played.
FAKE_GPU = Device("cuda:0", torch.device("cpu"), torch.float32)


@pytest.fixture(autouse=True)
def plain_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "select_device", lambda _: CPU)


def quiet(fraction: float, text: str) -> None:
    """No progress is wanted."""


def never() -> bool:
    return False


def a_propagator(model, image, local, foreign=(), device=CPU, batch=4) -> Propagator:
    return Propagator(model, device, image, local, foreign, 0, batch)


def order(propagator: Propagator, indices: list[int]) -> list[int]:
    return [done.index for done in propagator.slices(indices, quiet, never)]


def full_gpu(model, largest: int, calls: list[int], what: str = "generate") -> None:
    """Lets a model run out of memory on more than `largest` targets while `calls` says it is on the GPU."""
    intact = getattr(model, what)

    def limited(*arguments):
        count = len(arguments[-1].images)
        calls.append(count)
        if count > largest and not getattr(model, "moved", False):
            raise torch.cuda.OutOfMemoryError("full")
        return intact(*arguments)

    def move(*_: object, **__: object) -> object:
        model.moved = True
        return model

    setattr(model, what, limited)
    model.to = move


def test_each_slice_comes_the_nearest_first(echo, tube, prompts_of) -> None:
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]))
    indices = [n for n in range(14) if n not in (2, 9)]
    came = order(propagator, indices)
    came, again = came[: len(indices)], came[len(indices) :]  # once more as all together decide it
    assert sorted(came) == indices and again in ([], came)
    for gap in (range(2), range(3, 9), range(10, 14)):
        distances = [min(abs(n - 2), abs(n - 9)) for n in came if n in gap]
        assert distances == sorted(distances)
    assert came[0] in (1, 3, 8, 10)


def test_the_first_slice_comes_at_once_as_a_guess_and_again(echo, tube, prompts_of) -> None:
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 6, 9]))
    plain = list(propagator.slices([3, 4, 5, 7], quiet, never))
    propagator.cache.clear()
    guess, *rest = propagator.slices([3, 4, 5, 7], quiet, never, guess=True)
    assert guess.index == rest[0].index and np.mean(guess.labels == tube[1].array[guess.index]) > 0.97
    for one, other in zip(rest, plain, strict=True):
        assert one.index == other.index
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.confidence, other.confidence)
    again = propagator.slices([3, 4, 5, 7], quiet, never, guess=True)
    assert len(list(again)) == 4  # what is known is not guessed


def test_a_guess_needs_two_prompts_and_no_appearance(echo, tube, prompts_of) -> None:
    encoded, encode = [], echo.encode_prompts
    echo.encode_prompts = lambda prompts: encoded.append(1) or encode(prompts)
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 6, 9]))
    slices = propagator.slices([4, 5], quiet, never, guess=True)
    next(slices)
    assert len(encoded) == 2 and "learn the appearance" not in propagator.watch.seconds
    list(slices)
    assert len(encoded) == 3 and "learn the appearance" in propagator.watch.seconds


def test_a_batch_never_crosses_a_labelled_slice() -> None:
    unknown = [n for n in range(14) if n not in (4, 6)]
    blocks = blocks_of([4, 6], unknown)
    assert sorted(sum(blocks, [])) == unknown
    for batch in [*blocks, *in_batches(unknown, [4, 6], blocks, 8)]:
        assert len({(n > 4) + (n > 6) for n in batch}) == 1 and len(batch) <= 8


def test_batches_are_parts_of_blocks_whatever_is_asked_for() -> None:
    blocks = blocks_of([1, 30], [0, *range(2, 30), *range(31, 40)])
    for wanted in (range(2, 30), range(5, 9), [0, 20, 39]):
        batches = in_batches(wanted, [1, 30], blocks, 3)
        assert sorted(sum(batches, [])) == sorted(wanted)
        assert all(any(set(batch) <= set(block) for block in blocks) for batch in batches)


def test_the_first_batch_is_small() -> None:
    blocks = blocks_of([1, 12], range(2, 12))
    assert [len(batch) for batch in in_batches(range(2, 12), [1, 12], blocks, 8)] == [2, 6, 2]


def test_an_honest_draft_makes_honest_labels(echo, tube, prompts_of) -> None:
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 11]))
    for done in propagator.slices([4, 6, 8], quiet, never):
        truth = tube[1].array[done.index]
        assert done.labels.dtype == np.uint16 and done.labels.shape == (40, 36)
        assert np.mean(done.labels == truth) > 0.97
        assert done.confidence.min() > 0 and done.confidence.max() <= 1


def test_many_classes_are_generated_in_groups_and_joined(echo, forty, prompts_of) -> None:
    propagator = a_propagator(echo, forty[0], prompts_of(forty, [1, 4]))
    assert len(propagator.plan.groups) == 5
    assert sorted(propagator.ids) == [10 * n + 5 for n in range(40)]
    (done,) = propagator.slices([2], quiet, never)
    assert np.mean(done.labels == forty[1].array[2]) > 0.88
    assert set(np.unique(done.labels)) == {0, *propagator.ids}


def test_progress_rises_to_one(echo, tube, prompts_of) -> None:
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]))
    heard: list[float] = []
    list(propagator.slices([0, 1, 3, 4, 5, 13], lambda fraction, text: heard.append(fraction), never))
    assert heard[0] == 0 and heard == sorted(heard) and heard[-1] == 1


def test_nothing_to_do_is_done_at_once(echo, tube, prompts_of) -> None:
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]))
    heard: list[float] = []
    assert list(propagator.slices([], lambda fraction, text: heard.append(fraction), never)) == []
    assert heard[-1] == 1


def test_cancelling_is_heard_before_and_between_batches(echo, tube, prompts_of) -> None:
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]), batch=2)
    with pytest.raises(CancelledError):
        next(propagator.slices([3, 4], quiet, lambda: True))
    came: list[int] = []
    with pytest.raises(CancelledError):
        for done in propagator.slices([3, 4, 5, 6, 7, 8], quiet, lambda: len(came) >= 2):
            came.append(done.index)
    assert len(came) == 2


def test_a_full_gpu_halves_the_batch_and_remembers_it(echo, tube, prompts_of) -> None:
    calls: list[int] = []
    full_gpu(echo, 2, calls)
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2]), device=FAKE_GPU, batch=8)
    assert sorted(order(propagator, list(range(3, 13)))) == list(range(3, 13))
    # The first two pass; six and three fail; from then on it is one slice at a time.
    assert calls == [2, 6, 3, *[1] * 8]
    assert propagator.device is FAKE_GPU and propagator.notes == []


def test_a_gpu_that_stays_full_is_left_for_the_cpu(echo, tube, prompts_of) -> None:
    full_gpu(echo, 0, [])
    indices = [3, 4, 5]
    expected = a_propagator(type(echo)(), tube[0], prompts_of(tube, [2, 9]))
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]), device=FAKE_GPU)
    made = list(propagator.slices(indices, quiet, never))
    for done, right in zip(made, expected.slices(indices, quiet, never), strict=True):
        np.testing.assert_array_equal(done.labels, right.labels)
    assert propagator.device is CPU
    assert len(propagator.notes) == 1 and "cuda:0" in propagator.notes[0] and "CPU" in propagator.notes[0]


def test_a_gpu_too_small_for_the_prompts_is_left_as_well(echo, tube, prompts_of) -> None:
    full_gpu(echo, 0, [], "encode_prompts")
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]), device=FAKE_GPU)
    assert order(propagator, [3]) == [3]
    assert propagator.device is CPU and len(propagator.notes) == 1


def test_a_gpu_too_small_to_weigh_the_draft_is_left_as_well(echo, tube, prompts_of) -> None:
    full_gpu(echo, 0, [])
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 6, 10]), device=FAKE_GPU)
    assert order(propagator, [3]) == [3]
    assert propagator.device is CPU and len(propagator.notes) == 1


def test_a_gpu_too_small_to_learn_the_appearance_is_left_as_well(echo, tube, prompts_of, monkeypatch) -> None:
    propagator, asked = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]), device=FAKE_GPU), []

    def limited(model, device, images):
        asked.append(device.name)
        if device is FAKE_GPU:
            raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(prepare_module, "textures", limited)
    assert order(propagator, [3]) == [3]
    assert asked == ["cuda:0", "cpu"] and propagator.device is CPU and len(propagator.notes) == 1


@pytest.mark.parametrize("what", ["generate", "encode_prompts"])
def test_out_of_memory_on_the_cpu_is_said(echo, tube, prompts_of, what: str) -> None:
    full_gpu(echo, 0, [], what)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        order(a_propagator(echo, tube[0], prompts_of(tube, [2])), [3])


def a_larger_brighter(case: tuple[Volume, LabelMap]) -> tuple[Volume, LabelMap]:
    """The same anatomy on another grid and another scale of intensities."""
    image, labels = case
    geometry = Geometry((14, 80, 72), (0.5, 0.5, 2.0))
    array = image.array.repeat(2, 1).repeat(2, 2) * 5 + 1000
    return Volume(array, geometry, "other"), LabelMap.of(labels.array.repeat(2, 1).repeat(2, 2), geometry)


def test_prompts_of_another_volume_work_alone(echo, tube, prompts_of) -> None:
    (foreign,) = prompts_of(a_larger_brighter(tube), [6])
    propagator = a_propagator(echo, tube[0], [], [foreign])
    (done,) = propagator.slices([6], quiet, never)  # the model copies the prompt: the frames must agree
    assert done.labels.shape == (40, 36)
    assert np.mean(done.labels == tube[1].array[6]) > 0.95


def test_prompts_of_other_volumes_join_those_of_this_one(echo, tube, prompts_of) -> None:
    foreign = prompts_of(a_larger_brighter(tube), [1, 12])
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 11]), foreign)
    (done,) = propagator.slices([6], quiet, never)
    assert np.mean(done.labels == tube[1].array[6]) > 0.97


def test_an_empty_slice_here_and_a_label_elsewhere_work(echo, tube, prompts_of) -> None:
    (foreign,) = prompts_of(a_larger_brighter(tube), [6])
    (local,) = prompts_of(tube, [2])
    local.labels = np.zeros_like(local.labels)
    propagator = a_propagator(echo, tube[0], [local], [foreign])
    assert propagator.ids == (3, 300)
    assert order(propagator, [6]) == [6]


def test_times_of_all_stages_are_kept(echo, tube, prompts_of) -> None:
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]))
    order(propagator, [3, 4])
    assert set(propagator.watch.seconds) == {
        "encode examples",
        "draft",
        "learn the appearance",
        "generate",
        "mix",
        "read back",
    }
    assert all(seconds >= 0 for seconds in propagator.watch.seconds.values())


@pytest.mark.parametrize("cancel", [False, True])
def test_batches_on_several_threads_give_what_one_gives(small_weights, tube, prompts_of, cancel) -> None:
    def run(threads: int) -> list[SliceResult]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        model, done = load(small_weights, CPU), []
        propagator = a_propagator(model, tube[0], prompts_of(tube, [2, 6, 9]), batch=2)
        try:
            indices = [0, 1, 3, 4, 5, 7, 8, 10, 11]
            for each in propagator.slices(indices, quiet, lambda: cancel and bool(done)):
                done.append(each)
        except CancelledError:
            assert cancel
        finally:
            torch.set_num_threads(before)
        return done

    one, several = ({each.index: each for each in run(threads)} for threads in (1, 3))
    if cancel:
        assert 0 < len(one) < 9 and 0 < len(several) < 9
    else:
        assert one.keys() == several.keys() and len(one) == 9
    for index in one.keys() & several.keys():
        assert np.array_equal(one[index].labels, several[index].labels)
        # Sums are rounded otherwise on other numbers of threads, and answers to half precision; a pixel that
        # is as likely of a class as not then counts for its end or does not.
        np.testing.assert_allclose(one[index].confidence, several[index].confidence, atol=3e-3)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """What is asked: of the first look, (class ids, slices); of the second, the class ids alone."""
    found, answer, again = [], answers_module._group_probabilities, secondlook.refine_across

    def first(model, device, context, slab, batch, *rest):
        found.append(("first", context.group.ids, tuple(batch)))
        return answer(model, device, context, slab, batch, *rest)

    def second(model, device, context, *rest):
        found.append(("second", context.group.ids, ()))
        return again(model, device, context, *rest)

    monkeypatch.setattr(answers_module, "_group_probabilities", first)
    monkeypatch.setattr(secondlook, "refine_across", second)
    return found


def test_after_a_correction_only_the_group_of_the_class_is_asked_again(
    echo, forty, prompts_of, asked
) -> None:
    prompts, cache = prompts_of(forty, [1, 4]), ContentCache()

    def run(drawn: list[Prompt], cache: ContentCache) -> dict[int, SliceResult]:
        asked.clear()
        propagator = Propagator(echo, CPU, forty[0], drawn, [], batch=2, cache=cache)
        return {each.index: each for each in propagator.slices([0, 2, 3, 5], quiet, never, all_axes=True)}

    def same(one: dict[int, SliceResult], other: dict[int, SliceResult]) -> None:
        for index in (0, 2, 3, 5):
            assert np.array_equal(one[index].labels, other[index].labels)
            assert np.array_equal(one[index].confidence, other[index].confidence)

    before = run(prompts, cache)
    groups = {ids for _, ids, _ in asked}
    assert len(groups) == 5 and {look for look, *_ in asked} == {"first", "second"}
    same(before, run(prompts, cache))
    assert asked == []  # nothing has changed
    labels = prompts[0].labels.copy()
    labels[2, 2] = 0  # within the block of the class 5
    changed = [replace(prompts[0], labels=labels), prompts[1]]
    after = run(changed, cache)
    (group,) = {ids for _, ids, _ in asked}
    assert 5 in group and {look for look, *_ in asked} == {"first", "second"}
    same(after, run(changed, ContentCache()))


def test_a_guess_after_a_correction_asks_the_group_of_the_class_alone(echo, forty, prompts_of, asked) -> None:
    prompts, cache = prompts_of(forty, [1, 4]), ContentCache()

    def first(drawn: list[Prompt]) -> SliceResult:
        propagator = Propagator(echo, CPU, forty[0], drawn, [], batch=2, cache=cache)
        came = propagator.slices([2, 3], quiet, never, guess=True)
        return next(came)

    # The first batch of all is small: slices come in other batches now.
    list(
        Propagator(echo, CPU, forty[0], prompts, [], batch=4, cache=cache).slices([0, 2, 3, 5], quiet, never)
    )
    labels = prompts[0].labels.copy()
    labels[2, 2] = 0  # within the block of the class 5
    asked.clear()
    guess = first([replace(prompts[0], labels=labels), prompts[1]])
    ((look, group, slices),) = asked
    assert look == "first" and 5 in group and slices == (guess.index,)
    assert np.mean(guess.labels == forty[1].array[guess.index]) > 0.9


def test_what_is_wider_than_any_canvas_is_found_in_tiles_and_not_looked_at_across(
    echo, prompts_of, asked
) -> None:
    labels = np.zeros((6, 160, 150), np.uint16)
    for k, plane in enumerate(labels):
        plane[10 : 140 + k, 20:130] = 1
        plane[30:34, 40:44] = 2
    geometry = Geometry.identity(labels.shape)
    image = Volume(labels * 100.0 + np.random.default_rng(0).normal(0, 1, labels.shape), geometry)
    prompts = prompts_of((image, LabelMap.of(labels, geometry)), [1, 4])
    propagator = Propagator(echo, CPU, image, prompts, [], batch=2)
    sides = {group.ids: group.canvas.side for group in propagator.plan.groups}
    assert sides[(1,)] > echo.canvas_sides[-1] >= sides[(2,)]
    found = {each.index: each for each in propagator.slices([0, 2, 3, 5], quiet, never, all_axes=True)}
    assert np.mean([(found[index].labels == labels[index]).mean() for index in (2, 3)]) > 0.99
    assert [ids for look, ids, _ in asked if look == "second"] == [(2,)]


def test_what_is_drawn_in_part_is_asked_each_time(echo, tube, prompts_of, asked) -> None:
    propagator = a_propagator(echo, tube[0], prompts_of(tube, [2, 9]))
    known = np.zeros(tube[1].array.shape[1:], np.bool_)
    known[:10] = True
    drawn = replace(prompts_of(tube, [5])[0], known=known)
    for _ in range(2):
        propagator.complete(drawn, never)
    assert [batch for *_, batch in asked] == [(5,)] * len(propagator.plan.groups) * 2
