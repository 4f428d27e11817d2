"""A run on a worker whose every step the test decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from MVGCore.prompts import PromptSet
from MVGCore.session.results import FailureKind, SliceDone
from MVGCore.volume import LabelMap, Volume
from MVGLib.control.runner import Listener, Order, Runner
from MVGLib.control.state import Settings, Task
from Testing.slicer.panel.fakes import FakeClock, FakeWorker


class Heard(Listener):
    """Writes down what a run tells."""

    def __init__(self) -> None:
        self.slices: list[int] = []
        self.ends: list[Any] = []
        self.fractions: list[float] = []
        self.adaptations: list[str] = []

    def progressed(self, fraction: float, text: str) -> None:
        self.fractions.append(fraction)

    def adapted(self, text: str) -> None:
        self.adaptations.append(text)

    def slice_done(self, done: SliceDone) -> None:
        self.slices.append(done.index)

    def finished(self, summary: Any) -> None:
        self.ends.append(summary)

    def failed(self, message: str, kind: FailureKind) -> None:
        self.ends.append((message, kind))

    def cancelled(self) -> None:
        self.ends.append("cancelled")


@pytest.fixture
def worker():
    return FakeWorker()


@pytest.fixture
def runner(worker):
    return Runner(worker, FakeClock())


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def order(an_image: Volume, a_labelmap: LabelMap):
    return Order(Settings(), an_image, PromptSet.from_labelmap(an_image, a_labelmap, axis=0), axis=0)


def test_slices_come_before_the_end_which_comes_once(worker, runner, order, heard):
    runner.start(order, heard)
    worker.finish()
    runner.poll(1)
    runner.poll(1)
    assert sorted(heard.slices) == [0, 2, 3, 5]
    assert len(heard.ends) == 1 and heard.ends[0].axis == 0
    assert not runner.busy


def test_one_poll_writes_no_longer_than_its_time(worker, runner, order, heard):
    clock = FakeClock()
    runner = Runner(worker, clock)
    heard.slice_done = lambda done: (heard.slices.append(done.index), setattr(clock, "now", clock.now + 0.02))
    runner.start(order, heard)
    worker.finish()
    for count in (1, 2, 3, 4):
        runner.poll(0.01)
        assert len(heard.slices) == count
    assert len(heard.ends) == 1


def test_adaptation_comes_first_and_only_when_the_examples_are_new(worker, runner, order, heard):
    adapting = Order(Settings(adapt=True), order.volume, order.prompts, axis=0, adapt="these examples")
    for _round in range(2):
        runner.start(adapting, heard)
        while runner.busy:
            worker.finish()
            runner.poll(1)
    assert [name for name, *_ in worker.asked if name in ("adapt", "propagate")] == ["adapt"] + 2 * [
        "propagate"
    ]
    assert len(heard.adaptations) == 1
    assert heard.fractions[0] == 0.25


def test_a_run_without_adaptation_goes_back_to_the_loaded_weights(worker, runner, order, heard):
    adapting = Order(Settings(adapt=True), order.volume, order.prompts, axis=0, adapt="these examples")
    for each in (adapting, order):
        runner.start(each, heard)
        while runner.busy:
            worker.finish()
            runner.poll(1)
    assert [name for name, *_ in worker.asked if name in ("forget", "propagate")] == [
        "propagate",
        "forget",
        "propagate",
    ]


def test_another_model_and_back_is_adapted_anew(worker, runner, order, heard):
    for model in ("compact", "other.safetensors", "compact"):
        settings = Settings(model=model, adapt=True)
        runner.start(Order(settings, order.volume, order.prompts, axis=0, adapt=f"{model} examples"), heard)
        while runner.busy:
            worker.finish()
            runner.poll(1)
    assert [name for name, *_ in worker.asked].count("adapt") == 3


def test_a_cancelled_run_tells_no_more_slices(worker, runner, order, heard):
    runner.start(order, heard)
    worker.step(1)
    runner.poll(1)
    runner.cancel()
    runner.cancel()
    runner.poll(1)
    assert len(heard.slices) == 1
    assert heard.ends == ["cancelled"]
    assert worker.asked.count(("cancel", 1)) == 1


def test_cancel_after_the_last_slice_still_ends_as_cancelled(worker, order, heard):
    clock = FakeClock()
    runner = Runner(worker, clock)
    runner.start(order, heard)
    worker.finish()
    heard.slice_done = lambda done: setattr(clock, "now", clock.now + 1)
    runner.poll(0.5)  # everything has arrived, one slice is written
    runner.cancel()
    runner.poll(0.5)
    assert heard.ends == ["cancelled"] and not runner.busy


def test_a_crash_is_told_with_its_sentence(worker, runner, order, heard):
    runner.start(order, heard)
    worker.fail("The worker ended; press Apply again.")
    runner.poll(1)
    assert heard.ends == [("The worker ended; press Apply again.", FailureKind.CRASHED)]
    runner.start(order, heard)
    assert runner.busy


def test_an_abandoned_run_is_never_heard_of_again(worker, runner, order, heard):
    runner.start(order, heard)
    worker.step(1)
    runner.abandon()
    worker.finish()
    runner.poll(1)
    assert not heard.slices and not heard.ends and not runner.busy


@pytest.mark.parametrize("task", [Task.DENOISE, Task.INPAINT])
def test_image_tasks_ask_for_their_own_job(task, worker, runner, order, heard, a_labelmap):
    made = Order(Settings(task=task), order.volume, mask=a_labelmap, axis=0, preview=3)
    runner.start(made, heard)
    worker.finish()
    runner.poll(1)
    assert worker.asked[-1] == (task.value, (3, 3))
    assert heard.slices == [3]
    assert heard.ends[0].notes == ("A note.",)


def test_labelled_slices_are_passed_on_with_the_computed_ones(worker, runner, order, heard):
    runner.start(order, heard)
    given = SliceDone(None, 0, 1, np.zeros((8, 10), np.uint16), None, None)
    runner.feed([given])
    worker.finish()
    runner.poll(1)
    assert sorted(heard.slices) == [0, 1, 2, 3, 5]
