"""A run on a worker whose every step the test decides."""

from __future__ import annotations

from typing import Any

import pytest

from MVGCore.prompts import PromptSet
from MVGCore.session.requests import Denoise, Inpaint, SegmentVolume
from MVGCore.session.results import FailureKind, SliceDone
from MVGCore.volume import LabelMap, Volume
from MVGLib.control.runner import Listener, Order, RunCarrier
from MVGLib.control.runsettings import PanelTask, RunSettings
from Testing.slicer.panel.fakes import FakeClock, FakeWorker


class Heard(Listener):
    """Writes down what a run tells."""

    def __init__(self) -> None:
        self.slices: list[int] = []
        self.ends: list[Any] = []
        self.fractions: list[float] = []

    def progressed(self, fraction: float, text: str) -> None:
        self.fractions.append(fraction)

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
    return RunCarrier(worker, FakeClock())


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def order(an_image: Volume, a_labelmap: LabelMap):
    prompts = PromptSet.from_labelmap(an_image, a_labelmap, axis=0)
    return Order(RunSettings(), SegmentVolume(image=an_image, prompts=prompts), an_image)


def test_slices_come_before_the_end_which_comes_once(worker, runner, order, heard):
    runner.start(order, heard)
    worker.finish()
    runner.poll(1)
    runner.poll(1)
    assert sorted(heard.slices) == [0, 1, 2, 3, 4, 5]  # those that were given among them
    assert len(heard.ends) == 1 and heard.ends[0].axis == 0
    assert not runner.busy


def test_one_poll_writes_no_longer_than_its_time(worker, runner, order, heard):
    clock = FakeClock()
    runner = RunCarrier(worker, clock)
    heard.slice_done = lambda done: (heard.slices.append(done.index), setattr(clock, "now", clock.now + 0.02))
    runner.start(order, heard)
    worker.finish()
    for count in range(1, 7):
        runner.poll(0.01)
        assert len(heard.slices) == count
    assert len(heard.ends) == 1


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
    runner = RunCarrier(worker, clock)
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


@pytest.mark.parametrize("task", [PanelTask.DENOISE, PanelTask.INPAINT])
def test_image_tasks_ask_for_their_own_job(task, worker, runner, order, heard, a_labelmap):
    volume = order.volume
    request = {
        PanelTask.DENOISE: Denoise(image=volume, axis=0, slice_range=(3, 3)),
        PanelTask.INPAINT: Inpaint(image=volume, mask=a_labelmap, axis=0, slice_range=(3, 3)),
    }[task]
    runner.start(Order(RunSettings(task=task), request, volume), heard)
    worker.finish()
    runner.poll(1)
    assert worker.asked[-1] == (task.value, (3, 3))
    assert heard.slices == [3]
    assert heard.ends[0].notes == ("A note.",)
