"""One example: where it comes from; and the classes that the labels of all examples stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import SegmentClass, SliceKey


@dataclass(frozen=True)
class Example:
    """A slice that serves as an example, by reference: what is labelled on it is read when it is needed.

    Attributes:
        volume_id: The volume that the slice belongs to.
        partner_id: The segmentation that labels it, or the volume that shows how it should look.
        axis: Array axis that the slice lies across.
        index: Its place along that axis.
        enabled: Whether it is used.
        path: The prompt file that it comes from instead of the scene, or empty.
        prompt: Its key in that file.
    """

    volume_id: str
    partner_id: str
    axis: int
    index: int
    enabled: bool = True
    path: str = ""
    prompt: str = ""

    @property
    def key(self) -> str:
        """Names the example among all."""
        if self.path:
            return f"{self.path}|{self.prompt}"
        return f"{self.volume_id}|{self.partner_id}|{self.axis}|{self.index}"

    @property
    def slice_key(self) -> tuple[object, ...]:
        """Names the slice, whatever labels it: of one slice one example is used."""
        return (self.volume_id, self.axis, self.index) if not self.path else (self.path, self.prompt)

    @property
    def place(self) -> SliceKey:
        """The slice."""
        return SliceKey(self.axis, self.index)


class ClassTable:
    """Gives every class a number that is the same in all segmentations and prompt files.

    A class is known by its name: the liver of one patient and that of another are the same class. Two
    segments of the same name in one segmentation are told apart by their order.
    """

    def __init__(self, numbers: Mapping[str, int] | None = None) -> None:
        self._numbers = dict(numbers or {})
        self._classes: dict[int, SegmentClass] = {}

    @property
    def numbers(self) -> dict[str, int]:
        """Name -> number, to be kept with the scene."""
        return dict(self._numbers)

    @property
    def classes(self) -> dict[int, SegmentClass]:
        """Number -> class, of all that were met since the scene was opened."""
        return dict(self._classes)

    def adopt(self, classes: Iterable[SegmentClass]) -> dict[int, int]:
        """Take in classes of one source and give their own number -> the number here.

        Raises:
            InputError: There are more classes than label values.
        """
        numbers, seen = {}, dict[str, int]()
        for each in classes:
            seen[each.name] = seen.get(each.name, 0) + 1
            name = each.name if seen[each.name] == 1 else f"{each.name}#{seen[each.name]}"
            number = self._numbers.setdefault(name, max(self._numbers.values(), default=0) + 1)
            self._classes[number] = replace(each, id=number)
            numbers[each.id] = number
        return numbers


def renumbered(labels: NDArray[Any], numbers: Mapping[int, int]) -> NDArray[np.uint16]:
    """Labels with other numbers.

    Raises:
        InputError: A label has no new number.
    """
    present = np.unique(labels)
    unknown = [int(value) for value in present if value and int(value) not in numbers]
    if unknown:
        raise InputError(f"The labels {unknown} stand for no segment; add the slice again.")
    table = np.zeros(int(present.max(initial=0)) + 1, np.uint16)
    for value in present:
        if value:
            table[value] = numbers[int(value)]
    return table[labels]
