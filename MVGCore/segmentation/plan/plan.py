"""The plan of a propagation: the groups of classes, on which canvas, with which window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MVGCore.models.tiled import tiled_side
from MVGCore.prompts import Prompt
from MVGCore.segmentation.plan.grouping import framed_groups
from MVGCore.volume import Volume
from MVGCore.volume.canvas import Canvas
from MVGCore.volume.contrast import labelled_window
from MVGCore.volume.normalise import Window, robust_window

CANVAS_MARGIN = (
    0.3  # around what is labelled, as a share of its extent: structures grow between labelled slices
)
GRID = 24  # canvases begin and end on a grid of about this share of what is labelled
Shows = Callable[[Sequence[int]], NDArray[np.bool_]]  # of some classes: (H, W) where they are
WINDOW_STEPS = 50  # and windows on one of this share of the volume's intensities


@dataclass(frozen=True)
class ClassGroup:
    """Classes that are generated together.

    Attributes:
        ids: label values.
        canvas: the region of the slices that shows them.
        window: the intensities that show them.
    """

    ids: tuple[int, ...]
    canvas: Canvas
    window: Window


@dataclass(frozen=True)
class Plan:
    """How a volume is propagated along one axis.

    Attributes:
        axis: array axis.
        spacing: millimetres between slices, and along the rows and columns of a slice.
        groups: all classes of the prompts, each in one group.
    """

    axis: int
    spacing: tuple[float, float, float]
    groups: tuple[ClassGroup, ...]


def slice_spacing(spacing: Sequence[float], axis: int) -> tuple[float, float, float]:
    """(along the axis, rows, columns) in millimetres from a spacing in array order."""
    rows, columns = (s for a, s in enumerate(spacing) if a != axis)
    return spacing[axis], rows, columns


def make_plan(
    prompts: Sequence[Prompt],
    spacing: Sequence[float],
    sides: tuple[int, ...],
    shows: Sequence[Shows] = (),
) -> Plan:
    """Plan for prompts that lie across one axis of one volume.

    Args:
        prompts: all of the same axis and shape; at least one label among them.
        spacing: of the volume in array order (k, j, i), millimetres.
        sides: canvas sides that the model offers, ascending.
        shows: tells (H, W) where else some classes are: on slices that are labelled across other axes, in an
            existing segmentation.
    """
    axis = prompts[0].axis
    along, rows, columns = slice_spacing(spacing, axis)
    labels = np.stack([prompt.labels for prompt in prompts])

    def frame(ids: tuple[int, ...], tiled: bool) -> Canvas:
        labelled = [*np.isin(labels, ids), *(each(ids) for each in shows)]
        return fit_canvas(np.stack(labelled), (rows, columns), sides, tiled)

    groups = [
        ClassGroup(ids, canvas, _window(prompts, np.isin(labels, ids), canvas))
        for ids, canvas in framed_groups(labels, frame, sides, prompts[0].geometry.shape[axis])
    ]
    return Plan(axis, (along, rows, columns), tuple(groups))


def plan_from_others(prompts: Sequence[Prompt], image: Volume, sides: tuple[int, ...]) -> Plan:
    """Plan for a volume without a label of its own: all is sought where it lies in the prompts' volumes.

    Places are taken over as shares of the slice, intensities as shares of the robust range of the volume.

    Args:
        prompts: all of the same axis, from volumes of any grid; each with at least one label.
        image: the volume to label.
        sides: canvas sides that the model offers, ascending.
    """
    axis = prompts[0].axis
    along, rows, columns = slice_spacing(image.geometry.array_spacing, axis)
    shape = tuple(size for a, size in enumerate(image.geometry.shape) if a != axis)
    labels = np.stack([_moved_labels(prompt.labels, shape) for prompt in prompts])
    full = robust_window(image.array)
    groups = []

    def frame(ids: tuple[int, ...], tiled: bool) -> Canvas:
        return fit_canvas(np.isin(labels, ids), (rows, columns), sides, tiled)

    for ids, canvas in framed_groups(labels, frame, sides, image.geometry.shape[axis]):
        prompt = next(prompt for prompt in prompts if np.isin(prompt.labels, ids).any())
        window = fit_prompt(ClassGroup(ids, canvas, full), prompt, canvas.pixel_mm((rows, columns))).window
        groups.append(ClassGroup(ids, canvas, _moved_window(window, prompt.window, full)))
    return Plan(axis, (along, rows, columns), tuple(groups))


def fit_prompt(group: ClassGroup, prompt: Prompt, pixel_mm: float) -> ClassGroup:
    """The group on the canvas and in the window that suit a labelled slice of another volume.

    Args:
        group: as it is planned for the volume to label.
        prompt: with at least one label.
        pixel_mm: side of a pixel of the group's canvas in millimetres, so that sizes agree.
    """
    drawn = np.isin(prompt.labels, group.ids)
    if not drawn.any():  # an example of the classes' absence: what else is labelled is framed
        drawn = prompt.labels > 0
    spacing = slice_spacing(prompt.geometry.array_spacing, prompt.axis)[1:]
    places = np.argwhere(drawn)
    center = (places.min(0) + places.max(0)) / 2
    canvas = Canvas(
        (drawn.shape[0], drawn.shape[1]),
        group.canvas.side,
        (float(center[0]), float(center[1])),
        (pixel_mm / spacing[0], pixel_mm / spacing[1]),
    )
    return ClassGroup(group.ids, canvas, _window([prompt], drawn[None], canvas))


def fit_canvas(
    labelled: NDArray[np.bool_], spacing: tuple[float, float], sides: tuple[int, ...], tiled: bool = False
) -> Canvas:
    """The canvas around what slices (n, H, W) show.

    It has as many pixels as a slice has there, if the model offers so many. If it has more, it covers whole
    pixels of the slice, an even number of them, so that a draft can lie on them (see `draft_side`). If the
    model offers fewer, none is spent on what lies beyond the slice; if the canvas may be `tiled`, it has as
    many as the slice nevertheless.
    """
    rows, columns = (_steady_range(np.flatnonzero(labelled.any((0, axis)))) for axis in (2, 1))
    shape = (labelled.shape[1], labelled.shape[2])
    canvas = Canvas.around((*rows, *columns), shape, spacing, sides[0], CANVAS_MARGIN)
    if sides[0] * max(canvas.scale) > sides[-1]:
        canvas = canvas.within_slice()
    finest = max(canvas.scale)
    native = sides[0] * finest
    if tiled:
        sides = (*sides, tiled_side(sides[-1], native))
    if native > sides[-1]:
        return canvas.resized(sides[-1])
    side = next(each for each in sides if each >= native)
    covered = side if native > sides[0] else 2 * int(np.ceil(native / 2))
    center = tuple(float(np.floor(middle)) + 0.5 for middle in canvas.center)
    scale = tuple(each / finest * covered / side for each in canvas.scale)
    return Canvas(shape, side, (center[0], center[1]), (scale[0], scale[1]))


def _steady_range(places: NDArray[np.intp]) -> tuple[int, int]:
    """The half-open range around places, widened to a coarse grid.

    So a stroke more or less leaves the canvas, and all that was prepared on it, as it is.
    """
    first, end = int(places[0]), int(places[-1]) + 1
    grid = 2 ** int(np.log2(max(1, (end - first) / GRID)))
    return first // grid * grid, -(-end // grid) * grid


def _moved_labels(labels: NDArray[np.uint16], shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """The labels at the same share of a slice of another shape; no class is lost, gaps may open."""
    moved = np.zeros(shape, labels.dtype)
    places = np.argwhere(labels)
    target = ((places + 0.5) * (np.array(shape) / labels.shape)).astype(int)
    moved[tuple(target.T)] = labels[tuple(places.T)]
    return moved


def _moved_window(window: Window, source: Window, target: Window) -> Window:
    """The window that is the same share of `target` as `window` is of `source`."""
    scale = (target.high - target.low) / (source.high - source.low)
    low, high = ((value - source.low) * scale + target.low for value in (window.low, window.high))
    return Window(low, high)


def _window(prompts: Sequence[Prompt], labelled: NDArray[np.bool_], canvas: Canvas) -> Window:
    """The window of the labelled structures within the canvas."""
    images = np.stack([prompt.image[1] for prompt in prompts])
    corners = canvas.to_slice(np.array([[0.0, 0.0], [canvas.side - 1.0, canvas.side - 1.0]]))
    limits = np.clip(np.round(corners).astype(int), 0, np.array(canvas.shape) - 1)
    part = (slice(None), slice(limits[0, 0], limits[1, 0] + 1), slice(limits[0, 1], limits[1, 1] + 1))
    region = images[part]
    if region.min() == region.max():  # these slices show nothing there, others may
        return prompts[0].window
    return _steady_window(labelled_window(region, labelled[part]), prompts[0].window)


def _steady_window(window: Window, volume: Window) -> Window:
    """The window widened to a grid of the volume's own, so that a stroke more or less leaves it as it is."""
    step = (volume.high - volume.low) / WINDOW_STEPS
    low, high = np.floor((window.low - volume.low) / step), np.ceil((window.high - volume.low) / step)
    return Window(float(volume.low + low * step), float(volume.low + high * step))
