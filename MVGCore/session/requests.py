"""Examples of the image tasks as a host gives them, which knows volumes but not torch."""

from __future__ import annotations

from dataclasses import dataclass

from MVGCore.volume import Volume


@dataclass(frozen=True, eq=False)
class WantedSlices:
    """Slices of one volume that are wanted of the same slices of another.

    Attributes:
        wanted: on the grid of `image`; only some of its slices need be filled.
        image: what they are wanted of; None stands for the image that was set.
        axis: array axis of the slices; None finds it.
        slices: which to take; None takes those that are filled.
    """

    wanted: Volume
    image: Volume | None = None
    axis: int | None = None
    slices: tuple[int, ...] | None = None
