"""Does the jobs with a session; what goes wrong becomes a message."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from MVGCore.errors import Cancelled, InputError, MissingExtraError, MVGError, OutputError, stop_if
from MVGCore.images import ImageExamples, ImageSlice
from MVGCore.session import Session, SliceResult
from MVGCore.session import results as events
from MVGCore.session.requests import WantedSlices
from MVGCore.volume import Volume
from MVGCore.worker.process import summaries
from MVGCore.worker.process.hardware import info
from MVGCore.worker.wire import messages

PAUSE = 0.05  # seconds between two reports of progress

log = logging.getLogger("MVGCore.worker")

Report = Callable[[object], None]


class Runner:
    """Keeps the session and runs one job after the other.

    Args:
        report: sends a message to the host.
        cancelled: whether the current job is to stop; also asked in the middle of the model's work.
    """

    def __init__(self, report: Report, cancelled: Callable[[], bool]) -> None:
        self._report, self._cancelled = report, cancelled
        self._session: Session | None = None
        self._image: Volume | None = None
        self._state: dict[str, Any] = {}
        self._problems: dict[str, Exception] = {}
        self._spoken = 0.0
        self._hook = register_module_forward_pre_hook(self._stop_here)

    def close(self) -> None:
        """Models work without asking again."""
        self._hook.remove()

    def handle(self, message: messages.State | messages.Job) -> None:
        """Take new state, or do a job and tell what came of it."""
        if isinstance(message, messages.SetModel):
            self._take("model", message)
        elif isinstance(message, messages.UseAdapted):
            self._use_adapted(message)
        elif isinstance(message, messages.SetImage):
            self._take("image", message)
        elif isinstance(message, messages.SetPrompts):
            self._take("prompts", message)
        elif isinstance(message, messages.Unusable):
            self._problems[message.what] = InputError(message.reason)
        else:
            self._do(message)

    # --- state ---

    def _take(self, what: str, message: Any) -> None:
        self._state[what] = message
        self._problems.pop(what, None)
        try:
            if what == "model":
                self._load(message)
            elif self._session is not None:
                self._hand_over(what)
        except MVGError as error:  # the next job tells
            log.info("The %s cannot be used: %s", what, error)
            self._problems[what] = error.with_traceback(None)
        except Exception as error:
            log.exception("The %s cannot be used.", what)
            self._problems[what] = error.with_traceback(None)  # it would keep what failed in memory

    def _load(self, wanted: messages.SetModel) -> None:
        self._session = None  # the former model leaves the memory before the next one comes
        self._session = Session(wanted.model, wanted.device, wanted.seed, wanted.threads)
        for what in ("image", "prompts"):
            if what in self._state and what not in self._problems:
                self._hand_over(what)
        self._report(events.Ready(**vars(info(self._session.device, wanted.model))))

    def _use_adapted(self, message: messages.UseAdapted) -> None:
        if self._session is None:  # the model itself could not be loaded, which the next job tells
            return
        try:
            self._session.use_adapted(message.path)
        except MVGError as error:
            log.warning("%s", error)
            self._report(events.Log("warning", f"The adapted model is lost, adapt again: {error}"))

    def _hand_over(self, what: str) -> None:
        assert self._session is not None
        if what == "image":
            self._session.set_image(self._state[what].image)
        else:
            self._session.set_prompts(self._state[what].prompts)

    def _ready(self) -> Session:
        """The session, if all that was set can be used."""
        for problem in self._problems.values():
            raise problem.with_traceback(None)
        if self._session is None:
            raise InputError("There is no model yet; choose one.")
        return self._session

    # --- jobs ---

    def _do(self, message: messages.Job) -> None:
        job = message.job
        try:
            stop_if(self._cancelled)
            task, work = _WORK[type(message)]
            summary = work(self, self._ready(), message)
            stop_if(self._cancelled)  # too late to stop the work, but the host does not expect a result
            if summary is not None:
                self._report(events.Finished(job, task, summary))
        except Cancelled:
            self._report(events.Cancelled(job))
        except Exception as error:
            self._report(failure(job, error))

    def _warm_up(self, session: Session, message: messages.WarmUp) -> None:
        """Only what `_ready` finds is of interest."""

    def _preview(self, session: Session, message: messages.Preview) -> events.Previewed:
        start = time.perf_counter()
        done = session.preview(message.index, self._cancelled)
        axis = self._prompt_axis()
        self._report(summaries.labelled_slice(message.job, axis, done))
        return events.Previewed(axis, done.index, time.perf_counter() - start, session.device)

    def _propagate(self, session: Session, message: messages.Propagate) -> events.Propagated:
        axis = self._prompt_axis()

        def shown(done: SliceResult) -> None:
            self._report(summaries.labelled_slice(message.job, axis, done))

        progress = self._progress(message.job)
        result = session.propagate(
            progress, self._cancelled, message.slice_range, shown, all_axes=message.all_axes
        )
        return summaries.propagated(result)

    def _adapt(self, session: Session, message: messages.Adapt) -> events.Adapted:
        path, was_adapted = Path(message.path), session.adapted
        report = session.adapt(message.seconds, self._progress(message.job), self._cancelled, message.steps)
        if self._cancelled():  # too late to stop it, but the host goes on with what it had
            self._undo_adaptation(session, path if was_adapted else None)
            raise Cancelled("Cancelled.")
        if report.kept:
            self._keep(session, path)
        return events.Adapted(report, session.device)

    def _undo_adaptation(self, session: Session, former: Path | None) -> None:
        session.forget_adaptation()
        if former is not None and former.is_file():
            session.use_adapted(former)

    def _keep(self, session: Session, path: Path) -> None:
        """Write adapted weights for the case that this process is lost."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            session.save_model(path)
        except (OSError, OutputError):
            log.exception("The adapted weights would be lost with this process.")
            path.unlink(missing_ok=True)

    def _forget(self, session: Session, message: messages.ForgetAdaptation) -> events.Forgotten:
        session.forget_adaptation()
        return events.Forgotten()

    def _save(self, session: Session, message: messages.SaveModel) -> events.ModelSaved:
        session.save_model(message.path)
        return events.ModelSaved(message.path)

    def _denoise(self, session: Session, message: messages.Denoise) -> events.ImageMade:
        return self._make(session.denoise, message, examples=self._examples(message.examples))

    def _inpaint(self, session: Session, message: messages.Inpaint) -> events.ImageMade:
        return self._make(session.inpaint, message, mask=message.mask)

    def _synthesize(self, session: Session, message: messages.Synthesize) -> events.ImageMade:
        examples = [self._examples(each) for each in message.examples]
        return self._make(session.synthesize, message, examples=examples)

    def _info(self, session: Session, message: messages.AskInfo) -> events.Info:
        return info(session.device, self._state["model"].model)

    def _make(self, work: Callable[..., Any], message: Any, **given: Any) -> events.ImageMade:
        def shown(done: ImageSlice) -> None:
            self._report(summaries.image_slice(message.job, done))

        if not isinstance(message, messages.Synthesize):
            given["axis"] = message.axis
        progress = self._progress(message.job)
        result = work(
            progress=progress,
            cancelled=self._cancelled,
            slice_range=message.slice_range,
            shown=shown,
            **given,
        )
        for done in summaries.kept_slices(result):
            shown(done)
        return summaries.image_made(result)

    def _examples(self, given: WantedSlices | None) -> ImageExamples | None:
        if given is None:
            return None
        image = given.image
        if image is None:
            if "image" not in self._state:
                raise InputError("There is no image yet; choose one.")
            image = self._state["image"].image
        return ImageExamples.from_volumes(image, given.wanted, given.axis, given.slices)

    def _prompt_axis(self) -> int:
        if "prompts" not in self._state:
            raise InputError("There is no example yet; label a slice.")
        axis: int = self._state["prompts"].prompts.axis
        return axis

    def _progress(self, job: int) -> Callable[[float, str], None]:
        def progress(fraction: float, text: str) -> None:
            now = time.monotonic()
            if fraction >= 1 or now - self._spoken >= PAUSE:
                self._spoken = now
                self._report(events.Progress(job, float(fraction), text))

        return progress

    def _stop_here(self, module: torch.nn.Module, arguments: Any) -> None:
        """Called before every part of a model works: a batch need not be waited for."""
        stop_if(self._cancelled)


def failure(job: int, error: Exception) -> events.Failed:
    """What to tell of an error."""
    kind = _kind_of(error)
    if kind is events.FailureKind.MEMORY:
        log.exception("Out of memory.")
        text = "There is not enough memory: close other programs, choose a smaller range, or the CPU."
        return events.Failed(job, text, kind)
    if kind is events.FailureKind.INTERNAL:
        log.exception("An unexpected error.")
        text = f"MVG made a mistake ({type(error).__name__}: {error}). Try again; the log has the details."
        return events.Failed(job, text, kind)
    return events.Failed(job, str(error), kind)


def _kind_of(error: Exception) -> events.FailureKind:
    if isinstance(error, OutputError):
        return events.FailureKind.OUTPUT
    if isinstance(error, MissingExtraError | ImportError):
        return events.FailureKind.SETUP
    if isinstance(error, MVGError):
        return events.FailureKind.INPUT
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return events.FailureKind.MEMORY
    return events.FailureKind.INTERNAL


_WORK: Mapping[type, tuple[str, Callable[[Runner, Session, Any], Any]]] = {
    messages.WarmUp: ("warm up", Runner._warm_up),
    messages.Preview: ("preview", Runner._preview),
    messages.Propagate: ("propagate", Runner._propagate),
    messages.Adapt: ("adapt", Runner._adapt),
    messages.ForgetAdaptation: ("forget_adaptation", Runner._forget),
    messages.SaveModel: ("save_model", Runner._save),
    messages.Denoise: ("denoise", Runner._denoise),
    messages.Inpaint: ("inpaint", Runner._inpaint),
    messages.Synthesize: ("synthesize", Runner._synthesize),
    messages.AskInfo: ("info", Runner._info),
}
