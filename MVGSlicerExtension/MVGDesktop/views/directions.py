"""Letters at the edges of a slice that tell the sides of the body."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

_SIDES = (("R", "L"), ("A", "P"), ("S", "I"))  # towards which R, A, S grow, and the opposite
_OBLIQUE = 0.26  # cosine of 75 degrees: what is nearer to a side than that points there too
_FONT, _MARGIN, _RULER = 15, 6, 26  # logical pixels; the scale bar lies at the bottom


def side(direction: NDArray[np.float64]) -> str:
    """The sides of the body that a direction in RAS points to, the nearest first, such as "A" or "LA"."""
    length = float(np.linalg.norm(direction)) or 1.0
    order = np.argsort(-np.abs(direction), kind="stable")
    axes = [axis for axis in order if abs(direction[axis]) >= _OBLIQUE * length] or order[:1]
    return "".join(_SIDES[axis][0 if direction[axis] > 0 else 1] for axis in axes)


class Directions:
    """Four letters over a slice view, with a dark rim so that they show on every image."""

    def __init__(self, renderer: Any) -> None:
        # (x, y) of the window in 0..1, and how the letter lies there.
        self._places = (
            (vtk.vtkTextActor(), (1.0, 0.5), 0, 1.0),
            (vtk.vtkTextActor(), (0.0, 0.5), 0, -1.0),
            (vtk.vtkTextActor(), (0.5, 1.0), 1, 1.0),
            (vtk.vtkTextActor(), (0.5, 0.0), 1, -1.0),
        )
        for actor, *_ in self._places:
            look = actor.GetTextProperty()
            look.SetColor(1.0, 1.0, 1.0)
            look.BoldOn()
            look.SetFontSize(_FONT)  # VTK knows how dense the screen is
            look.ShadowOn()
            look.SetShadowOffset(1, -1)
            renderer.AddViewProp(actor)

    def show(self, slice_to_ras: NDArray[np.float64], size: tuple[int, int], ratio: float) -> None:
        """Follow a slice.

        Args:
            slice_to_ras: 4 x 4; its first two columns point to the right and upwards in the view.
            size: Of the window in device pixels.
            ratio: Device pixels per logical pixel.
        """
        margin = _MARGIN * ratio
        for actor, place, column, sign in self._places:
            look = actor.GetTextProperty()
            look.SetJustification((0, 1, 2)[round(2 * place[0])])
            look.SetVerticalJustification((0, 1, 2)[round(2 * place[1])])
            actor.SetInput(side(sign * slice_to_ras[:3, column]))
            x, y = (margin + each * (extent - 2 * margin) for each, extent in zip(place, size, strict=True))
            actor.SetPosition(x, max(y, _RULER * ratio))

    def set_visible(self, visible: bool) -> None:
        """Show the letters, or not."""
        for actor, *_ in self._places:
            actor.SetVisibility(visible)

    @property
    def text(self) -> str:
        """The letters: right, left, above, below."""
        return "".join(actor.GetInput() for actor, *_ in self._places)
