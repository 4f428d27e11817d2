"""A worker that only pretends to compute, for tests inside Slicer: no process, no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.outcomes import Estimate
from MVGCore.prompts import PromptSet
from MVGCore.session.results import Cancelled, Event, Finished, Previewed, Propagated, SliceDone
from MVGCore.volume import Volume

SURE = 0.9  # confidence in what is pretended


class Pretender:
    """Gives every slice the labels of the nearest example, when it is told to.

    Implements `MVGCore.worker.host.client.Worker` as far as segmenting goes.
    """

    memory = ""
    log_path = Path("worker.log")

    def __init__(self) -> None:
        self._prompts = PromptSet()
        self._depths: tuple[int, ...] = ()
        self._job = 0
        self._coming: list[Event] = []
        self._here: list[Event] = []

    def release(self, count: int) -> None:
        """Let the next events happen."""
        self._here += self._coming[:count]
        del self._coming[:count]

    def poll(self, limit: int | None = None) -> list[Event]:
        """What has happened since it was asked last."""
        here, self._here = self._here, []
        return here

    def set_model(self, *_choices: Any, **_more: Any) -> None:
        """Any model will do."""

    def set_image(self, image: Volume) -> None:
        """The volume of the next jobs."""
        self._depths = image.geometry.shape

    def set_prompts(self, prompts: PromptSet) -> None:
        """The examples of the next jobs."""
        self._prompts = prompts

    def start(self) -> None:
        """There is nothing to start."""

    def close(self) -> None:
        """There is nothing to end."""

    def cancel(self, job: int | None = None) -> None:
        """Stop at once."""
        if self._coming:
            self._coming = []
            self._here.append(Cancelled(self._job))

    def forget_adaptation(self) -> int:
        """There is nothing to forget."""
        self._job += 1
        return self._job

    def preview(self, index: int) -> int:
        """Pretend one slice."""
        self._job += 1
        done = Finished(self._job, "preview", Previewed(self._prompts.axis, index, SURE, "cpu"))
        self._coming = [self._slice(index), done]
        return self._job

    def propagate(self, slice_range: tuple[int, int] | None = None, all_axes: bool = True) -> int:
        """Pretend all slices between the first and the last, or those of a range."""
        self._job += 1
        axis = self._prompts.axis
        known = {prompt.index for prompt in self._prompts.enabled}
        first, last = slice_range or (0, self._depths[axis] - 1)
        wanted = [index for index in range(first, last + 1) if index not in known]
        estimate = Estimate(SURE, 0.05)
        summary = Propagated(
            axis=axis,
            prompt_slices=tuple(sorted(known)),
            slice_confidence=dict.fromkeys(wanted, SURE),
            class_confidence={},
            expected_dice=estimate,
            slice_dice=dict.fromkeys(wanted, estimate),
            class_dice={},
            next_slice=wanted[0] if wanted else None,
            seconds={},
            device="cpu",
            notes=(),
        )
        self._coming = [*map(self._slice, wanted), Finished(self._job, "propagate", summary)]
        return self._job

    def _slice(self, index: int) -> SliceDone:
        nearest = min(self._prompts.enabled, key=lambda prompt: abs(prompt.index - index))
        sure = np.full(nearest.labels.shape, SURE, np.float32)
        return SliceDone(self._job, nearest.axis, index, nearest.labels.copy(), sure, Estimate(SURE, 0.05))
