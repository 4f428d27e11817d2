"""Collaborators of which a test decides every step: a worker without a process, a clock that stands still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.outcomes import AdaptReport, Estimate
from MVGCore.prompts import PromptSet
from MVGCore.session.results import (
    Adapted,
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
from MVGCore.volume import LabelMap, Volume


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
        self.all_axes: bool | None = None  # as the last propagation was asked to look
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

    def set_prompts(self, prompts: PromptSet) -> None:
        self.prompts = prompts

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

    def preview(self, index: int) -> int:
        job = self._begin("preview", index)
        self._events = [
            self._slice(index),
            Finished(job, "preview", Previewed(self._axis, index, 0.1, "cpu")),
        ]
        return job

    def propagate(self, slice_range: tuple[int, int] | None = None, all_axes: bool = True) -> int:
        job = self._begin("propagate", slice_range)
        self.all_axes = all_axes
        assert self.image is not None
        axis = self._axis
        first, last = slice_range or (0, self.image.geometry.shape[axis] - 1)
        known = {prompt.index for prompt in self._enabled()}
        wanted = [index for index in range(first, last + 1) if index not in known]
        for number, index in enumerate(wanted):
            self._events += [self._slice(index), Progress(job, (number + 1) / len(wanted), f"slice {index}")]
        sure = dict.fromkeys(wanted, 0.9)
        summary = Propagated(
            axis=axis,
            prompt_slices=tuple(sorted(known)),
            slice_confidence=sure,
            class_confidence={},
            expected_dice=Estimate(0.91, 0.03),
            slice_dice={index: Estimate(0.9, 0.05) for index in wanted},
            class_dice={},
            next_slice=wanted[-1] if wanted else None,
            seconds={},
            device="cpu",
            notes=(),
        )
        self._events.append(Finished(job, "propagate", summary))
        return job

    def adapt(self, seconds: float = 20.0, steps: int | None = None) -> int:
        job = self._begin("adapt", seconds)
        report = AdaptReport(True, 0.8, 0.85, 10, seconds, "Adapted: 0.80 became 0.85 on slices left out.")
        self._events = [Progress(job, 0.5, "adapting"), Finished(job, "adapt", Adapted(report, "cpu"))]
        return job

    def forget_adaptation(self) -> int:
        return self._begin("forget")

    def denoise(self, examples: Any = None, axis: int | None = None, slice_range: Any = None) -> int:
        return self._make_image("denoise", axis, slice_range)

    def inpaint(self, mask: LabelMap, axis: int | None = None, slice_range: Any = None) -> int:
        return self._make_image("inpaint", axis, slice_range)

    def synthesize(self, examples: Any, slice_range: Any = None) -> int:
        return self._make_image("synthesize", examples[0].axis, slice_range)

    def _make_image(self, task: str, axis: int | None, slice_range: tuple[int, int] | None) -> int:
        job = self._begin(task, slice_range)
        assert self.image is not None
        axis = axis or 0
        first, last = slice_range or (0, self.image.geometry.shape[axis] - 1)
        wanted = tuple(range(first, last + 1))
        for index in wanted:
            values = self.image.array.take(index, axis=axis) + 1
            self._events.append(
                SliceDone(job, axis, index, values.astype(self.image.array.dtype), None, None)
            )
        made = ImageMade(axis, wanted, (), 1.0, self.image.array.dtype.str, None, {}, "cpu", ("A note.",))
        self._events.append(Finished(job, task, made))
        return job

    def _begin(self, *what: Any) -> int:
        self.asked.append(what)
        self._job += 1
        return self._job

    def _enabled(self) -> list[Any]:
        return self.prompts.enabled if self.prompts else []

    @property
    def _axis(self) -> int:
        assert self.prompts is not None
        return self.prompts.axis

    def _slice(self, index: int) -> SliceDone:
        nearest = min(self._enabled(), key=lambda prompt: abs(prompt.index - index))
        labels = nearest.labels.copy()
        sure = np.full(labels.shape, 0.9, np.float32)
        return SliceDone(self._job, nearest.axis, index, labels, sure, Estimate(0.9, 0.05))
