"""The part of the worker that does the jobs, without a process around it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from MVGCore.errors import OutputError, stop_if
from MVGCore.outcomes import AdaptReport
from MVGCore.prompts import PromptSet
from MVGCore.session import Session, results
from MVGCore.session.requests import Adapt, AskInfo, Denoise, PreviewSlice, SegmentVolume
from MVGCore.volume import LabelMap, Volume
from MVGCore.worker.process.runner import RequestRunner
from MVGCore.worker.wire import messages


class Cancelling:
    """Answers whether to stop; `when` is told who asks, by itself or through `stop_if`, by the function's
    name."""

    def __init__(self) -> None:
        self.when: Callable[[str], bool] = lambda who: False

    def __call__(self) -> bool:
        asking = sys._getframe(1)
        if asking.f_code is stop_if.__code__ and asking.f_back is not None:
            asking = asking.f_back
        return self.when(asking.f_code.co_name)


@pytest.fixture
def told() -> list[Any]:
    """What a runner has reported."""
    return []


@pytest.fixture
def stop() -> Cancelling:
    return Cancelling()


@pytest.fixture
def runner(
    told: list[Any],
    stop: Cancelling,
    small_weights: Path,
    tube: tuple[Volume, LabelMap],
    prompts: PromptSet,
    tmp_path: Path,
) -> Iterator[RequestRunner]:
    runner = RequestRunner(told.append, stop, tmp_path / "kept" / "adapted.safetensors")
    runner.handle(messages.SetImage(tube[0]))
    runner.handle(messages.SetPrompts(prompts))
    runner.handle(messages.SetModel(str(small_weights), "cpu", 0, 1))
    yield runner
    runner.close()


def test_a_job_is_stopped_in_the_middle_of_a_batch(
    runner: RequestRunner, told: list[Any], stop: Cancelling, tube: tuple[Volume, LabelMap]
) -> None:
    """When only the model's parts ask whether to stop; and the session is sound afterwards."""
    runner.handle(messages.Run(1, SegmentVolume()))
    first = [event for event in told if isinstance(event, results.SliceDone)]
    asked = 0

    def late(who: str) -> bool:
        nonlocal asked
        asked += who == "_stop_here"
        return who == "_stop_here" and asked > 20

    told.clear()
    runner.handle(messages.SetImage(tube[0]))  # so that nothing is kept of the first job
    stop.when = late
    runner.handle(messages.Run(2, SegmentVolume()))
    assert told[-1] == results.Cancelled(2)
    stop.when = lambda who: False
    told.clear()
    runner.handle(messages.Run(3, SegmentVolume()))
    again = [event for event in told if isinstance(event, results.SliceDone)]
    assert isinstance(told[-1], results.Finished)
    assert len(first) == 3 + 1 + 2 * 11  # given; guessed; seen, then chosen
    for one, other in zip(first, again, strict=True):
        assert (one.index, one.values.tobytes()) == (other.index, other.values.tobytes())


def test_nothing_is_asked_of_a_job_that_was_cancelled_before(
    runner: RequestRunner, told: list[Any], stop: Cancelling
) -> None:
    told.clear()
    stop.when = lambda who: True
    runner.handle(messages.Run(1, PreviewSlice(index=5)))
    assert told == [results.Cancelled(1)]


def test_a_result_that_comes_too_late_is_not_sent(
    runner: RequestRunner, told: list[Any], stop: Cancelling
) -> None:
    told.clear()
    answers = iter([False, True])
    stop.when = lambda who: next(answers)
    runner.handle(messages.Run(1, AskInfo()))
    assert told == [results.Cancelled(1)]


class Adapting:
    """Instead of `Session.adapt`: takes other weights."""

    def __init__(self, weights: Path) -> None:
        self.weights = weights

    def __call__(self, session: Session, *arguments: Any) -> AdaptReport:
        session.use_adapted(self.weights, "the examples")
        return AdaptReport(True, 0.8, 0.9, 1, 0.1, "Better.")


@pytest.fixture
def adapting(monkeypatch: pytest.MonkeyPatch, other_weights: Path) -> None:
    adapt = Adapting(other_weights)
    monkeypatch.setattr(Session, "adapt", lambda session, *arguments: adapt(session, *arguments))


def test_an_adaptation_that_comes_too_late_is_undone(
    runner: RequestRunner, told: list[Any], stop: Cancelling, adapting: None, tmp_path: Path
) -> None:
    path = tmp_path / "kept" / "adapted.safetensors"
    session = runner._session
    assert session is not None
    stop.when = lambda who: who == "_run" and session.model.adapted
    runner.handle(messages.Run(1, Adapt()))
    assert told[-1] == results.Cancelled(1) and not session.model.adapted and not path.exists()

    stop.when = lambda who: False
    runner.handle(messages.Run(2, Adapt()))
    assert isinstance(told[-1], results.Finished) and session.model.adapted and path.is_file()
    stop.when = lambda who: who == "_run"
    runner.handle(messages.Run(3, Adapt()))
    assert session.model.adapted  # as before


def test_adapted_weights_that_cannot_be_written_are_used_all_the_same(
    runner: RequestRunner, told: list[Any], adapting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept" / "adapted.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"of an earlier adaptation")

    def full(session: Session, path: Path) -> None:
        raise OutputError("The disk is full.")

    monkeypatch.setattr(Session, "save_model", full)
    runner.handle(messages.Run(1, Adapt()))
    assert isinstance(told[-1], results.Finished) and not path.exists()


def test_lost_weights_of_an_adaptation_are_told(
    runner: RequestRunner, told: list[Any], tmp_path: Path
) -> None:
    runner.handle(messages.UseAdapted(str(tmp_path / "lost.safetensors"), "some examples"))
    assert isinstance(told[-1], results.Log) and "adapt again" in told[-1].text
    runner.handle(messages.Run(1, AskInfo()))
    assert isinstance(told[-1], results.Finished)


def test_jobs_without_state(told: list[Any], stop: Cancelling, small_weights: Path, tmp_path: Path) -> None:
    """A host that forgot something gets a sentence, whatever it asks."""
    runner = RequestRunner(told.append, stop, tmp_path / "kept" / "adapted.safetensors")
    runner.handle(messages.Run(1, PreviewSlice(index=5)))
    runner.handle(messages.SetModel(str(small_weights), "cpu", 0, 1))
    for number, request in enumerate((PreviewSlice(index=5), SegmentVolume(), Denoise()), start=2):
        runner.handle(messages.Run(number, request))
    failures = [event for event in told if not isinstance(event, results.Ready)]
    assert [event.job for event in failures] == [1, 2, 3, 4]
    assert all(event.kind is results.FailureKind.INPUT and event.message for event in failures)
    runner.close()
