"""The drafts of a class group, one for each gap between labelled slices, made when first asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.drafts.draft import Draft
from MVGCore.drafts.label import make_draft
from MVGCore.drafts.seeds import one_hot
from MVGCore.prompts import Prompt
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import ClassGroup
from MVGCore.volume.canvas import Canvas
from MVGCore.volume.normalise import normalise

LEAST_SHARE = 0.45  # of a canvas's side that its draft has
DRAFT_VALUES = 16_000_000  # numbers in the drafts of a group; above it they are made on fewer pixels


@dataclass(frozen=True)
class GapDraft:
    """The draft of the slices first, first + 1, ..., their labelled ends among them."""

    first: int
    draft: Draft


@dataclass
class GroupDrafts:
    """Drafts between neighbouring labelled slices, and from the outermost ones to the ends of the volume.

    A gap is drafted from its own two labelled slices: nothing beyond them matters, so that a correction
    elsewhere leaves the draft as it is.

    Attributes:
        planes: (K, H, W) raw intensities, propagation axis first.
        group: what is drafted.
        prompts: the labelled slices of this volume, by index.
        step: distance of neighbouring slices in canvas pixels.
        cache: keeps drafts when the prompts change.
        crossing: slices that are labelled across other axes.
    """

    planes: NDArray[np.generic]
    group: ClassGroup
    prompts: Sequence[Prompt]
    step: float
    cache: ContentCache
    crossing: Crossing | None = None
    _gaps: dict[int, GapDraft] = field(default_factory=dict, init=False)

    def around(self, index: int) -> GapDraft:
        """The draft of the gap in which a slice lies."""
        places = [prompt.index for prompt in self.prompts]
        gap = int(np.searchsorted(places, index))
        if gap not in self._gaps:
            lower = self.prompts[gap - 1] if gap else None
            upper = self.prompts[gap] if gap < len(places) else None
            self._gaps[gap] = self.between(lower, upper)
        return self._gaps[gap]

    def between(self, lower: Prompt | None, upper: Prompt | None) -> GapDraft:
        """The draft of the slices from one labelled slice to another; None stands for the volume's end."""
        ends = [prompt for prompt in (lower, upper) if prompt is not None]
        first = lower.index if lower else 0
        last = upper.index if upper else len(self.planes) - 1
        # The same resolution everywhere, so that what is found out about one gap holds for the others.
        side = draft_side(self.group, len(self.planes))
        digests = tuple((prompt.index, prompt.digest(self.group.ids)) for prompt in ends)
        reach, crossing = self._reach(), self.crossing
        lines = crossing.digest if crossing else ()
        slices = range(first, last + 1)
        return self.cache.get(
            ("draft", self.group, first, last, digests, self.step, reach, lines),
            lambda: GapDraft(
                first,
                draft_group(self.planes, self.group, ends, slices, self.step, side, reach, crossing),
            ),
        )

    def _reach(self) -> float:
        """How far structures go on beyond the outermost labelled slices, in slices: about one gap."""
        first, last = self.prompts[0].index, self.prompts[-1].index
        return (last - first) / (len(self.prompts) - 1) if last > first else len(self.planes) / 4


def draft_side(group: ClassGroup, depth: int) -> int:
    """Pixels along a side of the draft of a group over `depth` slices.

    As many as the slices have there, or a multiple of that, at least `LEAST_SHARE` of the side of the canvas
    and at most all of it: coarser, thin structures are lost (demo: Dice .79 at half the side, .94 at the
    slices' own pixels). With a share of .5 half of twelve hippocampi were drafted on twice as many pixels
    along a side, in four times the time: .8559 and .9032 with 3 and 5 slices, .8562 and .9025 with .45. On a
    grid between the slices' pixels the geodesic draft alone had, with 5 slices, a Dice of .659 on organs of
    head and neck and .832 on hippocampus instead of .678 and .840. Fewer where the draft would become too
    large.
    """
    canvas, classes = group.canvas, len(group.ids) + 1
    native = round(canvas.side * max(canvas.scale))
    side = min(canvas.side, native * max(1, math.ceil(LEAST_SHARE * canvas.side / native)))
    affordable = (DRAFT_VALUES / (classes * depth)) ** 0.5
    return min(side, max(32, 2 * int(affordable / 2)))


def draft_group(
    image: NDArray[np.generic],
    group: ClassGroup,
    prompts: Sequence[Prompt],
    slices: range,
    step: float,
    side: int,
    reach: float | None = None,
    crossing: Crossing | None = None,
) -> Draft:
    """The draft of a group for consecutive slices, in half precision: drafts are kept.

    Args:
        image: (K, H, W) raw intensities of all slices, propagation axis first.
        group: what is drafted.
        prompts: labelled slices of this volume within `slices`.
        slices: which slices to draft.
        step: distance of neighbouring slices in canvas pixels.
        side: pixels along a side of the draft (see `draft_side`).
        reach: slices beyond the labelled ones within which structures are expected; None: the mean gap.
        crossing: slices that are labelled across other axes.
    """
    small = group.canvas.resized(side)
    ordered = sorted(prompts, key=lambda prompt: prompt.index)
    positions = np.stack([small.draw_labels(prompt.labels, group.ids) for prompt in ordered])
    known = [prompt.index - slices.start for prompt in ordered]
    lines = None if crossing is None else draw_known(small, group.ids, *crossing.among(slices))
    drawn = positions if lines is None else np.concatenate((positions.ravel(), lines.ravel()))
    present = [0, *(int(each) for each in np.unique(drawn) if each > 0)]
    classes = len(group.ids) + 1
    if len(present) == 1:
        return _nothing(classes, len(slices), side)
    stack = torch.from_numpy(normalise(small.draw_image(image[slices.start : slices.stop]), group.window))
    seeds = one_hot(torch.from_numpy(positions), classes)[present]
    known_voxels = None if lines is None else torch.from_numpy(_places_in(present, lines))
    draft = make_draft(
        stack, seeds, known, step * side / group.canvas.side, reach=reach, known_voxels=known_voxels
    )
    return Draft(_among(draft.geodesic, present, classes), _among(draft.diffusion, present, classes))


def draw_known(
    canvas: Canvas, ids: Sequence[int], labels: NDArray[np.uint16], known: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Labels of slices (T, H, W), known in part, as class positions on a canvas, (T, S, S); -1: not known.

    A line of known pixels stays one where the canvas is coarser than the slice.
    """
    others = known & ~np.isin(labels, ids)
    shares = np.stack([canvas.draw_image(each) for each in (others, *(known & (labels == i) for i in ids))])
    enough = 0.49 / max(1.0, *canvas.scale)
    return np.where(shares.sum(0) >= enough, shares.argmax(0), -1)


def _places_in(present: Sequence[int], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Class positions as places among the classes that are shown; what is not known stays -1."""
    places = np.searchsorted(present, positions)
    return np.where(positions < 0, -1, places)


def _nothing(classes: int, depth: int, side: int) -> Draft:
    """Background for sure: none of the classes is on either labelled slice."""
    background = torch.zeros(classes, depth, side, side, dtype=torch.float16)
    background[0] = 1
    return Draft(background, background)


def _among(planes: Tensor, present: Sequence[int], classes: int) -> Tensor:
    """Planes of the classes that are shown, among all classes, in half precision; the others have none."""
    planes = planes.half()
    if len(present) == classes:
        return planes
    every = planes.new_zeros(classes, *planes.shape[1:])
    every[list(present)] = planes
    return every
