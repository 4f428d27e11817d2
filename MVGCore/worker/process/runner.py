"""Does the jobs with a session; what goes wrong becomes a message."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from MVGCore.errors import CancelledError, InputError, MissingExtraError, MVGError, OutputError, stop_if
from MVGCore.session import Session, results
from MVGCore.session.hardware import info
from MVGCore.session.requests import Adapt
from MVGCore.session.results import Summary
from MVGCore.worker.wire import messages

PAUSE = 0.05  # seconds between two reports of progress

log = logging.getLogger("MVGCore.worker")

Report = Callable[[object], None]


class RequestRunner:
    """Keeps the session and runs one job after the other.

    Args:
        report: sends a message to the host.
        cancelled: whether the current job is to stop; also asked in the middle of the model's work.
        kept: file for adapted weights, for another process after this one.
    """

    def __init__(self, report: Report, cancelled: Callable[[], bool], kept: Path) -> None:
        self._report, self._cancelled, self._kept = report, cancelled, kept
        self._session: Session | None = None
        self._kept_for = ""  # `Session.model.adapted_to` of the weights in that file
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

    def _load(self, chosen: messages.SetModel) -> None:
        self._session = None  # the former model leaves the memory before the next one comes
        self._session = Session(chosen.model, chosen.device, chosen.seed, chosen.threads)
        for what in ("image", "prompts"):
            if what in self._state and what not in self._problems:
                self._hand_over(what)
        self._report(results.Ready(**vars(info(self._session.device, chosen.model))))

    def _use_adapted(self, message: messages.UseAdapted) -> None:
        if self._session is None:  # the model itself could not be loaded, which the next job tells
            return
        try:
            self._session.use_adapted(message.path, message.adapted_to)
        except MVGError as error:
            log.warning("%s", error)
            self._report(results.Log("warning", f"The adapted model is lost, adapt again: {error}"))

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
            session = self._ready()
            if isinstance(message, messages.Run):
                self._report(results.Finished(job, self._run(session, message)))
        except CancelledError:
            self._report(results.Cancelled(job))
        except Exception as error:
            self._report(failure(job, error))

    def _run(self, session: Session, message: messages.Run) -> Summary:
        former, job = session.model.adapted_to if session.model.adapted else None, message.job
        try:
            summary = session.run(message.request, lambda event: self._tell(job, event), self._cancelled)
            stop_if(self._cancelled)  # too late to stop the work, but the host does not expect a result
        except CancelledError:
            if isinstance(message.request, Adapt):
                self._undo_adaptation(session, former)
            raise
        if session.model.adapted and session.model.adapted_to != self._kept_for:
            self._keep(session)
        return summary

    def _undo_adaptation(self, session: Session, former: str | None) -> None:
        """The host goes on with what it had before an adaptation that was cancelled too late."""
        if session.model.adapted and session.model.adapted_to != former:
            session.forget_adaptation()
            if former is not None and former == self._kept_for:
                session.use_adapted(self._kept, former)

    def _keep(self, session: Session) -> None:
        """Write adapted weights for the case that this process is lost."""
        try:
            self._kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            session.save_model(self._kept)
            self._kept.chmod(0o600)
            self._kept_for = session.model.adapted_to
        except (OSError, OutputError):
            log.exception("The adapted weights would be lost with this process.")
            self._kept.unlink(missing_ok=True)
            self._kept_for = ""

    def _tell(self, job: int, event: Any) -> None:
        """Send on what happens, of progress not more than a screen can show."""
        if isinstance(event, results.Progress):
            now = time.monotonic()
            if event.fraction < 1 and now - self._spoken < PAUSE:
                return
            self._spoken = now
        self._report(replace(event, job=job))

    def _stop_here(self, module: torch.nn.Module, arguments: Any) -> None:
        """Called before every part of a model works: a batch need not be waited for."""
        stop_if(self._cancelled)


def failure(job: int, error: Exception) -> results.Failed:
    """What to tell of an error."""
    kind = _kind_of(error)
    if kind is results.FailureKind.MEMORY:
        log.exception("Out of memory.")
        text = "There is not enough memory: close other programs, choose a smaller range, or the CPU."
        return results.Failed(job, text, kind)
    if kind is results.FailureKind.INTERNAL:
        log.exception("An unexpected error.")
        text = f"MVG made a mistake ({type(error).__name__}: {error}). Try again; the log has the details."
        return results.Failed(job, text, kind)
    return results.Failed(job, str(error), kind)


def _kind_of(error: Exception) -> results.FailureKind:
    if isinstance(error, OutputError):
        return results.FailureKind.OUTPUT
    if isinstance(error, MissingExtraError | ImportError):
        return results.FailureKind.SETUP
    if isinstance(error, MVGError):
        return results.FailureKind.INPUT
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return results.FailureKind.MEMORY
    return results.FailureKind.INTERNAL
