"""A contact sheet: slices of a volume with the outlines of the result and of the truth."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.report.orientation import SliceOrientation
from MVGCore.volume import LabelMap, Volume, Window, atomic_path, robust_window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

BACKGROUND, INK, FAINT_INK = "#14171c", "#f2f4f7", "#9aa4b2"
EXAMPLE = "#ffc857"
TRUTH = "#ffffff"
MAX_LEGEND_CLASSES = 12
MARGIN_MM = 12.0
PAGE_WIDTH = 13.0  # inches
DASHES = (0, (2.2, 1.6))


@dataclass
class ContactSheet:
    """What to draw.

    Example:
        ContactSheet(image, result, axis=0, truth=truth, labelled=(20, 60)).save("sheet.png")

    Attributes:
        image: shown in grey.
        result: drawn as solid outlines in the colours of its classes.
        axis: array axis of the slices.
        truth: drawn as dashed white outlines; None draws none.
        slices: indices to show; None chooses `count`, the labelled ones among them, the others
            between.
        labelled: indices of the slices that were given as examples; they get a coloured frame.
        scores: index of a slice -> Dice, written under it.
        title: the headline.
        count: number of slices to choose when `slices` is None.
    """

    image: Volume
    result: LabelMap
    axis: int
    truth: LabelMap | None = None
    slices: Sequence[int] | None = None
    labelled: Collection[int] = ()
    scores: Mapping[int, float] = field(default_factory=dict)
    title: str = ""
    count: int = 12

    def save(self, path: str | Path, dpi: int = 110) -> None:
        """Draws the sheet and writes it as a PNG, whole or not at all.

        Raises:
            InputError: the maps are not on the image's grid, or there is no slice to show.
            MissingExtraError: matplotlib is not installed.
        """
        figure = self.draw()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", dpi=dpi, facecolor=BACKGROUND)

    def draw(self) -> Figure:
        """Returns the sheet as a matplotlib figure that belongs to no window."""
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError(
                'The picture needs matplotlib: run pip install "mvg-slicer[demo]" and try again.'
            ) from error
        self._check()
        view = SliceOrientation.of(self.image.geometry, self.axis)
        indices = self.chosen_slices()
        crop = self._crop(view)
        layout = _Layout.of(len(indices), _panel_aspect(crop, view))
        figure = Figure(figsize=(PAGE_WIDTH, layout.height), facecolor=BACKGROUND)
        FigureCanvasAgg(figure)
        panels = list(
            figure.subplots(layout.rows, layout.columns, squeeze=False, gridspec_kw=layout.grid()).flat
        )
        window = robust_window(self.image.array)
        for axes in panels:
            axes.set_axis_off()
        for axes, index in zip(panels, indices, strict=False):  # the last row may have empty places
            self._draw_image(axes, view, crop, index, window)
            self._draw_outlines(axes, view, crop, index)
            self._draw_caption(axes, index)
        _draw_sides(panels[0], view)
        self._draw_heading(figure, view)
        self._draw_legend(figure)
        return figure

    def chosen_slices(self) -> list[int]:
        """Returns the slices to show, ascending: those asked for, or the labelled ones and some between."""
        if self.slices is not None:
            return sorted(set(self.slices))
        maps = [self.result, *([self.truth] if self.truth is not None else [])]
        others = tuple(a for a in range(3) if a != self.axis)
        filled = np.flatnonzero(np.any([(each.array > 0).any(axis=others) for each in maps], axis=0))
        if filled.size == 0:
            filled = np.arange(self.image.array.shape[self.axis])
        first, last = int(filled[0]), int(filled[-1])
        chosen = {int(index) for index in self.labelled if first <= index <= last}
        while len(chosen) < min(self.count, last - first + 1):
            # Always the middle of the widest gap. The fences keep off the ends, where little is to be seen.
            fences = sorted({first - 1, last + 1, *chosen})
            low, high = max(pairwise(fences), key=lambda gap: gap[1] - gap[0])
            chosen.add((low + high) // 2)
        return sorted(chosen)

    def _check(self) -> None:
        shape = self.image.array.shape
        for name, each in (("result", self.result), ("truth", self.truth)):
            if each is not None and each.array.shape != shape:
                raise InputError(
                    f"The {name} has {each.array.shape} voxels, the image {shape}; use the same grid."
                )
        wrong = [index for index in self.slices or () if not 0 <= index < shape[self.axis]]
        if wrong or (self.slices is not None and not len(self.slices)):
            raise InputError(f"The slices to show must lie in 0 to {shape[self.axis] - 1}, not {wrong}.")

    def _crop(self, view: SliceOrientation) -> tuple[slice, slice]:
        """Returns the part of the pictures that holds all labels with a margin, the same for every slice."""
        labels = self.result.array > 0
        if self.truth is not None:
            labels |= self.truth.array > 0
        filled = view.picture(np.max(labels, axis=self.axis, keepdims=True), 0)
        if not filled.any():
            return slice(0, filled.shape[0]), slice(0, filled.shape[1])
        ranges = []
        for a, size in enumerate(filled.shape):
            places = np.flatnonzero(filled.any(axis=1 - a))
            margin = math.ceil(MARGIN_MM / view.pixel_mm[a])
            ranges.append(slice(max(places[0] - margin, 0), min(places[-1] + margin + 1, size)))
        return ranges[0], ranges[1]

    def _draw_image(
        self, axes: Axes, view: SliceOrientation, crop: tuple[slice, slice], index: int, window: Window
    ) -> None:
        picture = view.picture(self.image.array, index)[crop]
        # Above the window there is room left, so that white dashes show on the brightest tissue.
        brightest = window.low + 1.2 * (window.high - window.low)
        aspect = view.pixel_mm[0] / view.pixel_mm[1]
        axes.imshow(
            picture, cmap="gray", vmin=window.low, vmax=brightest, aspect=aspect, interpolation="bilinear"
        )

    def _draw_outlines(
        self, axes: Axes, view: SliceOrientation, crop: tuple[slice, slice], index: int
    ) -> None:
        result = view.picture(self.result.array, index)[crop]
        for each in self.result.classes:
            _outline(axes, result == each.id, each.color, 1.5, "solid")
        if self.truth is not None:
            truth = view.picture(self.truth.array, index)[crop]
            for each in self.truth.classes:
                _outline(axes, truth == each.id, TRUTH, 0.8, DASHES)

    def _draw_caption(self, axes: Axes, index: int) -> None:
        caption, colour, weight = f"slice {index}", INK, "normal"
        if index in self.labelled:
            caption, colour, weight = f"{caption}  example", EXAMPLE, "bold"
            axes.add_patch(_frame(axes))
        elif index in self.scores:
            caption = f"{caption}  Dice {self.scores[index]:.2f}"
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "top"}
        axes.text(0.5, -0.025, caption, color=colour, fontweight=weight, fontsize=9.5, **place)

    def _draw_heading(self, figure: Figure, view: SliceOrientation) -> None:
        height = figure.get_figheight()
        title = self.title or self.image.name or "Result"
        figure.text(0.014, 1 - 0.22 / height, title, color=INK, fontsize=15, fontweight="bold", va="top")
        left, right, _, _ = view.sides
        convention = f"{view.plane} slices, {left} at the left, {right} at the right"
        figure.text(0.986, 1 - 0.28 / height, convention, color=FAINT_INK, fontsize=9.5, va="top", ha="right")

    def _draw_legend(self, figure: Figure) -> None:
        from matplotlib.lines import Line2D

        listed = self.result.classes[:MAX_LEGEND_CLASSES]
        handles = [Line2D([], [], color=each.color, linewidth=2.4, label=each.name) for each in listed]
        hidden = len(self.result.classes) - len(listed)
        if hidden:
            handles.append(Line2D([], [], linewidth=0, label=f"and {hidden} more"))
        if self.truth is not None:
            handles.append(Line2D([], [], color=TRUTH, linewidth=1.3, linestyle=DASHES, label="truth"))
        if self.labelled:
            square: dict[str, Any] = {
                "marker": "s",
                "fillstyle": "none",
                "markersize": 9,
                "markeredgewidth": 1.8,
            }
            label = "labelled slice (example)"
            handles.append(Line2D([], [], color=EXAMPLE, linewidth=0, label=label, **square))
        columns = min(len(handles), 7)
        legend = figure.legend(
            handles=handles, loc="lower center", ncols=columns, frameon=False, fontsize=9.5, handlelength=2.2
        )
        for text in legend.get_texts():
            text.set_color(INK)


@dataclass(frozen=True)
class _Layout:
    """Where the panels lie; lengths in inches."""

    columns: int
    rows: int
    panel_height: float

    HEAD: ClassVar[float] = 0.75
    FOOT: ClassVar[float] = 0.55
    CAPTION: ClassVar[float] = 0.34

    @classmethod
    def of(cls, panels: int, aspect: float) -> _Layout:
        """Chooses the columns for panels of that width / height so that the page comes near 16:10."""

        def misfit(columns: int) -> float:
            rows = math.ceil(panels / columns)
            empty = rows * columns - panels
            return abs(math.log(columns * aspect / rows / 1.6)) + 0.2 * empty

        columns = min(range(1, panels + 1), key=misfit)
        return cls(columns, math.ceil(panels / columns), PAGE_WIDTH / columns / aspect)

    @property
    def height(self) -> float:
        """Height of the page."""
        return self.HEAD + self.FOOT + self.rows * (self.panel_height + self.CAPTION)

    def grid(self) -> dict[str, float]:
        """Margins and gaps in the fractions that matplotlib wants."""
        return {
            "left": 0.012,
            "right": 0.988,
            "top": 1 - self.HEAD / self.height,
            "bottom": (self.FOOT + self.CAPTION) / self.height,
            "wspace": 0.04,
            "hspace": self.CAPTION / self.panel_height,
        }


def _outline(axes: Axes, mask: np.ndarray, colour: object, width: float, style: object) -> None:
    """Draws the border of a mask; the padding closes outlines that touch the edge of the picture."""
    if not mask.any():
        return
    from contourpy import contour_generator  # matplotlib's own; `Axes.contour` takes ten times as long
    from matplotlib.collections import LineCollection

    padded = np.pad(mask.astype(np.float32), 1)
    rows, columns = np.arange(padded.shape[0]) - 1, np.arange(padded.shape[1]) - 1
    lines: Any = contour_generator(columns, rows, padded).lines(0.5)
    drawn = LineCollection(lines, colors=[colour], linewidths=width, linestyles=[style], zorder=2)
    axes.add_collection(drawn, autolim=False)


def _frame(axes: Axes) -> Rectangle:
    from matplotlib.patches import Rectangle

    place: dict[str, Any] = {"xy": (0, 0), "width": 1, "height": 1, "transform": axes.transAxes}
    return Rectangle(**place, fill=False, edgecolor=EXAMPLE, linewidth=3, zorder=5)


def _draw_sides(axes: Axes, view: SliceOrientation) -> None:
    left, right, top, bottom = view.sides
    for x, y, side in ((0.035, 0.5, left), (0.965, 0.5, right), (0.5, 0.955, top), (0.5, 0.045, bottom)):
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center", "zorder": 6}
        axes.text(x, y, side, color=FAINT_INK, fontsize=8, **place)


def _panel_aspect(crop: tuple[slice, slice], view: SliceOrientation) -> float:
    """Returns width / height of one panel in millimetres."""
    height, width = ((part.stop - part.start) * size for part, size in zip(crop, view.pixel_mm, strict=True))
    return width / height
