"""A set of labelled slices, the classes that they show, and what is known of other slices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.outcomes import Question
from MVGCore.prompts.absence import Absence, Claim, Presence, image_digest
from MVGCore.prompts.agreement import check_claims, check_labels, left_by
from MVGCore.prompts.prompt import Prompt, main_axis
from MVGCore.prompts.promptfile import Content, read_prompts, write_prompts
from MVGCore.volume import (
    LabelMap,
    SegmentClass,
    SliceKey,
    Volume,
    match_labels,
    match_slices,
    robust_window,
)
from MVGCore.volume.labelmap import check_classes, present_ids


@dataclass(eq=False)
class PromptSet:
    """The examples of a session, in the order in which they were added.

    Attributes:
        prompts: All of them, also those that are switched off; their keys differ.
        classes: What the label values of the prompts stand for.
        absences: Where classes are not; of another slice than these nobody takes that for granted.
        presences: Where classes are, on slices that are not labelled.
    """

    prompts: list[Prompt] = field(default_factory=list)
    classes: tuple[SegmentClass, ...] = ()
    absences: list[Absence] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_classes(self.classes)
        unknown = sorted(_ids_in(self.prompts) - {each.id for each in self.classes})
        if unknown:
            raise InputError(
                f"The prompts have labels {unknown} that no class stands for; name these classes."
            )
        if len({prompt.key for prompt in self.prompts}) < len(self.prompts):
            raise InputError("Two prompts have the same key; give each its own.")
        self._check_classes([*self.absences, *self.presences])

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
            labels: On the grid of the image, or one in the same patient coordinates (see `match_slices`).
            axis: Array axis (0 = k, 1 = j, 2 = i) of the slices; None finds it.
            slices: Indices along the axis; None takes all that are labelled. A slice named here may be
                empty, which shows that none of the classes is there.
            source: Kept with the prompts; the name of the image if empty.

        Returns:
            The prompts, and those classes that occur in them.

        Raises:
            InputError: Nothing is labelled, or a slice lies outside the image.
            GeometryMismatchError: The labels do not lie on the image.
        """
        if not labels.array.any():
            raise InputError("The label map is empty; label at least one slice.")
        match = match_slices(labels, image.geometry, axis)
        matched, places = match.labels, match.places
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
        """The array axis of most of the enabled prompts, see `main_axis`.

        Raises:
            InputError: None is enabled.
        """
        return main_axis(prompt.axis for prompt in self.enabled)

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

    def add_absence(
        self, image: Volume, axis: int, first: int, last: int, class_id: int | None = None
    ) -> Absence:
        """Say that a class, or every class if none is named, is on none of some slices of an image.

        Args:
            image: That the slices belong to.
            axis, first, last: The slices; both ends count.
            class_id: One of the set's classes.

        Raises:
            InputError: No such slices, no such class, or a labelled slice or a presence says otherwise.
        """
        absence = Absence(axis, first, last, class_id, image.geometry, image_digest(image))
        self._check_classes([absence])
        check_labels(absence, image, self.prompts, self._name)
        for other in self.presences:
            check_claims(absence, other, self._name)
        if absence not in self.absences:
            self.absences.append(absence)
        return absence

    def add_presence(self, image: Volume, axis: int, first: int, last: int, class_id: int) -> Presence:
        """Say that a class is on all of some slices of an image; arguments and errors as of `add_absence`."""
        presence = Presence(axis, first, last, class_id, image.geometry, image_digest(image))
        self._check_classes([presence])
        for other in self.absences:
            check_claims(other, presence, self._name)
        if presence not in self.presences:
            self.presences.append(presence)
        return presence

    def add_ends(
        self, image: Volume, axis: int, first: int, last: int, class_id: int
    ) -> list[Absence | Presence]:
        """Say that a class is on the slices `first` and `last`, and on none before and beyond them.

        Both are needed: that it is on none beyond a slice makes it less probable on that slice as well. At
        the border of the volume nothing is said, so that one end can be told without the other. Arguments and
        errors as of `add_absence`.
        """
        depth = image.geometry.shape[axis]
        within = Absence(axis, first, last, class_id, image.geometry, "")  # checks the range
        sides = [(within.first, 0, within.first - 1), (within.last, within.last + 1, depth - 1)]
        said: list[Absence | Presence] = []
        for end, low, high in sides:
            if low <= high:
                said.append(self.add_absence(image, axis, low, high, class_id))
                said.append(self.add_presence(image, axis, end, end, class_id))
        return said

    def answer(self, image: Volume, question: Question, yes: bool) -> Absence | Presence:
        """Take the answer to a question of a result in; arguments and errors as of `add_absence`."""
        axis, index, class_id = question.axis, question.index, question.class_id
        if yes:
            return self.add_presence(image, axis, index, index, class_id)
        first, last = sorted((index, question.until))
        return self.add_absence(image, axis, first, last, class_id)

    def answer_end(self, image: Volume, question: Question, last: int) -> list[Absence | Presence]:
        """Answer a question with the last slice that shows the class, on the way to `question.until`.

        It says more than yes or no, which only tell the side of a slice. Errors as of `add_absence`.
        """
        axis, until, class_id = question.axis, question.until, question.class_id
        onwards = 1 if until > question.index or (until == question.index and last <= until) else -1
        if (until - last) * onwards < 0:
            raise InputError(f"Slice {last} lies beyond slice {until}, up to which the class may go on.")
        said: list[Absence | Presence] = [self.add_presence(image, axis, last, last, class_id)]
        if last != until:
            first, end = sorted((last + onwards, until))
            said.append(self.add_absence(image, axis, first, end, class_id))
        return said

    def merge(self, other: PromptSet) -> None:
        """Add all that another set has to this one; prompts of the same key are replaced.

        Raises:
            InputError: A label value stands for classes of different names in the two sets.
        """
        self._adopt(other.prompts, other.classes)
        self._check_classes([*other.absences, *other.presences])
        self.absences += [each for each in other.absences if each not in self.absences]
        self.presences += [each for each in other.presences if each not in self.presences]

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
        write_prompts(Path(path), Content(self.prompts, self.classes, self.absences, self.presences))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> PromptSet:
        """Read a set that `save` wrote; everything in the file is checked, nothing is executed.

        Raises:
            InputError: The file is missing, damaged, of another version, or contradicts itself.
        """
        read = read_prompts(Path(path))
        return cls(list(read.prompts), tuple(read.classes), list(read.absences), list(read.presences))

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
        self.absences = [part for each in self.absences for part in left_by(each, prompts)]

    def _check_classes(self, claims: Iterable[Claim]) -> None:
        ids = {each.id for each in self.classes}
        for claim in claims:
            if claim.class_id is not None and claim.class_id not in ids:
                known = ", ".join(f"{each.id} ({each.name})" for each in self.classes) or "none yet"
                raise InputError(
                    f"There is no class {claim.class_id} in the set (its classes: {known}); label it first."
                )

    def _name(self, class_id: int) -> str:
        return next(each.name for each in self.classes if each.id == class_id)

    def _by_key(self, key: str) -> Prompt:
        for prompt in self.prompts:
            if prompt.key == key:
                return prompt
        raise InputError(f"There is no prompt '{key}' in the set.")


def _ids_in(prompts: Iterable[Prompt]) -> set[int]:
    return {class_id for prompt in prompts for class_id in present_ids(prompt.labels)}
