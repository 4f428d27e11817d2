"""A set of labelled slices, and the classes that they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.prompts.prompt import Prompt
from MVGCore.prompts.promptfile import read_prompts, write_prompts
from MVGCore.volume import (
    LabelMap,
    SegmentClass,
    SliceKey,
    Volume,
    labelled_slices,
    match_labels,
    robust_window,
)
from MVGCore.volume.labelmap import check_classes, present_ids


@dataclass(eq=False)
class PromptSet:
    """The examples of a session, in the order in which they were added.

    Attributes:
        prompts: All of them, also those that are switched off; their keys differ.
        classes: What the label values of the prompts stand for.
    """

    prompts: list[Prompt] = field(default_factory=list)
    classes: tuple[SegmentClass, ...] = ()

    def __post_init__(self) -> None:
        check_classes(self.classes)
        unknown = sorted(_ids_in(self.prompts) - {each.id for each in self.classes})
        if unknown:
            raise InputError(
                f"The prompts have labels {unknown} that no class stands for; name these classes."
            )
        if len({prompt.key for prompt in self.prompts}) < len(self.prompts):
            raise InputError("Two prompts have the same key; give each its own.")

    @classmethod
    def from_labelmap(
        cls,
        image: Volume,
        labels: LabelMap,
        axis: int | None = None,
        slices: Sequence[int] | None = None,
        source: str = "",
    ) -> PromptSet:
        """Take labelled slices of a label map as prompts.

        Args:
            image: The image that was labelled.
            labels: On the grid of the image, or one in the same patient coordinates (see `match_labels`).
            axis: Array axis (0 = k, 1 = j, 2 = i) of the slices; None finds it (see `labelled_slices`).
            slices: Indices along the axis; None takes all that are labelled. A slice named here may be
                empty, which shows that none of the classes is there.
            source: Kept with the prompts; the name of the image if empty.

        Returns:
            The prompts, and those classes that occur in them.

        Raises:
            InputError: Nothing is labelled, or a slice lies outside the image.
            GeometryMismatchError: The labels do not lie on the image.
        """
        matched = match_labels(labels, image.geometry)
        if not matched.array.any():
            raise InputError("The label map is empty; label at least one slice.")
        places = labelled_slices(matched, axis)
        if slices is not None:
            along = places[0].axis
            places = [SliceKey(along, int(index)) for index in sorted(set(slices))]
        window = robust_window(image.array)
        prompts = [Prompt.of(image, matched, place, window, source) for place in places]
        present = _ids_in(prompts)
        if not present:
            raise InputError(f"None of the slices {list(slices or ())} is labelled; choose labelled ones.")
        return cls(prompts, tuple(each for each in matched.classes if each.id in present))

    @property
    def enabled(self) -> list[Prompt]:
        """The prompts that are switched on."""
        return [prompt for prompt in self.prompts if prompt.enabled]

    @property
    def axis(self) -> int:
        """The array axis of most of the enabled prompts.

        Raises:
            InputError: None is enabled.
        """
        axes = Counter(prompt.axis for prompt in self.enabled)
        if not axes:
            raise InputError("There is no prompt that is switched on; add one or switch one on.")
        return axes.most_common(1)[0][0]

    def add(self, prompt: Prompt, classes: Iterable[SegmentClass] = ()) -> None:
        """Add a prompt, or replace the one of the same key.

        Args:
            prompt: What to add.
            classes: What its label values stand for, where the set does not know; others get default names.

        Raises:
            InputError: A label value stands for a class of another name in this set.
        """
        self._adopt([prompt], classes)

    def add_slice(
        self,
        image: Volume,
        labels: LabelMap,
        axis: int,
        index: int,
        known: NDArray[np.bool_] | None = None,
    ) -> Prompt:
        """Add one slice of an image and its labels, also an empty one, and give the new prompt.

        With `known` (H, W) the labels count only there: the rest of the slice is generated.

        Raises:
            InputError, GeometryMismatchError: As `from_labelmap` and `add`.
        """
        matched = match_labels(labels, image.geometry)
        window = robust_window(image.array)
        prompt = Prompt.of(image, matched, SliceKey(axis, index), window, known=known)
        self.add(prompt, matched.classes)
        return prompt

    def merge(self, other: PromptSet) -> None:
        """Add all prompts of another set to this one; those of the same key are replaced.

        Raises:
            InputError: A label value stands for classes of different names in the two sets.
        """
        self._adopt(other.prompts, other.classes)

    def remove(self, key: str) -> None:
        """Take a prompt out of the set; its classes stay.

        Raises:
            InputError: There is no prompt of that key.
        """
        self.prompts.remove(self._by_key(key))

    def enable(self, key: str, on: bool = True) -> None:
        """Switch a prompt on or off.

        Raises:
            InputError: There is no prompt of that key.
        """
        self._by_key(key).enabled = on

    def save(self, path: str | PathLike[str]) -> None:
        """Write the set to one `.mvgprompts` file.

        Raises:
            InputError: Another ending, or a folder that does not exist.
            OutputError: The file cannot be written; an earlier one is unchanged.
        """
        write_prompts(Path(path), self.prompts, self.classes)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> PromptSet:
        """Read a set that `save` wrote; everything in the file is checked, nothing is executed.

        Raises:
            InputError: The file is missing, damaged, of another version, or contradicts itself.
        """
        prompts, classes = read_prompts(Path(path))
        return cls(prompts, classes)

    def _adopt(self, prompts: Sequence[Prompt], classes: Iterable[SegmentClass]) -> None:
        known = {each.id: each for each in self.classes}
        present = _ids_in(prompts)
        for each in classes:
            if each.id in present and known.setdefault(each.id, each).name != each.name:
                names = f"'{known[each.id].name}' here and '{each.name}' in what is added"
                raise InputError(f"The label {each.id} is {names}; renumber one of them.")
        for class_id in present:
            known.setdefault(class_id, SegmentClass.default(class_id))
        merged = {prompt.key: prompt for prompt in (*self.prompts, *prompts)}
        checked = PromptSet(list(merged.values()), tuple(known[class_id] for class_id in sorted(known)))
        self.prompts, self.classes = checked.prompts, checked.classes

    def _by_key(self, key: str) -> Prompt:
        for prompt in self.prompts:
            if prompt.key == key:
                return prompt
        raise InputError(f"There is no prompt '{key}' in the set.")


def _ids_in(prompts: Iterable[Prompt]) -> set[int]:
    return {class_id for prompt in prompts for class_id in present_ids(prompt.labels)}
