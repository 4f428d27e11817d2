"""Carries out a run on the worker: adapts first if wanted, passes on slices one by one, ends exactly once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from MVGCore.prompts import PromptSet
from MVGCore.session.requests import WantedSlices
from MVGCore.session.results import (
    Adapted,
    Cancelled,
    Failed,
    FailureKind,
    Finished,
    Log,
    Progress,
    Ready,
    Restarted,
    SliceDone,
)
from MVGCore.volume import LabelMap, Volume
from MVGCore.worker.host.client import Worker
from MVGLib.control.protocols import Clock
from MVGLib.control.signals import Signal
from MVGLib.control.state import Settings, Task

_ADAPT_SHARE = 0.5  # of the progress bar, where the run adapts first


@dataclass(frozen=True, eq=False)
class Order:
    """What is to be computed.

    Attributes:
        settings: Task, model, device, seed, adaptation.
        volume: The input.
        prompts: The examples of a segmentation.
        wanted: The examples of an image task.
        mask: What to fill in.
        axis: Array axis of the slices; None takes that of the examples.
        slice_range: First and last slice, or None for all.
        preview: The only slice to compute, if this is a preview.
        adapt: Names the examples and the model to adapt to first, unless that has been done; empty for no
            adaptation.
    """

    settings: Settings
    volume: Volume
    prompts: PromptSet | None = None
    wanted: tuple[WantedSlices, ...] = ()
    mask: LabelMap | None = None
    axis: int | None = None
    slice_range: tuple[int, int] | None = None
    preview: int | None = None
    adapt: str = ""


class Listener:
    """Is told what happens in a run; the methods here do nothing."""

    def progressed(self, fraction: float, text: str) -> None:
        """A fraction of 0..1 is done."""

    def adapted(self, text: str) -> None:
        """The adaptation has ended; one sentence about it."""

    def slice_done(self, done: SliceDone) -> None:
        """A slice is there."""

    def finished(self, summary: Any) -> None:
        """The run is complete."""

    def failed(self, message: str, kind: FailureKind) -> None:
        """The run has ended without a result."""

    def cancelled(self) -> None:
        """The run was stopped."""


class Runner:
    """One run at a time.

    Attributes:
        worker: Computes.
        ready: What the worker said when it was last ready, or None.
        trouble: Emitted when the worker fails outside a run, with a sentence and the `FailureKind`.
    """

    def __init__(self, worker: Worker, clock: Clock) -> None:
        """
        Args:
            worker: Computes.
            clock: Limits how long one `poll` takes.
        """
        self.worker = worker
        self.ready: Ready | None = None
        self.trouble = Signal()
        self._adapted_to = ""  # `Order.adapt` of the weights in use
        self._model = ""
        self._clock = clock
        self._order: Order | None = None
        self._listener = Listener()
        self._job: int | None = None
        self._adapts = False  # whether this run has a stage of adaptation
        self._adapting = False  # whether it is in that stage
        self._stopping = False
        self._waiting: deque[SliceDone] = deque()
        self._end: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a run goes on."""
        return self._order is not None

    def start(self, order: Order, listener: Listener) -> None:
        """Begin a run; another one must not be going on."""
        assert not self.busy
        self._order, self._listener, self._end = order, listener, None
        self._stopping = False
        self._waiting.clear()
        settings, worker = order.settings, self.worker
        self._set_model(settings)
        worker.set_image(order.volume)
        if order.prompts is not None:
            worker.set_prompts(order.prompts)
        if self._adapted_to and not settings.adapt:
            worker.forget_adaptation()
            self._adapted_to = ""
        self._adapts = self._adapting = bool(order.adapt) and order.adapt != self._adapted_to
        self._job = worker.adapt(float(settings.adapt_seconds)) if self._adapting else self._compute()

    def feed(self, slices: Iterable[SliceDone], first: bool = False) -> None:
        """Pass on slices that need not be computed, after what waits already or before it."""
        if self.busy:
            (self._waiting.extendleft if first else self._waiting.extend)(slices)

    def warm_up(self, settings: Settings, volume: Volume) -> None:
        """Let the worker load the model and take the volume, so that the first run starts at once."""
        self._set_model(settings)
        self.worker.set_image(volume)
        self.worker.start()

    def cancel(self) -> None:
        """Stop the run; `cancelled` follows."""
        if self.busy and not self._stopping:
            self._stopping = True
            self._waiting.clear()
            if self._end is None:
                self.worker.cancel(self._job)
            else:
                self._end = self._listener.cancelled

    def abandon(self) -> None:
        """Stop the run and say nothing more about it, as when the scene is closed."""
        if self.busy:
            self.worker.cancel(self._job)
        self._order, self._job, self._listener, self._end = None, None, Listener(), None
        self._waiting.clear()

    def poll(self, seconds: float) -> None:
        """Pass on what the worker has sent, for about so many seconds."""
        until = self._clock() + seconds
        for event in self.worker.poll():
            self._take(event)
        while self._waiting:
            self._listener.slice_done(self._waiting.popleft())
            if self._clock() >= until:
                break
        if self._end is not None and not self._waiting:
            end, self._end = self._end, None
            self._order, self._job = None, None
            end()

    def _set_model(self, settings: Settings) -> None:
        if settings.model != self._model:  # the worker forgets the adaptation of the other one
            self._model, self._adapted_to = settings.model, ""
        self.worker.set_model(model=settings.model, device=settings.device, seed=settings.seed)

    def _compute(self) -> int:
        order, worker = self._order, self.worker
        assert order is not None
        if order.settings.task is Task.SEGMENT:
            if order.preview is not None:
                return worker.preview(order.preview)
            return worker.propagate(order.slice_range, order.settings.all_axes)
        limits = order.slice_range if order.preview is None else (order.preview, order.preview)
        choices: dict[str, Any] = {"slice_range": limits}
        if order.settings.task is Task.SYNTHESIZE:
            return worker.synthesize(list(order.wanted), **choices)
        choices["axis"] = order.axis
        if order.settings.task is Task.DENOISE:
            return worker.denoise(order.wanted[0] if order.wanted else None, **choices)
        assert order.mask is not None
        return worker.inpaint(order.mask, **choices)

    def _take(self, event: Any) -> None:
        if isinstance(event, Ready):
            self.ready = event
        elif isinstance(event, Restarted):
            if event.lost_adaptation:
                self._adapted_to = ""
        elif isinstance(event, Failed) and event.job is None:
            self.trouble.emit(event.message, event.kind)
        elif isinstance(event, Log):
            return
        elif event.job is not None and event.job == self._job:
            self._take_own(event)

    def _take_own(self, event: Any) -> None:
        listener = self._listener
        if isinstance(event, Progress) and not self._stopping:
            listener.progressed(self._fraction(event.fraction), event.text)
        elif isinstance(event, SliceDone) and not self._stopping:
            self._waiting.append(event)
        elif isinstance(event, Finished):
            if self._adapting and isinstance(event.summary, Adapted) and not self._stopping:
                assert self._order is not None
                self._adapted_to, self._adapting = self._order.adapt, False
                listener.adapted(event.summary.report.text)
                self._job = self._compute()
            else:
                summary = event.summary
                self._end = listener.cancelled if self._stopping else lambda: listener.finished(summary)
        elif isinstance(event, Failed):
            message, kind = event.message, event.kind
            self._end = lambda: listener.failed(message, kind)
        elif isinstance(event, Cancelled):
            self._end = listener.cancelled

    def _fraction(self, fraction: float) -> float:
        if not self._adapts:
            return fraction
        return _ADAPT_SHARE * fraction if self._adapting else _ADAPT_SHARE + (1 - _ADAPT_SHARE) * fraction
