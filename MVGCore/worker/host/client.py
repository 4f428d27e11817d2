"""The host's side of the worker: stores what to work with, queues jobs and gives out events.

Nothing here waits for the worker, imports torch or knows a user interface. A host calls `poll` from a timer.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Protocol

from MVGCore.prompts import PromptSet
from MVGCore.session.requests import WantedSlices
from MVGCore.session.results import Event
from MVGCore.volume import LabelMap, Volume
from MVGCore.worker.host.conversation import Conversation, Limits
from MVGCore.worker.host.launch import new_log
from MVGCore.worker.wire import messages

__all__ = ["Client", "Limits", "Worker"]

SliceRange = tuple[int, int]


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
    def set_prompts(self, prompts: PromptSet) -> None: ...
    def start(self) -> None: ...
    def restart(self, reason: str = ...) -> None: ...
    def close(self) -> None: ...
    def preview(self, index: int) -> int: ...
    def propagate(self, slice_range: SliceRange | None = ..., all_axes: bool = ...) -> int: ...
    def adapt(self, seconds: float = ..., steps: int | None = ...) -> int: ...
    def forget_adaptation(self) -> int: ...
    def save_model(self, path: str | Path) -> int: ...
    def denoise(
        self,
        examples: WantedSlices | None = ...,
        axis: int | None = ...,
        slice_range: SliceRange | None = ...,
    ) -> int: ...
    def inpaint(
        self,
        mask: LabelMap,
        axis: int | None = ...,
        slice_range: SliceRange | None = ...,
    ) -> int: ...
    def synthesize(
        self, examples: WantedSlices | Sequence[WantedSlices], slice_range: SliceRange | None = ...
    ) -> int: ...
    def info(self) -> int: ...
    def cancel(self, job: int | None = ...) -> None: ...
    def poll(self, limit: int | None = ...) -> list[Event]: ...


class Client:
    """A worker process and what it is asked for.

    State (`set_...`) is only stored, and given to every new process by itself. Jobs get a number at once and
    are done one after the other; each ends in exactly one `Finished`, `Failed` or `Cancelled`. No method
    raises because of what it is given or what happens to the worker: all that comes from `poll`.

    Example:
        >>> client = Client()
        >>> client.set_image(image)
        >>> client.set_prompts(prompts)
        >>> job = client.propagate()
        >>> events = client.poll()  # again and again, from a timer
    """

    def __init__(
        self,
        python: str | None = None,
        log_folder: Path | None = None,
        in_memory: bool = True,
        limits: Limits | None = None,
    ) -> None:
        """Nothing is started before `start` or the first job.

        Args:
            python: the interpreter of the worker; None stands for that of this process.
            log_folder: where the log goes; None stands for a folder among the temporary files.
            in_memory: whether arrays may go through memory; otherwise they go through temporary files.
            limits: how long to wait for a worker.
        """
        self._log_path = new_log(log_folder)
        self._talk = Conversation(python or sys.executable, self._log_path, in_memory, limits or Limits())
        self._numbers = count(1)
        self._image: Volume | None = None
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
        wanted = messages.SetModel(str(model), device, seed, threads)
        if self._talk.state("model") != wanted:
            self._talk.set("model", wanted)

    def set_image(self, image: Volume) -> None:
        """The image to work on, from the next job on.

        It is copied later, in a thread: do not change its array before the next job has ended. The same
        object given again is not sent again.
        """
        if self._image is not image:
            self._image = image
            self._talk.set("image", messages.SetImage(image))

    def set_prompts(self, prompts: PromptSet) -> None:
        """The labelled slices to use, from the next job on; later changes of their labels do not count."""
        frozen = copy.copy(prompts)
        frozen.prompts = [copy.copy(prompt) for prompt in prompts.prompts]
        for prompt in frozen.prompts:
            prompt.labels = prompt.labels.copy()
        self._talk.set("prompts", messages.SetPrompts(frozen))

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

    def preview(self, index: int) -> int:
        """Label one slice."""
        return self._submit(messages.Preview(next(self._numbers), index))

    def propagate(self, slice_range: SliceRange | None = None, all_axes: bool = True) -> int:
        """Label all slices, or those from the first to the last of a range; the nearest to examples first.

        With `all_axes` and without a range, slices come again once all were seen, as all of them decide.
        """
        return self._submit(messages.Propagate(next(self._numbers), slice_range, all_axes))

    def adapt(self, seconds: float = 20.0, steps: int | None = None) -> int:
        """Adapt the model to the examples."""
        path = str(self._talk.kept_weights)
        return self._submit(messages.Adapt(next(self._numbers), seconds, steps, path))

    def forget_adaptation(self) -> int:
        """Use the model as it was loaded again."""
        return self._submit(messages.ForgetAdaptation(next(self._numbers)))

    def save_model(self, path: str | Path) -> int:
        """Write the weights in use to a .safetensors file."""
        return self._submit(messages.SaveModel(next(self._numbers), str(path)))

    def denoise(
        self,
        examples: WantedSlices | None = None,
        axis: int | None = None,
        slice_range: SliceRange | None = None,
    ) -> int:
        """Take the noise out of the image."""
        return self._submit(messages.Denoise(next(self._numbers), examples, axis, slice_range))

    def inpaint(
        self,
        mask: LabelMap,
        axis: int | None = None,
        slice_range: SliceRange | None = None,
    ) -> int:
        """Fill the masked part of the image."""
        return self._submit(messages.Inpaint(next(self._numbers), mask, axis, slice_range))

    def synthesize(
        self, examples: WantedSlices | Sequence[WantedSlices], slice_range: SliceRange | None = None
    ) -> int:
        """Make the image as it is wanted in the examples."""
        given = (examples,) if isinstance(examples, WantedSlices) else tuple(examples)
        return self._submit(messages.Synthesize(next(self._numbers), given, slice_range))

    def info(self) -> int:
        """Ask what the worker runs on."""
        return self._submit(messages.AskInfo(next(self._numbers)))

    def cancel(self, job: int | None = None) -> None:
        """Stop a job, or all; `Cancelled` comes with the next poll, and nothing of the job after it."""
        self._talk.cancel(job)

    def poll(self, limit: int | None = None) -> list[Event]:
        """What happened since the last call, at most `limit` events of it; takes a few milliseconds."""
        return self._talk.poll(limit)

    def _submit(self, job: messages.Job) -> int:
        self._talk.submit(job)
        return job.job
