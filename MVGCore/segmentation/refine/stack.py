"""A group of classes through the whole volume: images, what was found, what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from MVGCore.segmentation.fuse.mixture import LEAST_OPINION
from MVGCore.segmentation.halves import Floats, Halves, halved, likeliest, single
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import ClassGroup
from MVGCore.segmentation.predict.context import canvases
from MVGCore.segmentation.predict.group_drafts import draw_known


@dataclass(frozen=True)
class GroupVolume:
    """A group's canvases through the whole volume, and what is known of them.

    Attributes:
        images: (K, S, S) in 0..1.
        odds: (K, C, S, S) log-odds of each class against background, as found or as labelled.
        known: (K, S, S) True where the label is given.
    """

    images: Floats
    odds: Halves
    known: NDArray[np.bool_]

    @cached_property
    def labels(self) -> NDArray[np.uint16]:
        """(K, S, S) positions of the likeliest classes."""
        return likeliest(self.odds)

    @classmethod
    def of(
        cls,
        group: ClassGroup,
        planes: NDArray[np.generic],
        by_index: Mapping[int, NDArray[np.floating]],
        labelled: Mapping[int, NDArray[np.uint16]],
        crossing: Crossing | None = None,
    ) -> GroupVolume:
        """What is known of a group throughout a volume.

        Args:
            group: the classes.
            planes: (K, H, W) raw intensities.
            by_index: index of a slice -> (C - 1, S, S) probabilities of the classes.
            labelled: index of a slice -> its labels (H, W); each slice is found or labelled.
            crossing: slices that are labelled across other axes.
        """
        classes = np.arange(1, len(group.ids) + 1)[:, None, None]
        images, odds, known = [], [], []
        for index, plane in enumerate(planes):
            if index in labelled:
                given = group.canvas.draw_labels(labelled[index], group.ids).astype(np.int64)
            elif crossing is not None:
                labels, drawn = crossing.among([index])
                given = draw_known(group.canvas, group.ids, labels, drawn)[0]
            else:
                given = np.full((group.canvas.side,) * 2, -1)
            images.append(canvases(group, plane).numpy())
            odds.append(class_odds(np.where(given >= 0, given == classes, by_index.get(index, 0.0))))
            known.append(given >= 0)
        return cls(np.stack(images), np.stack(odds), np.stack(known))


def class_odds(foreground: NDArray[np.floating], axis: int = 0) -> Halves:
    """Probabilities (C - 1, ...) of the classes -> log-odds (C, ...) of all against background."""
    foreground = single(foreground)
    background = 1 - foreground.sum(axis, keepdims=True)
    logs = np.log(np.maximum(np.concatenate((background, foreground), axis), LEAST_OPINION))
    return halved(logs - logs.take([0], axis))


def probabilities(odds: NDArray[np.floating]) -> Halves:
    """Log-odds (C, ...) of all classes against background -> probabilities (C - 1, ...) of the classes."""
    raised = single(odds)
    np.exp(raised, out=raised)
    return halved(raised[1:] / raised.sum(0))
