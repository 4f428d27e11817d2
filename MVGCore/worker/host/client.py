"""The host's side of the worker: stores what to work with, queues jobs and gives out events.

Nothing here waits for the worker, imports torch or knows a user interface. A host calls `poll` from a timer.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from MVGCore import errors
from MVGCore.errors import InputError, MVGError, OutputError
from MVGCore.prompts import PromptSet
from MVGCore.session.requests import Request
from MVGCore.session.results import (
    NO_JOB,
    Cancelled,
    Event,
    Failed,
    FailureKind,
    Finished,
    Progress,
    SliceDone,
    Summary,
)
from MVGCore.volume import Volume
from MVGCore.worker.host.conversation import Conversation, Limits
from MVGCore.worker.host.launch import new_log
from MVGCore.worker.wire import messages

__all__ = ["Client", "Limits", "Worker"]

_ERRORS: dict[FailureKind, type[MVGError]] = {FailureKind.INPUT: InputError, FailureKind.OUTPUT: OutputError}
PAUSE = 0.01  # seconds between two looks for what has happened


class Worker(Protocol):
    """What a host needs of a worker; `Client` is one, tests may give another."""

    @property
    def busy(self) -> bool: ...
    @property
    def job(self) -> int | None: ...
    @property
    def memory(self) -> str: ...
    @property
    def log_path(self) -> Path: ...

    def set_model(
        self, model: str | Path = ..., device: str = ..., seed: int = ..., threads: int | None = ...
    ) -> None: ...
    def set_image(self, image: Volume) -> None: ...
    def start(self) -> None: ...
    def restart(self, reason: str = ...) -> None: ...
    def close(self) -> None: ...
    def submit(self, request: Request) -> int: ...
    def cancel(self, job: int | None = ...) -> None: ...
    def poll(self, limit: int | None = ...) -> list[Event]: ...


class Client:
    """A session in a process of its own.

    `run` is that of `MVGCore.session.Session`. A host that must not wait submits the same requests and polls:
    jobs get a number at once and are done one after the other; each ends in exactly one `Finished`, `Failed`
    or `Cancelled`. Image and examples are kept, and given to every new process by themselves. But for `run`,
    no method raises because of what it is given or what happens to the worker: all that comes from `poll`.

    Example:
        >>> client = Client()
        >>> job = client.submit(SegmentVolume(image=image, prompts=prompts))
        >>> events = client.poll()  # again and again, from a timer
    """

    def __init__(
        self,
        python: str | None = None,
        log_folder: Path | None = None,
        in_memory: bool = True,
        limits: Limits | None = None,
        wait: Callable[[], object] = lambda: time.sleep(PAUSE),
    ) -> None:
        """Nothing is started before `start` or the first job.

        Args:
            python: the interpreter of the worker; None stands for that of this process.
            log_folder: where the log goes; None stands for a folder among the temporary files.
            in_memory: whether arrays may go through memory; otherwise they go through temporary files.
            limits: how long to wait for a worker.
            wait: called again and again while `run` waits; it should last a few milliseconds.
        """
        self._log_path = new_log(log_folder)
        self._talk = Conversation(python or sys.executable, self._log_path, in_memory, limits or Limits())
        self._numbers = count(1)
        self._wait = wait
        self._image: messages.SetImage | None = None
        self.set_model()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._talk.busy

    @property
    def job(self) -> int | None:
        """The running job."""
        return self._talk.job

    @property
    def memory(self) -> str:
        """A few words about the memory of the device in use; empty until a model was loaded."""
        return self._talk.memory

    @property
    def log_path(self) -> Path:
        """A text file with all that the worker had to say; it exists once the worker was started."""
        return self._log_path

    @property
    def worker_pid(self) -> int | None:
        """The number of the worker's process; None while there is none."""
        return self._talk.worker_pid

    def set_model(
        self,
        model: str | Path = "compact",
        device: str = "auto",
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        """The model to use, from the next job on; the arguments are those of `Session`."""
        chosen = messages.SetModel(str(model), device, seed, threads)
        if self._talk.state("model") != chosen:
            self._talk.set("model", chosen)

    def set_image(self, image: Volume) -> None:
        """The image to work on, from the next job on.

        It is copied later, in a thread: do not change its array before the next job has ended. The same
        object given again is not sent again.
        """
        self._talk.set("image", self._message_of(image))

    def set_prompts(self, prompts: PromptSet) -> None:
        """The labelled slices to use, from the next job on; later changes of their labels do not count."""
        self._talk.set("prompts", messages.SetPrompts(_frozen(prompts)))

    def start(self) -> None:
        """Start the process and load model and image, so that the first job need not wait for that."""
        self._talk.start()

    def restart(self, reason: str = "The worker was started anew.") -> None:
        """End the process and start another one."""
        self._talk.restart(reason)

    def close(self) -> None:
        """End the process and remove its files; jobs are forgotten. Returns at once.

        A later job starts a process again.
        """
        self._talk.close()

    def submit(self, request: Request) -> int:
        """Do what is asked when its turn comes; gives the number of the job.

        An image is copied later, in a thread: do not change its array before the job has ended. The same
        object given again is not sent again. Later changes of labels do not count.
        """
        job, given = next(self._numbers), dict[str, messages.State]()
        image, prompts = getattr(request, "image", None), getattr(request, "prompts", None)
        if image is not None:
            given["image"] = self._message_of(image)
        if prompts is not None:
            given["prompts"] = messages.SetPrompts(_frozen(prompts))
        sent: dict[str, Any] = {
            name: None for name in ("image", "prompts") if getattr(request, name, None) is not None
        }
        if overlapping := getattr(request, "overlapping", ()):
            sent["overlapping"] = tuple(_frozen(each) for each in overlapping)
        self._talk.submit(messages.Run(job, replace(request, **sent)), given)
        return job

    def run(
        self,
        request: Request,
        shown: Callable[[Event], object] = lambda event: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Summary:
        """Do what is asked, and wait for it; see `MVGCore.session.Session.run`.

        Args:
            request, shown, cancelled: as there.

        Raises:
            MVGError, Cancelled: as there; also if the worker is lost.
        """
        job, stopping = self.submit(request), False
        while True:
            for event in self.poll():
                if getattr(event, "job", None) != job:
                    continue
                if isinstance(event, Finished):
                    return event.summary
                if isinstance(event, Failed):
                    raise _ERRORS.get(event.kind, MVGError)(event.message)
                if isinstance(event, Cancelled):
                    raise errors.CancelledError("Cancelled.")
                if isinstance(event, Progress | SliceDone):
                    shown(replace(event, job=NO_JOB))
            if not stopping and cancelled():
                stopping = True
                self.cancel(job)
            self._wait()

    def cancel(self, job: int | None = None) -> None:
        """Stop a job, or all; `Cancelled` comes with the next poll, and nothing of the job after it."""
        self._talk.cancel(job)

    def poll(self, limit: int | None = None) -> list[Event]:
        """What happened since the last call, at most `limit` events of it; takes a few milliseconds."""
        return self._talk.poll(limit)

    def _message_of(self, image: Volume) -> messages.SetImage:
        """The same message for the same image, which is sent once only."""
        if self._image is None or self._image.image is not image:
            self._image = messages.SetImage(image)
        return self._image


def _frozen(prompts: PromptSet) -> PromptSet:
    """A copy whose labels nobody changes."""
    frozen = copy.copy(prompts)
    frozen.prompts = [copy.copy(prompt) for prompt in prompts.prompts]
    for prompt in frozen.prompts:
        prompt.labels = prompt.labels.copy()
    return frozen
