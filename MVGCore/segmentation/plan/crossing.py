"""Slices that are labelled across another axis: on each slice that they cross they are a line of labels.

The drafts start from these lines as from labelled slices, the network sees them as labels that are given, and
they come back as they were drawn. Mean Dice of four training cases of hippocampus, all that is labelled left
out: two labelled slices .786, with one across another axis .792, with one across each of the other two .855;
three labelled slices .841, with two others .870.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt

Value = TypeVar("Value", np.uint16, np.bool_)


@dataclass(frozen=True)
class Crossing:
    """The labelled slices across the other two axes of a volume.

    Attributes:
        axis: array axis of the slices that they cross.
        prompts: the labelled slices; where two of them cross each other the later one counts.
    """

    axis: int
    prompts: tuple[Prompt, ...]

    def on(self, index: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """Labels (H, W) and where they are known (H, W), of a slice across the axis."""
        labels, known = np.zeros(self._shape, np.uint16), np.zeros(self._shape, np.bool_)
        for prompt in self.prompts:
            drawn = np.ones(prompt.labels.shape, np.bool_) if prompt.known is None else prompt.known
            line = _line(drawn, prompt.axis, self.axis, index)
            row = _within(self.axis, prompt.axis)
            np.moveaxis(known, row, 0)[prompt.index] |= line
            np.moveaxis(labels, row, 0)[prompt.index][line] = _line(
                prompt.labels, prompt.axis, self.axis, index
            )[line]
        return labels, known

    def among(self, indices: Sequence[int]) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """As `on`, of T slices: (T, H, W)."""
        labels, known = zip(*(self.on(index) for index in indices), strict=True)
        return np.stack(labels), np.stack(known)

    def span(self) -> dict[int, tuple[int, int]]:
        """Class id -> first and last slice across the axis on which it is labelled."""
        spans: dict[int, tuple[int, int]] = {}
        for prompt in self.prompts:
            lines = np.moveaxis(prompt.labels, _within(prompt.axis, self.axis), 0)
            for class_id in (int(each) for each in np.unique(lines) if each):
                places = np.flatnonzero((lines == class_id).any(1))
                first, last = spans.get(class_id, (places[0], places[-1]))
                spans[class_id] = (int(min(first, places[0])), int(max(last, places[-1])))
        return spans

    def shows(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """(H, W) where some slice across the axis is labelled as one of some classes."""
        crossed = np.zeros(self._shape, np.bool_)
        for prompt in self.prompts:
            line = np.isin(prompt.labels, ids).any(_within(prompt.axis, self.axis))
            np.moveaxis(crossed, _within(self.axis, prompt.axis), 0)[prompt.index] |= line
        return crossed

    @property
    def _shape(self) -> tuple[int, ...]:
        geometry = self.prompts[0].geometry
        return tuple(size for axis, size in enumerate(geometry.shape) if axis != self.axis)

    @cached_property
    def digest(self) -> tuple[str, ...]:
        """Names what is drawn."""
        return tuple(prompt.fingerprint for prompt in self.prompts)


def _within(across: int, axis: int) -> int:
    """Which axis of a plane across one axis of the volume another axis of the volume is."""
    return axis if axis < across else axis - 1


def _line(plane: NDArray[Value], across: int, axis: int, index: int) -> NDArray[Value]:
    """The line that a plane (across one axis) has in common with slice `index` across another axis."""
    line: NDArray[Value] = np.moveaxis(plane, _within(across, axis), 0)[index]
    return line
