"""What the user knows of slices that nobody has drawn: that a segment, or anything, is not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from MVGCore.errors import InputError, MVGError
from MVGCore.prompts import Absence, PromptSet
from MVGCore.prompts.absence import image_digest
from MVGCore.volume import SliceKey, robust_window
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.state import ExampleRow
from MVGLib.control.thumbnails import thumbnail
from MVGLib.texts import _


@dataclass(frozen=True)
class Absent:
    """A segment is on none of some slices.

    Attributes:
        volume_id: The volume.
        axis: Array axis that the slices lie across.
        first: The first one.
        last: The last one.
        name: Of the segment; empty: nothing is there.
        enabled: Whether it is used.
    """

    volume_id: str
    axis: int
    first: int
    last: int
    name: str = ""
    enabled: bool = True

    @property
    def key(self) -> str:
        """Names it among the examples."""
        return f"not|{self.volume_id}|{self.axis}|{self.first}|{self.last}|{self.name}"

    def covers(self, place: SliceKey, name: str) -> bool:
        """Whether it says that a segment is not on a slice."""
        here = self.axis == place.axis and self.first <= place.index <= self.last
        return here and self.name in ("", name)


class AbsenceBook:
    """Keeps what is known to be absent, beside the examples."""

    def __init__(self, scene: SceneAccess, absent: Iterable[Absent] = ()) -> None:
        self._scene = scene
        self._all = list(absent)
        self._rows: dict[str, tuple[str, ExampleRow]] = {}
        self._version = 0

    @property
    def all(self) -> list[Absent]:
        """All of them, in the order in which they were added."""
        return list(self._all)

    def set(self, absent: Iterable[Absent]) -> None:
        """Replace all of them."""
        self._all = list(absent)

    def add(self, absent: Absent) -> None:
        """Add one; what is there already is switched on."""
        self._all = [*(each for each in self._all if each.key != absent.key), absent]

    def remove(self, key: str) -> None:
        """Take one out; one that is not there is ignored."""
        self._all = [each for each in self._all if each.key != key]

    def enable(self, key: str, on: bool) -> None:
        """Switch one on or off; one that is not there is ignored."""
        self._all = [replace(each, enabled=on) if each.key == key else each for each in self._all]

    def forget_node(self, node_id: str) -> None:
        """A volume is gone."""
        self._all = [each for each in self._all if each.volume_id != node_id]

    def find(self, key: str) -> Absent | None:
        """The one of a key."""
        return next((each for each in self._all if each.key == key), None)

    def versions(self) -> tuple[str, ...]:
        """Differs whenever something else is known."""
        return tuple(each.key for each in self._all if each.enabled)

    def tell(self, prompts: PromptSet) -> PromptSet:
        """Examples with what is known of other slices; of segments that no example shows nothing is said."""
        numbers = {each.name: each.id for each in prompts.classes}
        claims = []
        for each in self._all:
            if each.enabled and (not each.name or each.name in numbers):
                volume = self._scene.volume(each.volume_id)
                place = (each.axis, each.first, each.last, numbers.get(each.name) if each.name else None)
                claims.append(Absence(*place, volume.geometry, image_digest(volume)))
        return replace(prompts, absences=[*prompts.absences, *claims])

    def rows(self, volume_id: str) -> tuple[ExampleRow, ...]:
        """How they are listed."""
        return tuple(self._row(each, volume_id) for each in self._all)

    def _row(self, absent: Absent, volume_id: str) -> ExampleRow:
        stamp = self._scene.fingerprint(absent.volume_id)
        known = self._rows.get(absent.key)
        if known is None or known[0] != stamp:
            known = self._rows[absent.key] = (stamp, self._fresh(absent))
        foreign = absent.volume_id != volume_id
        return replace(
            known[1],
            enabled=absent.enabled,
            slice=None if foreign else SliceKey(absent.axis, absent.first),
            can_jump=not foreign and not known[1].problem,
            source=self._scene.name(absent.volume_id) if foreign else "",
        )

    def _fresh(self, absent: Absent) -> ExampleRow:
        picture, problem, place = np.zeros((8, 8, 3), np.uint8), "", str(absent.first)
        try:
            volume = self._scene.volume(absent.volume_id)
            if absent.last >= volume.geometry.shape[absent.axis]:
                raise InputError(_("These slices are outside the volume; remove the line."))
            plane = volume.array.take(absent.first, axis=absent.axis).astype(np.float32)
            empty = np.zeros(plane.shape, np.uint16)
            look = (volume.geometry, absent.axis, robust_window(volume.array))
            picture = thumbnail(plane, empty, {}, *look)
            place = f"{self._scene.plane_name(absent.volume_id, absent.axis)} {_range(absent)}"
        except MVGError as error:
            problem = str(error)
        what = _("no {name}").format(name=absent.name) if absent.name else _("nothing")
        text = _("{place}: {what}").format(place=place, what=what)
        self._version += 1
        return ExampleRow(absent.key, text, None, (), "", True, False, problem, picture, self._version)


def beyond(absent: Absent, place: SliceKey, labelled: Iterable[int], depth: int) -> Absent:
    """That a segment ends on a slice: it is on none of those that follow, away from the labelled ones.

    Args:
        absent: Which volume and segment.
        place: The slice, which may show it.
        labelled: Indices of the slices along the same axis on which it is labelled.
        depth: Number of slices along the axis.

    Raises:
        InputError: It cannot be told on which side of the slice it ends.
    """
    known = sorted(labelled)
    name = absent.name or _("Something")
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
    return replace(absent, axis=place.axis, first=first, last=last)


def _range(absent: Absent) -> str:
    return str(absent.first) if absent.first == absent.last else f"{absent.first}\u2013{absent.last}"
