"""Where structures end, on the way out from the first or the last labelled slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from MVGCore.prompts import Prompt
from MVGCore.segmentation.fuse.merge import MergedSlice

# A structure has ended where its area falls below this share of its area on the outermost labelled slice:
# what matches it farther out is something else. Held-out cases, 3 labelled slices, slices of a class beyond
# its true end, by two empty slices in a row and by this: hippocampus 3.1 and 0.1, head and neck 3.6 and 2.5;
# Dice .798 and .809, .519 and .520. With one labelled slice a higher share ends too much (.545 and .541).
LEAST_SHARE = 0.2
LEAST_SHARE_OF_ONE = 0.1


class EndTracker:
    """Remembers which classes have ended on either side of the labelled slices."""

    def __init__(self, prompts: Sequence[Prompt], spans: Mapping[int, tuple[int, int]] | None = None) -> None:
        """Looks at the labelled slices, which are given by index; classes on none of them are left alone.

        Args:
            prompts: the labelled slices.
            spans: class id -> first and last slice on which it is known to be, besides.
        """
        self._spans = spans or {}
        self._known = {class_id for prompt in prompts for class_id in _areas(prompt.labels)}
        self._share = LEAST_SHARE if len(prompts) > 1 else LEAST_SHARE_OF_ONE
        self._areas = {side: _areas(prompts[place].labels) for side, place in ((-1, 0), (1, -1))}

    def ended(self, side: int, index: int, merged: MergedSlice) -> MergedSlice:
        """The next slice outwards on a side (-1 or 1), without the classes that have ended.

        Whether a class goes on is asked without favour, which would carry it past its end.
        """
        areas = _areas(merged.labels if merged.likeliest is None else merged.likeliest)
        alive = self._areas[side]
        for class_id in [each for each in alive if areas.get(each, 0) < self._share * alive[each]]:
            if not self._within(class_id, index):
                del alive[class_id]
        ended = {each for each in self._known - alive.keys() if not self._within(each, index)}
        gone = np.isin(merged.labels, list(ended))
        return replace(
            merged,
            labels=np.where(gone, 0, merged.labels).astype(np.uint16),
            confidence=np.where(gone, np.maximum(1 - merged.confidence, 0.5), merged.confidence),
            areas={class_id: each for class_id, each in merged.areas.items() if class_id not in ended},
        )

    def _within(self, class_id: int, index: int) -> bool:
        first, last = self._spans.get(class_id, (index, index - 1))
        return first <= index <= last


def _areas(labels: NDArray[np.uint16]) -> dict[int, int]:
    """Class id -> pixels."""
    ids, counts = np.unique(labels[labels > 0], return_counts=True)
    return {int(class_id): int(count) for class_id, count in zip(ids, counts, strict=True)}
