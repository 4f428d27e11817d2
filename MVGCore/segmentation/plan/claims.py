"""What the user says of slices that nobody has drawn, as the stages of a propagation ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Absence, Presence, PromptSet
from MVGCore.volume import Volume

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Claims:
    """Where classes are said not to be, or to be, in one volume that is propagated along one axis.

    Attributes:
        axis: array axis of the slices.
        shape: (K, J, I) of the volume.
        absences, presences: those of this volume, across any axis.
    """

    axis: int
    shape: tuple[int, int, int]
    absences: tuple[Absence, ...] = ()
    presences: tuple[Presence, ...] = ()

    @classmethod
    def of(cls, prompts: PromptSet, image: Volume, axis: int) -> Claims:
        """Those of a set that are about an image."""
        absences = tuple(claim for claim in prompts.absences if claim.is_of(image))
        presences = tuple(claim for claim in prompts.presences if claim.is_of(image))
        return cls(axis, image.geometry.shape, absences, presences)

    def absent(self, ids: Sequence[int], drawn: Sequence[int] = ()) -> Bools:
        """(C, K) whether classes are nowhere on the slices; what is drawn on a slice counts instead."""
        return self._marked(self.absences, ids, drawn)

    def present(self, ids: Sequence[int], drawn: Sequence[int] = ()) -> Bools:
        """(C, K) whether classes are somewhere on the slices; as `absent`."""
        return self._marked(self.presences, ids, drawn)

    def outside(self, index: int, class_id: int) -> Bools | None:
        """(H, W) where on a slice a class is not, by what is said of slices across any axis; None: nothing
        is said."""
        concerned = [each for each in self.absences if each.concerns(class_id)]
        relevant = [each for each in concerned if each.axis != self.axis or each.covers(self.axis, index)]
        if not relevant:
            return None
        plane = tuple(size for axis, size in enumerate(self.shape) if axis != self.axis)
        mask = np.zeros(plane, np.bool_)
        for each in relevant:
            if each.axis == self.axis:
                return np.ones(plane, np.bool_)
            within = each.axis if each.axis < self.axis else each.axis - 1
            np.moveaxis(mask, within, 0)[each.first : each.last + 1] = True
        return mask

    def _marked(
        self, claims: Sequence[Absence | Presence], ids: Sequence[int], drawn: Sequence[int]
    ) -> Bools:
        marked = np.zeros((len(ids), self.shape[self.axis]), np.bool_)
        for claim in claims:
            if claim.axis == self.axis:
                concerned = [claim.concerns(each) for each in ids]
                marked[concerned, claim.first : claim.last + 1] = True
        marked[:, list(drawn)] = False
        return marked
