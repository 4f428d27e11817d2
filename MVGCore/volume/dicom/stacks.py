"""Sorting the slices of a series into volumes: of one size, parallel, one slice per position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from MVGCore.volume.dicom.planes import Plane

# Of the unit vectors of orientation: half a pixel across 512 pixels is reached at 1e-3.
_SAME_DIRECTION = 1e-3
_SAME_SIZE = 1e-3
# Part of a pixel's size, and mm, within which two slices are at one position.
_SAME_PLACE, _SAME_PLACE_MM = 0.02, 0.02

Same = Callable[[Plane, Plane], bool]


@dataclass(frozen=True)
class Stack:
    """Slices that make one volume.

    Attributes:
        planes: In the order of space, or of their numbers where they have no position.
        part: What tells it from the other stacks of its series; empty if there is none.
        notes: What was left out of it, as sentences.
    """

    planes: tuple[Plane, ...]
    part: str = ""
    notes: tuple[str, ...] = ()


def sort_into_stacks(planes: Sequence[Plane], same_pixels: Same) -> list[Stack]:
    """The stacks of one series, the one of most slices first.

    Args:
        planes: All slices of the series.
        same_pixels: Whether two slices show the same; asked only about slices at one position.
    """
    groups = sorted(_parallel(planes), key=len, reverse=True)
    stacks = []
    for group in groups:
        turn = f"{group[0].size[1]} x {group[0].size[0]} pixels" if len(groups) > 1 else ""
        turn = "localizer" if group[0].source.localizer else turn
        for stack in _one_per_position(group, same_pixels):
            part = ", ".join(each for each in (turn, stack.part) if each)
            stacks.append(Stack(stack.planes, part, stack.notes))
    return stacks


def _parallel(planes: Sequence[Plane]) -> list[list[Plane]]:
    groups: list[list[Plane]] = []
    for plane in planes:
        for group in groups:
            if _fit(group[0], plane):
                group.append(plane)
                break
        else:
            groups.append([plane])
    return groups


def _fit(one: Plane, other: Plane) -> bool:
    kinds = [
        (
            each.size,
            each.source.frame_of_reference,
            each.source.localizer,
            each.source.colour,
            each.source.film,
            each.source.mosaic,
            each.position is None,
        )
        for each in (one, other)
    ]
    if kinds[0] != kinds[1]:
        return False
    for a, b, tolerance in (
        (one.orientation, other.orientation, _SAME_DIRECTION),
        (one.spacing, other.spacing, _SAME_SIZE * min(one.spacing or (1,))),
    ):
        if (a is None) != (b is None):
            return False
        if a is not None and b is not None and max(abs(p - q) for p, q in zip(a, b, strict=True)) > tolerance:
            return False
    return True


def _one_per_position(planes: list[Plane], same_pixels: Same) -> list[Stack]:
    source = planes[0].source
    if source.alone:
        return [Stack((plane,)) for plane in sorted(planes, key=_as_counted)]
    if planes[0].position is None or source.colour or source.film or source.mosaic:
        return [Stack(tuple(sorted(planes, key=_as_counted)))]
    places = _places(planes)
    places, copies = _without_copies(places, same_pixels)
    note = f"{copies} slices are there more than once and were taken once" if copies else ""
    notes = (note,) if note else ()
    if max(map(len, places)) == 1:
        return [Stack(tuple(place[0] for place in places), notes=notes)]
    parts = _split(places)
    return [
        Stack(
            tuple(part),
            f"phase {number} of {len(parts)} at the same positions{_in_brackets(name)}",
            notes,
        )
        for number, (name, part) in enumerate(parts, start=1)
    ]


def _places(planes: list[Plane]) -> list[list[Plane]]:
    """The slices by position, along the normal; those of one position as the scanner counted."""
    normal = planes[0].normal
    heights = {id(plane): float(np.dot(plane.position, normal)) for plane in planes}  # type: ignore[arg-type]
    tolerance = min(_SAME_PLACE * min(planes[0].spacing or (1.0,)), _SAME_PLACE_MM)
    places: list[list[Plane]] = []
    for plane in sorted(planes, key=lambda each: heights[id(each)]):
        if places and heights[id(plane)] - heights[id(places[-1][0])] <= tolerance:
            places[-1].append(plane)
        else:
            places.append([plane])
    return [sorted(place, key=_as_counted) for place in places]


def _as_counted(plane: Plane) -> tuple[int, str, int]:
    return plane.number, str(plane.source.file), plane.frame


def _without_copies(places: list[list[Plane]], same_pixels: Same) -> tuple[list[list[Plane]], int]:
    """One of each set of equal slices, and how many others there were; nothing where any of them differ."""
    repeated = [place for place in places if len(place) > 1]
    for place in repeated:
        if not all(same_pixels(place[0], other) for other in place[1:]):
            return places, 0
    return [place[:1] for place in places], sum(len(place) - 1 for place in repeated)


def _split(places: list[list[Plane]]) -> list[tuple[str, list[Plane]]]:
    """Name and slices of each phase; by what the file says of them, else by their order at each position."""
    most = max(map(len, places))
    names = [name for name, _ in max(places, key=len)[0].traits]
    for name in names:
        parts: dict[str, list[list[Plane]]] = defaultdict(list)
        for place in places:
            for value, same in _by_value(place, name).items():
                parts[value].append(same)
        if 1 < len(parts) <= most and all(len(part) > 1 or len(places) == 1 for part in parts.values()):
            return [
                (f"{name} {value}{', ' + rest if rest else ''}", planes)
                for value, part in parts.items()
                for rest, planes in _split(part)
            ]
    by_order = [[place[number] for place in places if len(place) > number] for number in range(most)]
    return [("by the order of their numbers" if most > 1 else "", planes) for planes in by_order]


def _by_value(place: list[Plane], name: str) -> dict[str, list[Plane]]:
    by_value: dict[str, list[Plane]] = defaultdict(list)
    for plane in place:
        by_value[dict(plane.traits).get(name, "")].append(plane)
    return by_value


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""
