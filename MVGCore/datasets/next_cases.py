"""A list of slices to label next, as a host goes through it: open, correct, save, next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from MVGCore.datasets.examples import NEXT_LIST
from MVGCore.datasets.next_slices import FOLDER, NextSlice, read_list
from MVGCore.errors import InputError
from MVGCore.prompts import AXIS_NAMES, Prompt, PromptSet
from MVGCore.volume import LabelMap, SegmentClass, SliceKey, Volume, read_volume, robust_window
from MVGCore.volume.segmentation import free_id


@dataclass(frozen=True)
class NextCase:
    """One slice to label, ready to be shown.

    Attributes:
        entry: of the list.
        image: the volume.
        labels: on its grid, filled on this slice only: as they are labelled now.
        place: of the slice.
    """

    entry: NextSlice
    image: Volume
    labels: LabelMap
    place: SliceKey


class NextCases:
    """The slices of a folder that `mvg label --next` wrote; those whose prompts are switched on are done.

    Example:
        >>> cases = NextCases.open(results / "next")
        >>> case = cases.case()
        >>> cases.save(case, corrected)
        >>> cases.progress
        (1, 10)
    """

    def __init__(self, folder: Path, entries: list[NextSlice]) -> None:
        """The entries of a folder's list, see `open`."""
        self._folder, self._entries = folder, entries
        self._done = {entry.prompts for entry in entries if self._is_done(entry)}

    @classmethod
    def open(cls, path: Path) -> NextCases:
        """Read a list.

        Args:
            path: the list, its folder, or the folder of results in which it lies.

        Raises:
            InputError: there is none, or it is damaged.
        """
        folder = path.parent if path.name == NEXT_LIST else path
        if not (folder / NEXT_LIST).is_file() and (folder / FOLDER / NEXT_LIST).is_file():
            folder = folder / FOLDER
        return cls(folder, read_list(folder))

    @property
    def progress(self) -> tuple[int, int]:
        """How many slices are done, and how many there are."""
        return len(self._done), len(self._entries)

    @property
    def text(self) -> str:
        """The progress as a person reads it, and what to do with what is done."""
        done, count = self.progress
        if done < count:
            return f"{done} of {count} slices are done."
        return f"All {count} slices are done: give '{self._folder}' to mvg label as further --examples."

    def entry(self) -> NextSlice | None:
        """The first slice that is not done; None if all are."""
        return next((each for each in self._entries if each.prompts not in self._done), None)

    def case(self) -> NextCase | None:
        """The first slice that is not done, read from its files; None if all are.

        Raises:
            InputError: the image or the prompts are missing or damaged.
        """
        entry = self.entry()
        if entry is None:
            return None
        image = read_volume(entry.image)
        image.name = Path(entry.volume).name
        proposed = PromptSet.load(self._folder / entry.prompts)
        place = SliceKey(AXIS_NAMES.index(entry.axis), entry.index)
        array = np.zeros(image.geometry.shape, np.uint16)
        for prompt in proposed.prompts:
            if (prompt.axis, prompt.index) == (place.axis, place.index) and prompt.is_slice_of(image):
                np.moveaxis(array, place.axis, 0)[place.index] = prompt.labels
        return NextCase(entry, image, LabelMap.of(array, image.geometry, proposed.classes), place)

    def save(self, case: NextCase, labels: LabelMap) -> None:
        """Keep a slice as it has been corrected; from now on it counts as an example.

        Args:
            case: what was shown.
            labels: on the grid of its image; only its slice is taken. Classes that are named like those of
                the case get their numbers, whatever the host gave them.

        Raises:
            InputError: the labels lie on another grid.
            OutputError: the file cannot be written; the former one is unchanged.
        """
        if labels.geometry.shape != case.image.geometry.shape:
            raise InputError(
                "These labels do not lie on the image of the case; correct those that it came with."
            )
        placed = _numbered_like(
            case.labels.classes, LabelMap(labels.array, case.image.geometry, labels.classes)
        )
        window = robust_window(case.image.array)
        prompt = Prompt.of(case.image, placed, case.place, window, case.entry.volume)
        present = set(np.unique(prompt.labels).tolist())
        classes = tuple(each for each in placed.classes if each.id in present)
        PromptSet([replace(prompt, enabled=True)], classes).save(self._folder / case.entry.prompts)
        self._done.add(case.entry.prompts)

    def _is_done(self, entry: NextSlice) -> bool:
        """A file that is missing or damaged is still to be done: opening it will say what is wrong."""
        try:
            return bool(PromptSet.load(self._folder / entry.prompts).enabled)
        except InputError:
            return False


def _numbered_like(known: Sequence[SegmentClass], labels: LabelMap) -> LabelMap:
    """The same labels with the numbers that classes of these names have; others keep free ones."""
    numbers = {each.name: each.id for each in known}
    used, table, classes = set(numbers.values()), np.zeros(65536, np.uint16), []
    for each in labels.classes:
        number = numbers.get(each.name) or free_id(each.id, used)
        used.add(number)
        table[each.id] = number
        classes.append(replace(each, id=number))
    return LabelMap.of(table[labels.array], labels.geometry, classes)
