"""What the user knows of slices that nobody has drawn: that a segment, or anything, is not there, or is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from MVGCore.errors import InputError, MVGError
from MVGCore.prompts import Absence, Presence, PromptSet, image_digest
from MVGCore.volume import SliceKey, robust_window
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.signals import Signal
from MVGLib.control.state import ExampleRow
from MVGLib.control.thumbnails import thumbnail
from MVGLib.texts import _


@dataclass(frozen=True)
class PanelClaim:
    """A segment is on none of some slices, or on all of them.

    Attributes:
        volume_id: The volume.
        axis: Array axis that the slices lie across.
        first: The first one.
        last: The last one.
        name: Of the segment; empty: nothing is there.
        enabled: Whether it is used.
        present: Whether the segment is there; where on the slices is not said.
    """

    volume_id: str
    axis: int
    first: int
    last: int
    name: str = ""
    enabled: bool = True
    present: bool = False

    @property
    def key(self) -> str:
        """Names it among the examples."""
        what = "is" if self.present else "not"
        return f"{what}|{self.volume_id}|{self.axis}|{self.first}|{self.last}|{self.name}"

    def covers(self, place: SliceKey, name: str) -> bool:
        """Whether it says of a slice whether a segment is on it."""
        here = self.axis == place.axis and self.first <= place.index <= self.last
        return here and self.name in ("", name)

    def denies(self, other: PanelClaim) -> bool:
        """Whether both cannot be true."""
        same = self.volume_id == other.volume_id and self.axis == other.axis
        meet = self.first <= other.last and other.first <= self.last
        about_one = self.name == other.name or "" in (self.name, other.name)
        return same and meet and about_one and self.present != other.present


class ClaimBook:
    """Keeps what is known of slices that nobody has drawn, beside the examples.

    Attributes:
        changed: Emitted with all claims before and after whenever the user has changed them.
    """

    def __init__(
        self, scene: SceneAccess, claims: Iterable[PanelClaim] = (), changed: Signal | None = None
    ) -> None:
        self.changed = changed or Signal()
        self._scene = scene
        self._all = list(claims)
        self._rows: dict[str, tuple[str, ExampleRow]] = {}
        self._version = 0

    @property
    def all(self) -> list[PanelClaim]:
        """All of them, in the order in which they were added."""
        return list(self._all)

    def set(self, claims: Iterable[PanelClaim]) -> None:
        """Replace all of them, as undo does: nobody is told."""
        self._all = list(claims)

    def add(self, *claims: PanelClaim) -> None:
        """Add some; what is there already is switched on, and what they deny goes: the last word counts."""
        keys = {each.key for each in claims}
        kept = [each for each in self._all if each.key not in keys]
        self._change([each for each in kept if not any(new.denies(each) for new in claims)] + [*claims])

    def remove(self, key: str) -> None:
        """Take one out; one that is not there is ignored."""
        self._change([each for each in self._all if each.key != key])

    def enable(self, key: str, on: bool) -> None:
        """Switch one on or off; one that is not there is ignored."""
        self._change([replace(each, enabled=on) if each.key == key else each for each in self._all])

    def _change(self, claims: list[PanelClaim]) -> None:
        before, self._all = self._all, claims
        if before != claims:
            self.changed.emit(tuple(before), tuple(claims))

    def forget_node(self, node_id: str) -> None:
        """A volume is gone."""
        self._all = [each for each in self._all if each.volume_id != node_id]

    def find(self, key: str) -> PanelClaim | None:
        """The one of a key."""
        return next((each for each in self._all if each.key == key), None)

    def versions(self) -> tuple[str, ...]:
        """Differs whenever something else is known."""
        return tuple(each.key for each in self._all if each.enabled)

    def tell(self, prompts: PromptSet) -> PromptSet:
        """Examples with what is known of other slices; of segments that no example shows nothing is said."""
        numbers = {each.name: each.id for each in prompts.classes}
        told = PromptSet(classes=prompts.classes)
        for each in self._all:
            if each.enabled and (not each.name or each.name in numbers):
                volume = self._scene.volume(each.volume_id)
                class_id = numbers.get(each.name) if each.name else None
                of_image = (volume.geometry, image_digest(volume))
                place = (each.axis, each.first, each.last, class_id)
                if each.present:
                    told.presences.append(Presence(*place, *of_image))
                else:
                    told.absences.append(Absence(*place, *of_image))
        told.merge(prompts)  # of a slice that was drawn since, the drawing counts
        return told

    def rows(self, volume_id: str) -> tuple[ExampleRow, ...]:
        """How they are listed."""
        return tuple(self._row(each, volume_id) for each in self._all)

    def _row(self, claim: PanelClaim, volume_id: str) -> ExampleRow:
        stamp = self._scene.nodes.fingerprint(claim.volume_id)
        known = self._rows.get(claim.key)
        if known is None or known[0] != stamp:
            known = self._rows[claim.key] = (stamp, self._fresh(claim))
        foreign = claim.volume_id != volume_id
        return replace(
            known[1],
            enabled=claim.enabled,
            slice=None if foreign else SliceKey(claim.axis, claim.first),
            can_jump=not foreign and not known[1].problem,
            source=self._scene.nodes.name(claim.volume_id) if foreign else "",
        )

    def _fresh(self, claim: PanelClaim) -> ExampleRow:
        picture, problem, place = np.zeros((8, 8, 3), np.uint8), "", str(claim.first)
        try:
            volume = self._scene.volume(claim.volume_id)
            if claim.last >= volume.geometry.shape[claim.axis]:
                raise InputError(_("These slices are outside the volume; remove the line."))
            plane = volume.array.take(claim.first, axis=claim.axis).astype(np.float32)
            empty = np.zeros(plane.shape, np.uint16)
            look = (volume.geometry, claim.axis, robust_window(volume.array))
            picture = thumbnail(plane, empty, {}, *look)
            place = f"{self._scene.plane_name(claim.volume_id, claim.axis)} {_range(claim)}"
        except MVGError as error:
            problem = str(error)
        what = _("{name} is there") if claim.present else _("no {name}") if claim.name else _("nothing")
        text = _("{place}: {what}").format(place=place, what=what.format(name=claim.name))
        self._version += 1
        return ExampleRow(claim.key, text, None, (), "", True, False, problem, picture, self._version)


def beyond(claim: PanelClaim, place: SliceKey, labelled: Iterable[int], depth: int) -> PanelClaim:
    """That a segment ends on a slice: it is on none of those that follow, away from the labelled ones.

    Args:
        claim: Which volume and segment.
        place: The slice, which may show it.
        labelled: Indices of the slices along the same axis on which it is labelled.
        depth: Number of slices along the axis.

    Raises:
        InputError: It cannot be told on which side of the slice it ends.
    """
    known = sorted(labelled)
    name = claim.name or _("Something")
    if not known:
        text = _("No example shows '{name}' along this axis; label it on a slice first.")
        raise InputError(text.format(name=name))
    if place.index >= known[-1]:
        first, last = place.index + 1, depth - 1
    elif place.index <= known[0]:
        first, last = 0, place.index - 1
    else:
        text = _("'{name}' is labelled on both sides of this slice; scroll to where it ends.")
        raise InputError(text.format(name=name))
    if first > last:
        raise InputError(_("This is the last slice of the volume; nothing follows."))
    return replace(claim, axis=place.axis, first=first, last=last)


def _range(claim: PanelClaim) -> str:
    return str(claim.first) if claim.first == claim.last else f"{claim.first}\u2013{claim.last}"
