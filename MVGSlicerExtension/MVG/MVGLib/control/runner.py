"""Carries out a run on the worker: passes on slices one by one, ends exactly once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from MVGCore.prompts import PromptSet
from MVGCore.session.requests import AllSlices, PreviewSlice, SegmentVolume
from MVGCore.session.results import (
    Cancelled,
    Failed,
    FailureKind,
    Finished,
    Progress,
    Ready,
    SliceDone,
)
from MVGCore.volume import SegmentClass, Volume
from MVGCore.worker.host.client import Worker
from MVGLib.control.protocols import Clock
from MVGLib.control.runsettings import RunSettings
from MVGLib.control.signals import Signal


@dataclass(frozen=True, eq=False)
class Order:
    """What is to be computed.

    Attributes:
        settings: Model, device and seed, and what the user wants of the result.
        request: What the worker is asked for.
        volume: The input.
    """

    settings: RunSettings
    request: AllSlices | PreviewSlice
    volume: Volume

    @property
    def prompts(self) -> PromptSet | None:
        """The examples of a segmentation."""
        return self.request.prompts if isinstance(self.request, SegmentVolume | PreviewSlice) else None

    @property
    def classes(self) -> tuple[SegmentClass, ...]:
        """What the labels of a segmentation, or of its first pass, stand for, the draft's among them."""
        prompts = self.prompts
        if prompts is None:
            return ()
        draft = getattr(self.request, "draft", None)
        known = {each.id: each for each in (*(draft.classes if draft else ()), *prompts.classes)}
        return tuple(known[number] for number in sorted(known))

    @property
    def overlapping(self) -> tuple[tuple[SegmentClass, ...], ...]:
        """The classes of each further pass."""
        return tuple(each.classes for each in getattr(self.request, "overlapping", ()))

    def classes_of(self, layer: int) -> tuple[SegmentClass, ...]:
        """What the labels of a pass stand for."""
        return (self.classes, *self.overlapping)[layer]


class Listener:
    """Is told what happens in a run; the methods here do nothing."""

    def progressed(self, fraction: float, text: str) -> None:
        """A fraction of 0..1 is done."""

    def slice_done(self, done: SliceDone) -> None:
        """A slice is there."""

    def finished(self, summary: Any) -> None:
        """The run is complete."""

    def failed(self, message: str, kind: FailureKind) -> None:
        """The run has ended without a result."""

    def cancelled(self) -> None:
        """The run was stopped."""


class RunCarrier:
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
        self._clock = clock
        self._order: Order | None = None
        self._listener = Listener()
        self._job: int | None = None
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
        self._set_model(order.settings)
        self._job = self.worker.submit(order.request)

    def warm_up(self, settings: RunSettings, volume: Volume) -> None:
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

    def _set_model(self, settings: RunSettings) -> None:
        self.worker.set_model(model=settings.model, device=settings.device, seed=settings.seed)

    def _take(self, event: Any) -> None:
        if isinstance(event, Ready):
            self.ready = event
        elif isinstance(event, Failed) and event.job is None:
            self.trouble.emit(event.message, event.kind)
        elif getattr(event, "job", None) is not None and event.job == self._job:
            self._take_own(event)

    def _take_own(self, event: Any) -> None:
        listener = self._listener
        if isinstance(event, Progress) and not self._stopping:
            listener.progressed(event.fraction, event.text)
        elif isinstance(event, SliceDone) and not self._stopping:
            self._waiting.append(event)
        elif isinstance(event, Finished):
            summary = event.summary
            self._end = listener.cancelled if self._stopping else lambda: listener.finished(summary)
        elif isinstance(event, Failed):
            message, kind = event.message, event.kind
            self._end = lambda: listener.failed(message, kind)
        elif isinstance(event, Cancelled):
            self._end = listener.cancelled
