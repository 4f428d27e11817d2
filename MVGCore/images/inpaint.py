"""Filling of holes, with examples made by moving the holes over intact slices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.images.between import USUAL_SHARES, WAYS, best_ways, fill_ways
from MVGCore.images.engine import Engine, ImageQuestion
from MVGCore.images.gate import Trial, best_share, mix, spread
from MVGCore.images.holes import Move, deepest, moved, moves_for
from MVGCore.images.result import ImageResult, ImageSlice, ResultImage
from MVGCore.images.run import PREPARED, Callbacks, Progress, TaskStopwatch, fill, finish
from MVGCore.images.shown import pixel_step, scaled
from MVGCore.volume import LabelMap, Volume, Window, check_axis, check_image, neighbour_indices, robust_window

NETWORK_MARGIN = (
    0.03  # by so much of the draft's error the network must be better: a few holes are a small sample
)
EXAMPLE_SLICES = 3  # intact slices that are shown with the hole over them


def run_inpaint(
    engine: Engine,
    image: Volume,
    mask: LabelMap,
    *,
    axis: int | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    slice_range: tuple[int, int] | None = None,
    shown: Callable[[ImageSlice], None] | None = None,
) -> ImageResult:
    """Fill the holes of a volume.

    Args:
        engine: the model and where it runs.
        image: the volume; what it holds inside the mask is not looked at.
        mask: on the grid of the image; every label is a hole.
        axis: array axis of the slices that are filled one by one; by default the one along which whole slices
            are missing, or that of the largest spacing.
        progress: called with the done fraction and a text.
        cancelled: asked between tiles; true ends the run.
        slice_range: first and last slice to fill; the others come back as they were.
        shown: called with every slice as soon as it is done.

    Returns:
        In the numeric type and the units of the image; every voxel outside the mask exactly as it was.

    Raises:
        GeometryMismatchError: the mask lies on another grid.
        InputError: an empty mask, one that covers everything, an impossible axis or range, or an image that
            cannot be used.
        Cancelled: `cancelled()` was true.
    """
    calls, watch = Callbacks(progress, cancelled, slice_range, shown), TaskStopwatch()
    holes = _check(image, mask)
    usable = check_image(replace(image, array=_emptied(image.array, holes)))
    axis = _axis(usable, holes) if axis is None else axis
    check_axis(axis)
    across = np.moveaxis(holes, axis, 0)
    with_holes = [k for k in calls.slices(len(across), axis) if across[k].any()]
    calls.tell(0.0, "Moving the holes over intact slices")
    filling = Filling.prepare(engine, usable, axis, across, calls)
    watch.lap("prepare")
    calls.tell(PREPARED, "Filling")
    canvas = ResultImage(image, axis, image.array.copy())
    fill(canvas, with_holes, filling.generate, calls, holes=across)
    watch.lap("generate")
    return finish("inpaint", canvas, engine, watch, filling.share)


def _check(image: Volume, mask: LabelMap) -> NDArray[np.bool_]:
    if not mask.geometry.is_close(image.geometry):
        raise GeometryMismatchError(
            f"The mask does not lie on the image: it has {mask.geometry.describe()}; the image has "
            f"{image.geometry.describe()}. Export the mask with the image as reference."
        )
    holes = mask.array > 0
    if not holes.any():
        raise InputError("The mask is empty; mark the voxels that are to be filled.")
    if holes.all():
        raise InputError("The mask covers the whole image; leave something to fill it from.")
    return holes


def _emptied(array: NDArray[np.generic], holes: NDArray[np.bool_]) -> NDArray[np.generic]:
    """The image without what lies in its holes, which may be anything, NaN too."""
    emptied = array.copy()
    emptied[holes] = array[~holes][0]
    return emptied


def _axis(image: Volume, holes: NDArray[np.bool_]) -> int:
    for axis in range(3):
        if holes.all(axis=tuple(other for other in range(3) if other != axis)).any():
            return axis
    return image.geometry.coarsest_axis


@dataclass
class Filling:
    """Holes that are ready to be filled slice by slice.

    Attributes:
        engine: the model.
        planes: (K, H, W), 0 and 1 at the ends of the window.
        holes: (K, H, W).
        window: the intensities outside the holes.
        step: distance of neighbouring slices in pixels.
        reach: slices around one that its draft may need.
        calls: of the caller.
        ways: shares of the classical ways to fill a hole.
        share: of the network in the answer.
    """

    engine: Engine
    planes: Tensor
    holes: NDArray[np.bool_]
    window: Window
    step: float
    reach: int
    calls: Callbacks
    ways: tuple[float, ...] = USUAL_SHARES
    share: float = 0.0

    @classmethod
    def prepare(
        cls, engine: Engine, image: Volume, axis: int, holes: NDArray[np.bool_], calls: Callbacks
    ) -> Filling:
        """Weigh the network against the draft where holes are moved over what is known."""
        raw = np.moveaxis(image.array, axis, 0)
        window = robust_window(raw[~holes])
        step = pixel_step(image, axis)
        made = cls(engine, scaled(raw, window), holes, window, step, deepest(holes) + 2, calls)
        tries = made._tries()
        if tries:
            truths = [(made.planes[[one.move.row]] - one.filled)[:, one.region] for one in tries]
            made.ways = best_ways(truths)
        made.share = best_share(
            [made._trial(one) for one in tries], power=2, undecided=0.0, margin=NETWORK_MARGIN
        )
        return made

    def generate(self, indices: list[int]) -> Tensor:
        """Raw intensities (T, H, W) of slices; outside the holes not exactly those that are there."""
        draft = self._draft(self.holes, indices)
        generated = self._ask(draft, self.holes, indices, indices) if self.share else draft
        values = mix(draft, generated, self.share)
        return values * (self.window.high - self.window.low) + self.window.low

    def _draft(self, holes: NDArray[np.bool_], rows: Sequence[int]) -> Tensor:
        """(T, H, W): the classical ways to fill the holes, each with its share."""
        return torch.einsum("w,wthv->thv", torch.tensor(self.ways), self._fill(holes, rows))

    def _fill(self, holes: NDArray[np.bool_], rows: Sequence[int]) -> Tensor:
        """(`WAYS`, T, H, W): the holes filled in all classical ways."""
        first, last = max(0, min(rows) - self.reach), max(rows) + self.reach + 1
        down, across = _around(np.any(holes[list(rows)], axis=0))
        own = self.planes[list(rows)]
        filled = own.expand(WAYS, *own.shape).clone()
        stack, missing = self.planes[first:last, down, across], holes[first:last, down, across]
        filled[:, :, down, across] = fill_ways(
            stack, torch.from_numpy(missing.copy()), [row - first for row in rows]
        )
        return filled

    def _seen(self, holes: NDArray[np.bool_], rows: Sequence[int]) -> Tensor:
        """(T, 3, H, W) previous, this and next slice with their holes at 0."""
        around = neighbour_indices(rows, len(self.planes))
        return self.planes[around].clamp(0, 1).masked_fill(torch.from_numpy(holes[around]), 0.0)

    def _ask(
        self,
        draft: Tensor,
        holes: NDArray[np.bool_],
        rows: Sequence[int],
        sources: Sequence[int],
        but: int | None = None,
    ) -> Tensor:
        """The network's answer for slices with holes, of the kind that the slices `sources` have."""
        middle = sources[len(sources) // 2]
        moves = [move for move in moves_for(self.holes, middle, EXAMPLE_SLICES + 1) if move.row != but]
        moves = moves[:EXAMPLE_SLICES] or [Move(middle, middle)]
        images, labels = zip(*(self._example(move) for move in moves), strict=True)
        distance = np.abs(np.asarray(rows)[:, None] - [move.row for move in moves]) * self.step
        question = ImageQuestion(
            self._seen(holes, rows),
            draft.clamp(0, 1),
            torch.stack(images),
            torch.stack(labels),
            torch.from_numpy(distance.astype(np.float32)),
            torch.from_numpy(~holes[list(rows)]),
        )
        return self.engine.answer(question, self.calls.is_cancelled)

    def _example(self, move: Move) -> tuple[Tensor, Tensor]:
        """An intact slice with a hole moved over it, (3, H, W), and without, (H, W)."""
        rows = [move.row - 1, move.row, move.row + 1]
        extra = torch.from_numpy(moved(self.holes, move, rows))
        label = self.planes[move.row]
        if self.holes[move.row].any():
            label = self._draft(self.holes, [move.row])[0]
        return self._seen(self.holes, [move.row])[0].masked_fill(extra, 0.0), label.clamp(0, 1)

    def _tries(self) -> list[_Try]:
        """A few slices' holes, moved over what is known."""
        tries = []
        spoiled = np.flatnonzero(self.holes.any((1, 2))).tolist()
        for source in spread(spoiled):
            self.calls.check()
            move = moves_for(self.holes, source, 1)[0]
            span = range(max(0, move.row - self.reach - 1), min(len(self.holes), move.row + self.reach + 2))
            holes = self.holes.copy()
            holes[span.start : span.stop] |= moved(self.holes, move, span)
            region = torch.from_numpy(holes[[move.row]] & ~self.holes[[move.row]])
            if region.any():
                tries.append(_Try(move, holes, region, self._fill(holes, [move.row])))
        return tries

    def _trial(self, one: _Try) -> Trial:
        """The network on a moved hole."""
        row = one.move.row
        draft = torch.einsum("w,wthv->thv", torch.tensor(self.ways), one.filled)
        generated = self._ask(draft, one.holes, [row], [one.move.source], but=row)
        return Trial(draft, generated, self.planes[[row]], one.region)


@dataclass(frozen=True)
class _Try:
    """A hole over what is known: the move, all holes then, (1, H, W) where the truth is known, and the slice
    filled in all classical ways."""

    move: Move
    holes: NDArray[np.bool_]
    region: Tensor
    filled: Tensor


def _around(missing: Any, margin: int = 24) -> tuple[slice, slice]:
    """The rows and columns of a slice that hold its holes (H, W), with a margin."""
    parts = []
    for axis, size in enumerate(missing.shape):
        places = np.flatnonzero(missing.any(1 - axis))
        ends = (int(places[0]), int(places[-1])) if len(places) else (0, size - 1)
        parts.append(slice(max(0, ends[0] - margin), ends[1] + margin + 1))
    return parts[0], parts[1]
