"""How far the edges of a structure of an existing segmentation lie off, by the labelled slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.segmentation.existing.shapes import Bools, Floats, signed_distance, zones

Labels = NDArray[np.integer]
LARGEST_DISTANCE = 12  # pixels from an edge up to which distances are told apart
WORTH = 0.5  # Dice below which a structure is not corrected place by place: that would be to draw it anew
# What a correction has to gain in Dice on left-out labelled slices: one number for a structure, or one for
# each pixel around it.
LEAST_GAIN = {"none": 0.0, "outer": 0.005, "local": 0.01}


@dataclass(frozen=True)
class Shapes:
    """The structures of a segmentation on one slice, by their edges.

    Attributes:
        labels: (H, W).
        ids: the classes that are meant; all else is no structure.
        spacing: millimetres along rows and columns.
    """

    labels: Labels
    ids: Sequence[int]
    spacing: Sequence[float]

    @property
    def limit(self) -> float:
        """Millimetres beyond which distances are not told apart."""
        return LARGEST_DISTANCE * min(self.spacing)

    def of(self, class_id: int) -> Floats:
        """(H, W) signed distance to the edge of a class."""
        return signed_distance(self.labels == class_id, self.spacing, self.limit)

    def outer(self, class_id: int) -> tuple[Floats, Floats]:
        """(H, W) signed distance to the edge between all structures and none, and that to the edge of the
        zone in which the class is the nearest one."""
        meant = np.where(np.isin(self.labels, self.ids), self.labels, 0)
        zone = zones(meant, self.spacing) == class_id
        whole = signed_distance(meant > 0, self.spacing, self.limit)
        return whole, signed_distance(zone, self.spacing, self.limit)


@dataclass(frozen=True)
class EdgeCorrection:
    """What is done to the edges of one class.

    Attributes:
        class_id: which.
        kind: "none"; "outer": where no other structure borders on it, by one distance; "local": by the
            distance at each place.
        offsets: labelled slice -> millimetres that the outer edge has to move outwards.
        changes: labelled slice -> (H, W) by what the signed distance has to grow.
    """

    class_id: int
    kind: str = "none"
    offsets: Mapping[int, float] = field(default_factory=dict)
    changes: Mapping[int, Floats] = field(default_factory=dict)

    def at(self, index: int, shapes: Shapes) -> Floats:
        """(H, W) signed distance to the corrected edge on a slice; between labelled slices in proportion."""
        if self.kind == "outer" and self.offsets and (shapes.labels == self.class_id).any():
            offset = sum(share * self.offsets[k] for k, share in shares(index, sorted(self.offsets)).items())
            whole, zone = shapes.outer(self.class_id)
            return np.clip(np.minimum(whole + np.float32(offset), zone), -shapes.limit, shapes.limit)
        own = shapes.of(self.class_id)
        if self.kind == "local" and self.changes and (own > -shapes.limit).any():
            parts = shares(index, sorted(self.changes)).items()
            change = sum(np.float32(share) * self.changes[k] for k, share in parts)
            return np.clip(own + change, -shapes.limit, shapes.limit)
        return own

    def without(self, index: int) -> EdgeCorrection:
        """What it would be without one of the labelled slices; one distance is kept if nothing else tells."""
        offsets = {k: each for k, each in self.offsets.items() if k != index} or self.offsets
        changes = {k: each for k, each in self.changes.items() if k != index}
        return EdgeCorrection(self.class_id, self.kind, offsets, changes)


def shares(index: int, places: Sequence[int]) -> dict[int, float]:
    """Labelled slices, ascending -> what each counts on a slice: the two around it, by nearness."""
    upper = int(np.searchsorted(places, index))
    if upper == 0 or upper == len(places):
        return {places[min(upper, len(places) - 1)]: 1.0}
    low, high = places[upper - 1], places[upper]
    part = (index - low) / (high - low)
    return {low: 1 - part, high: part}


def fit_edges(
    shapes: Mapping[int, Shapes], labelled: Mapping[int, Labels], class_id: int
) -> tuple[EdgeCorrection, dict[int, Floats]]:
    """The correction that the left-out labelled slices bear out, and what it makes of each, left out.

    Args:
        shapes: labelled slice -> the segmentation there.
        labelled: labelled slice -> its labels (H, W).
        class_id: which class.
    """
    offsets, changes = {}, {}
    for index, own in shapes.items():
        mask = labelled[index] == class_id
        if not mask.any() or not (own.labels == class_id).any():
            continue
        drawn = signed_distance(mask, own.spacing, own.limit)
        drafted = own.of(class_id)
        change = np.clip(drawn - drafted, -own.limit / 2, own.limit / 2)
        changes[index] = ndimage.gaussian_filter(change, 1.0)
        whole, zone = own.outer(class_id)
        near = (np.abs(whole) <= min(own.spacing)) & (zone > 0)
        if near.any():
            offsets[index] = float(np.median((drawn - whole)[near]))
    options: list[tuple[float, EdgeCorrection, dict[int, Floats]]] = []
    for kind, least in LEAST_GAIN.items():
        if kind == "local" and options[0][0] < WORTH:
            continue
        correction = EdgeCorrection(class_id, kind, offsets, changes)
        left_out = {k: correction.without(k).at(k, own) for k, own in shapes.items()}
        options.append((_dice(left_out, labelled, class_id) - least, correction, left_out))
    _, chosen, left_out = max(options, key=lambda option: option[0])
    return chosen, left_out


def _dice(distances: Mapping[int, Floats], labelled: Mapping[int, Labels], class_id: int) -> float:
    """Mean Dice over the slices that show a class, or should."""
    dices = []
    for index, distance in distances.items():
        inside: Bools = distance > 0
        truth = labelled[index] == class_id
        if inside.any() or truth.any():
            dices.append(2 * float((inside & truth).sum()) / float(inside.sum() + truth.sum()))
    return float(np.mean(dices)) if dices else 0.0
