"""A worker that only pretends to compute, for tests inside Slicer: no process, no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.outcomes import Estimate
from MVGCore.prompts import PromptSet
from MVGCore.session.requests import PreviewSlice, Request, SegmentVolume
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
        self._image: Volume | None = None
        self._prompts = PromptSet()
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
        """The volume of the next requests."""
        self._image = image

    def start(self) -> None:
        """There is nothing to start."""

    def close(self) -> None:
        """There is nothing to end."""

    def cancel(self, job: int | None = None) -> None:
        """Stop at once."""
        if self._coming:
            self._coming = []
            self._here.append(Cancelled(self._job))

    def submit(self, request: Request) -> int:
        """Pretend to do what is asked for: a preview, or all slices."""
        self._job += 1
        assert isinstance(request, SegmentVolume | PreviewSlice)
        self._image = request.image or self._image
        self._prompts = request.prompts or self._prompts
        axis = self._prompts.axis if request.axis is None else request.axis
        if isinstance(request, PreviewSlice):
            told = Finished(self._job, Previewed(axis, request.index, SURE, "cpu"))
            self._coming = [self._slice(axis, request.index), told]
        else:
            self._coming = self._segment(axis, request)
        return self._job

    def _segment(self, axis: int, request: SegmentVolume) -> list[Event]:
        assert self._image is not None
        given = {prompt.index: prompt for prompt in self._prompts.enabled if prompt.axis == axis}
        first, last = request.slice_range or (0, self._image.geometry.shape[axis] - 1)
        indices = [index for index in range(first, last + 1) if index not in given]
        estimate = Estimate(SURE, 0.05)
        summary = Propagated(
            axis=axis,
            prompt_slices=tuple(sorted(given)),
            slice_confidence=dict.fromkeys(indices, SURE),
            class_confidence={},
            expected_dice=estimate,
            slice_dice=dict.fromkeys(indices, estimate),
            class_dice={},
            next_slice=indices[0] if indices else None,
            seconds={},
            device="cpu",
            notes=(),
        )
        slices = [self._slice(axis, index, index in given) for index in (*given, *indices)]
        return [*slices, Finished(self._job, summary)]

    def _slice(self, axis: int, index: int, given: bool = False) -> SliceDone:
        across = [prompt for prompt in self._prompts.enabled if prompt.axis == axis]
        labels = min(across, key=lambda prompt: abs(prompt.index - index)).labels.copy()
        sure = np.full(labels.shape, 1.0 if given else SURE, np.float32)
        estimate = None if given else Estimate(SURE, 0.05)
        return SliceDone(self._job, axis, index, labels, sure, estimate, given)
