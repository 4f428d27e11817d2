"""Collaborators of which a test decides every step: a worker without a process, a clock that stands still."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.outcomes import AdaptReport, Estimate, Question
from MVGCore.prompts import PromptSet
from MVGCore.session.layers import judged_together
from MVGCore.session.requests import Denoise, Inpaint, PreviewSlice, Request, SegmentVolume, Synthesize
from MVGCore.session.results import (
    Cancelled,
    Event,
    Failed,
    FailureKind,
    Finished,
    ImageMade,
    Previewed,
    Progress,
    Propagated,
    SliceDone,
)
from MVGCore.volume import Volume

DICE = (0.9, 0.8)  # to expect, by pass


class FakeClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeWorker:
    """Answers like the real worker, one event per `step`.

    A propagated slice has the labels of the nearest example. Everything that was asked is in `asked`.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.image: Volume | None = None
        self.prompts: PromptSet | None = None
        self.request: Request | None = None  # the last one
        self.adapted_to = ""
        self.questions: tuple[Question, ...] = ()  # of every result from now on
        self.ask_first = False
        self.closed = False
        self.memory = ""
        self.log_path = Path("worker.log")
        self._job = 0
        self._events: list[Event] = []  # still to come
        self._sent: list[Event] = []  # to be given by the next poll

    @property
    def busy(self) -> bool:
        return bool(self._events)

    def step(self, count: int = 1) -> None:
        """Let so many events happen."""
        self._sent += self._events[:count]
        del self._events[:count]

    def finish(self) -> None:
        """Let everything happen."""
        self.step(len(self._events))

    def fail(self, message: str, kind: FailureKind = FailureKind.CRASHED) -> None:
        """Let the job that goes on fail."""
        self._events = [Failed(self._job, message, kind)]
        self.finish()

    # What `MVGCore.worker.host.client.Worker` asks for

    def set_model(
        self, model: Any = "compact", device: str = "auto", seed: int = 0, threads: Any = None
    ) -> None:
        self.asked.append(("model", model, device, seed))

    def set_image(self, volume: Volume) -> None:
        self.image = volume

    def start(self) -> None:
        self.asked.append(("start",))

    def restart(self, reason: str = "") -> None:
        self.asked.append(("restart",))

    def close(self) -> None:
        self.closed = True

    def poll(self, limit: int | None = None) -> list[Event]:
        sent, self._sent = self._sent[:limit], self._sent[limit:] if limit else []
        return sent

    def cancel(self, job: int | None = None) -> None:
        self.asked.append(("cancel", job))
        if self._events:
            self._events = []
            self._sent = [Cancelled(self._job)]

    def submit(self, request: Request) -> int:
        self.request = request
        self.image = getattr(request, "image", None) or self.image
        self.prompts = getattr(request, "prompts", None) or self.prompts
        if isinstance(request, SegmentVolume):
            return self._segment(request)
        if isinstance(request, PreviewSlice):
            return self._preview(request)
        assert isinstance(request, Denoise | Inpaint | Synthesize)
        axis = request.examples[0].axis if isinstance(request, Synthesize) else request.axis
        return self._make_image(type(request).__name__.lower(), axis, request.slice_range)

    def _preview(self, request: PreviewSlice) -> int:
        job = self._begin("preview", request.index)
        axis = self._axis_of(request)
        passes = (self._enabled(), *(each.enabled for each in request.overlapping))
        self._events = [
            *(self._slice(axis, request.index, each, layer) for layer, each in enumerate(passes)),
            Finished(job, Previewed(axis, request.index, 0.1, "cpu")),
        ]
        return job

    def _segment(self, request: SegmentVolume) -> int:
        job = self._begin("segment", request.slice_range)
        report = self._adapt(job, request.adapt_seconds)
        axis = self._axis_of(request)
        passes = (self._enabled(), *(each.enabled for each in request.overlapping))
        told = [
            self._pass(request, axis, prompts, (layer, len(passes))) for layer, prompts in enumerate(passes)
        ]
        told[0] = replace(told[0], adaptation=report)
        self._events.append(Finished(job, judged_together(told)))
        return job

    def _pass(
        self, request: SegmentVolume, axis: int, prompts: list[Any], place: tuple[int, int]
    ) -> Propagated:
        """The events of one pass, and what is said of it; `place` is its number, and how many there are."""
        (layer, count), job = place, self._job
        assert self.image is not None
        first, last = request.slice_range or (0, self.image.geometry.shape[axis] - 1)
        given = {prompt.index: prompt for prompt in prompts if prompt.axis == axis}
        for index, prompt in given.items():
            sure = np.ones(prompt.labels.shape, np.float32)
            labels = prompt.labels.copy()
            self._events.append(SliceDone(job, axis, index, labels, sure, None, True, layer))
        indices = [index for index in range(first, last + 1) if index not in given]
        for number, index in enumerate(indices):
            done = Progress(job, (layer + (number + 1) / len(indices)) / count, f"slice {index}")
            self._events += [self._slice(axis, index, prompts, layer), done]
        return Propagated(
            axis=axis,
            prompt_slices=tuple(sorted(given)),
            slice_confidence=dict.fromkeys(indices, 0.9),
            class_confidence={},
            expected_dice=Estimate(DICE[layer] + 0.01, 0.03),
            slice_dice={index: Estimate(DICE[layer], 0.05) for index in indices},
            class_dice={layer + 1: Estimate(DICE[layer], 0.05)},
            next_slice=indices[-1] if indices else None,
            seconds={},
            device="cpu",
            notes=(),
            adapted_to=self.adapted_to,
            questions=self.questions,
            next_question=next(iter(self.questions), None) if self.ask_first else None,
        )

    def _adapt(self, job: int, seconds: float | None) -> AdaptReport | None:
        """As `Session` does: once for the same examples, forgotten when it is not wanted any more."""
        if not seconds:
            self.adapted_to = "" if seconds == 0 else self.adapted_to
            return None
        name = repr((seconds, sorted(prompt.fingerprint for prompt in self._enabled())))
        if self.adapted_to == name:
            return None
        self.adapted_to = name
        self.asked.append(("adapt", seconds))
        self._events.append(Progress(job, 0.25, "adapting"))
        return AdaptReport(True, 0.8, 0.85, 10, seconds, "Adapted: 0.80 became 0.85 on slices left out.")

    def _make_image(self, task: str, axis: int | None, slice_range: tuple[int, int] | None) -> int:
        job = self._begin(task, slice_range)
        assert self.image is not None
        axis = axis or 0
        first, last = slice_range or (0, self.image.geometry.shape[axis] - 1)
        indices = tuple(range(first, last + 1))
        for index in indices:
            values = self.image.array.take(index, axis=axis) + 1
            self._events.append(
                SliceDone(job, axis, index, values.astype(self.image.array.dtype), None, None)
            )
        made = ImageMade(axis, indices, (), 1.0, self.image.array.dtype.str, None, {}, "cpu", ("A note.",))
        self._events.append(Finished(job, made))
        return job

    def _begin(self, *what: Any) -> int:
        self.asked.append(what)
        self._job += 1
        return self._job

    def _enabled(self) -> list[Any]:
        return self.prompts.enabled if self.prompts else []

    def _axis_of(self, request: SegmentVolume | PreviewSlice) -> int:
        assert self.prompts is not None
        return self.prompts.axis if request.axis is None else request.axis

    def _slice(self, axis: int, index: int, prompts: list[Any], layer: int = 0) -> SliceDone:
        across = [prompt for prompt in prompts if prompt.axis == axis]
        whole = [prompt for prompt in across if not prompt.partial]
        labels = min(whole, key=lambda prompt: abs(prompt.index - index)).labels.copy()
        for prompt in across:
            if prompt.partial and prompt.index == index:
                labels = np.where(prompt.known, prompt.labels, labels)
        sure = np.full(labels.shape, DICE[layer], np.float32)
        return SliceDone(self._job, axis, index, labels, sure, Estimate(DICE[layer], 0.05), layer=layer)
