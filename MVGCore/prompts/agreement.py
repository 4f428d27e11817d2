"""Whether what is drawn and what is claimed of slices go together, and what gives way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from MVGCore.errors import InputError
from MVGCore.prompts.absence import Absence, Presence
from MVGCore.prompts.prompt import Prompt
from MVGCore.volume import Volume
from MVGCore.volume.labelmap import present_ids

ClassName = Callable[[int], str]


def check_labels(absence: Absence, image: Volume, prompts: Iterable[Prompt], name: ClassName) -> None:
    """Refuse an absence that a labelled slice of the image contradicts.

    Raises:
        InputError: one does.
    """
    for prompt in prompts:
        labelled = [each for each in present_ids(prompt.labels) if absence.concerns(each)]
        if labelled and absence.covers(prompt.axis, prompt.index) and prompt.is_slice_of(image):
            raise InputError(
                f"Slice {prompt.index} is labelled as {name(labelled[0])}, which is said not to be on "
                f"{absence.describe()}; take that label back, or leave the slice out."
            )


def check_claims(absence: Absence, presence: Presence, name: ClassName) -> None:
    """Refuse an absence and a presence of one class on one slice.

    Raises:
        InputError: they contradict each other.
    """
    assert presence.class_id is not None
    overlap = absence.axis == presence.axis and absence.geometry == presence.geometry
    apart = absence.last < presence.first or presence.last < absence.first
    if overlap and not apart and absence.concerns(presence.class_id):
        raise InputError(
            f"{name(presence.class_id)} is said to be on {presence.describe()} and not to be on "
            f"{absence.describe()}; take one of both back."
        )


def left_by(absence: Absence, prompts: Sequence[Prompt]) -> list[Absence]:
    """What is left of an absence once slices are drawn: what was drawn last counts."""
    left = [absence]
    for prompt in prompts:
        same = prompt.geometry == absence.geometry
        if same and any(absence.concerns(each) for each in present_ids(prompt.labels)):
            left = [
                part
                for each in left
                for part in (each.without(prompt.index) if each.covers(prompt.axis, prompt.index) else [each])
            ]
    return left
