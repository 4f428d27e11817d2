"""The second look: along the other axes, at what the first one has found in the whole volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from MVGCore.models.fallback import OnDevice
from MVGCore.models.tiled import is_tiled
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.existing.guidance import Guidance
from MVGCore.segmentation.fuse.extents import Extents, GroupPredictions
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import Plan
from MVGCore.segmentation.predict.context import GroupContext
from MVGCore.segmentation.predict.predictions import prediction_key
from MVGCore.segmentation.quality import Quality
from MVGCore.segmentation.refine.multiplanar import refine_across
from MVGCore.segmentation.refine.stack import GroupVolume, probabilities
from MVGCore.segmentation.timing import Stopwatch

THICK = 3.0  # slices that are more than so many times as far apart as their pixels are not looked across

Progress = Callable[[float, str], None]


@dataclass
class SecondLook:
    """Corrects what the groups say of all slices by looking along the other axes of the volume.

    Attributes:
        place: the model and its device.
        plan: the groups.
        planes: (K, H, W) slices of the volume.
        labelled: index -> labels of the slices that are known.
        contexts: what each group is generated from, by group and set of examples; filled before the look.
        crossing: slices that are labelled across other axes.
        quality: how much work it takes.
        guidance: what is known of the volume beside the examples.
        cache: of what was found before.
        watch: takes the time.
    """

    place: OnDevice
    plan: Plan
    planes: NDArray[np.generic]
    labelled: Mapping[int, NDArray[np.uint16]]
    contexts: Sequence[Sequence[GroupContext]]
    crossing: Crossing | None
    quality: Quality
    guidance: Guidance
    cache: ContentCache
    watch: Stopwatch

    def groups(self) -> list[int]:
        """The groups that are looked at along the other axes.

        What the first look saw in tiles it saw on finer pixels than a look across would (two rendered heads:
        .8617 with it, .8620 without, three quarters of the time), and across thick slices nothing is seen
        (six hearts of 10 mm with 3 and 5 slices: -.002 to +.003). Nor is anything gained of classes that an
        existing segmentation shows (see `Guidance.spared`).
        """
        along, *within = self.plan.spacing
        if not self.quality.across or along > THICK * min(within):
            return []
        return [
            number
            for number, group in enumerate(self.plan.groups)
            if not is_tiled(self.place.model, group.canvas.side) and not self.guidance.speaks_of_all(group)
        ]

    def correct(
        self,
        by_index: dict[int, GroupPredictions],
        extents: Extents,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        """Look along the other axes at what was found, and correct it.

        Args:
            by_index: index -> what the groups say of the slice; corrected in place.
            extents: where classes may be.
            progress: called with the fraction of this look that is done, and a text.
            cancelled: asked between batches; true ends it.
        """
        numbers = self.groups()
        for place, number in enumerate(numbers):
            tell = partial(_tell_across, progress, place, len(numbers))
            told = prediction_key(self.contexts[number]), self.guidance.key
            key = ("second look", told, extents.there[number].tobytes())
            revised = self.cache.get(key, partial(self._look_at, number, by_index, tell, cancelled))
            tell(1.0)
            if revised is None:
                continue
            for index, answer in by_index.items():
                planes = self.guidance.spared(self.plan.groups[number], answer[number], revised[index])
                corrected = (*answer[:number], planes, *answer[number + 1 :])
                by_index[index] = extents.possible(index, corrected)

    def _look_at(
        self,
        number: int,
        by_index: dict[int, GroupPredictions],
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> NDArray[np.float16] | None:
        """(K, C - 1, S, S) probabilities of a group's classes after both looks; None: nothing is changed."""
        own = {index: answer[number] for index, answer in by_index.items()}

        def look() -> NDArray[np.float16] | None:
            context = self.contexts[number][0]
            place = self.place
            return refine_across(place.model, place.device, context, stack, progress, cancelled)

        with self.watch.of("look again"):
            stack = GroupVolume.of(self.plan.groups[number], self.planes, own, self.labelled, self.crossing)
            odds = self.place.with_memory(look)
            return None if odds is None else np.stack([probabilities(plane) for plane in odds])


def _tell_across(progress: Progress, place: int, groups: int, part: float) -> None:
    """So much of the look at one group of several along the other axes is done."""
    which = f", group {place + 1} of {groups}" if groups > 1 else ""
    progress((place + part) / groups, f"Second look, along the other axes{which}")
