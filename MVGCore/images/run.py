"""The loop that all image tasks share: runs of slices, progress, cancel, and the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from MVGCore.errors import stop_if
from MVGCore.images.engine import Engine
from MVGCore.images.result import ImageResult, ImageSlice, ResultImage, ordered
from MVGCore.volume import slices_within

Progress = Callable[[float, str], None]
RUN = 16  # slices that share their examples
PROMPTS = 5  # examples that a slice is shown; more was never trained
FOREIGN = 12  # slices of another volume that are used
PREPARED = 0.1  # share of the progress that the preparation is given

Generate = Callable[[list[int]], torch.Tensor]


@dataclass
class Callbacks:
    """What a caller wants to hear and say while an image task runs; see `Session.propagate`."""

    progress: Progress | None = None
    cancelled: Callable[[], bool] | None = None
    slice_range: tuple[int, int] | None = None
    shown: Callable[[ImageSlice], None] | None = None

    def tell(self, fraction: float, text: str) -> None:
        """Report progress."""
        if self.progress:
            self.progress(fraction, text)

    def is_cancelled(self) -> bool:
        """Whether the caller wants to stop."""
        return self.cancelled is not None and self.cancelled()

    def check(self) -> None:
        """Raise `Cancelled` if the caller wants to stop."""
        stop_if(self.is_cancelled)

    def slices(self, depth: int, axis: int) -> list[int]:
        """The slices that are to be made.

        Raises:
            InputError: the range is empty or leaves the volume.
        """
        return slices_within(depth, axis, self.slice_range)


@dataclass
class TaskStopwatch:
    """Seconds per stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    _start: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """Count the time since the last lap to a stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._start
        self._start = now


def fill(
    canvas: ResultImage,
    indices: Sequence[int],
    generate: Generate,
    calls: Callbacks,
    near: Sequence[int] = (),
    holes: NDArray[np.bool_] | None = None,
) -> None:
    """Generate slices run by run and put them into the result.

    Args:
        canvas: what is filled.
        indices: slices to generate, ascending.
        generate: slices -> raw intensities (T, H, W).
        calls: told about every run and every slice.
        near: runs nearest to these slices come first.
        holes: (K, H, W) where alone intensities may change; everywhere without it.

    Raises:
        Cancelled: the caller wants to stop.
    """
    done = 0
    for run in ordered(indices, RUN, near):
        calls.check()
        for index, values in zip(run, generate(run).numpy(), strict=True):
            finished = canvas.put(index, values, None if holes is None else holes[index])
            if calls.shown:
                calls.shown(finished)
        done += len(run)
        share = PREPARED + (1 - PREPARED) * done / len(indices)
        calls.tell(share, f"{done} of {len(indices)} slices")


def finish(
    task: str,
    canvas: ResultImage,
    engine: Engine,
    watch: TaskStopwatch,
    share: float,
    notes: Sequence[str] = (),
    kept: Sequence[int] = (),
    **changes: str,
) -> ImageResult:
    """The result of a task; `changes` as of `dataclasses.replace` on the volume."""
    return ImageResult(
        task,
        canvas.volume(**changes),
        canvas.axis,
        canvas.generated,
        tuple(sorted(kept)),
        share,
        watch.seconds,
        engine.device.name,
        (*notes, *engine.notes),
        canvas.fill,
    )
