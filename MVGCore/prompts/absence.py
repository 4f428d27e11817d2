"""What the user knows of slices that nobody has drawn: that a class is not there, or that it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from MVGCore.errors import InputError
from MVGCore.prompts.prompt import check_place
from MVGCore.volume import AXIS_NAMES, Geometry, Volume


@dataclass(frozen=True)
class Claim:
    """Something that holds on all slices of a range.

    Attributes:
        axis: Array axis that the slices lie across (0 = k, 1 = j, 2 = i).
        first, last: The range, both ends within it.
        class_id: The class that it is about; None: every class.
        geometry: Of the volume that the slices belong to.
        digest: Names the image of that volume (see `image_digest`).
    """

    axis: int
    first: int
    last: int
    class_id: int | None
    geometry: Geometry
    digest: str

    def __post_init__(self) -> None:
        check_place(self.geometry, self.axis, self.first)
        check_place(self.geometry, self.axis, self.last)
        if self.first > self.last:
            raise InputError(f"There is no slice range {self.first} to {self.last}; swap its ends.")

    def is_of(self, image: Volume) -> bool:
        """Whether it is about this very image: the same grid and the same intensities."""
        same_grid = self.geometry.shape == image.geometry.shape and self.geometry.is_close(image.geometry)
        return same_grid and self.digest == image_digest(image)

    def covers(self, axis: int, index: int) -> bool:
        """Whether a slice lies within the range."""
        return axis == self.axis and self.first <= index <= self.last

    def concerns(self, class_id: int) -> bool:
        """Whether it is about a class."""
        return self.class_id is None or self.class_id == class_id

    def describe(self) -> str:
        """The range for messages: "slice 4 along k" or "slices 4 to 9 along k"."""
        if self.first == self.last:
            return f"slice {self.first} along {AXIS_NAMES[self.axis]}"
        return f"slices {self.first} to {self.last} along {AXIS_NAMES[self.axis]}"


@dataclass(frozen=True)
class Absence(Claim):
    """The class is on none of these slices."""

    def without(self, index: int) -> list[Absence]:
        """What is left of it once the class shows on one of its slices.

        One that reached the volume's border said where the class ends: that is now beyond this slice. Of
        another one both sides are left.
        """
        before, after = (self.first, index - 1), (index + 1, self.last)
        sides = [before, after]
        if self.last == self.geometry.shape[self.axis] - 1 and self.first > 0:
            sides = [after]
        elif self.first == 0 and self.last < self.geometry.shape[self.axis] - 1:
            sides = [before]
        return [replace(self, first=first, last=last) for first, last in sides if first <= last]


@dataclass(frozen=True)
class Presence(Claim):
    """The class is on all of these slices; where on them is not said."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_id is None:
            raise InputError("Say which class is there; there may be others.")


def image_digest(image: Volume) -> str:
    """A short name of a volume: of the intensities of the middle one of its slices across k."""
    middle = np.ascontiguousarray(image.array[image.array.shape[0] // 2], np.float32)
    return hashlib.blake2b(middle.tobytes(), digest_size=12).hexdigest()
