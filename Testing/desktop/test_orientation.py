"""Which way is which: letters at the edges of slices, and the camera of the 3-D view."""

from __future__ import annotations

import numpy as np
import pytest

from MVGDesktop.editing.tools import Tool
from MVGDesktop.views.directions import side
from Testing.desktop.mouse import click, place_of

pytestmark = pytest.mark.display


def test_letters_tell_the_sides_of_oblique_slices_too() -> None:
    assert side(np.array([1.0, 0.0, 0.0])) == "R" and side(np.array([0.0, 0.0, -2.0])) == "I"
    assert side(np.array([-0.8, -0.6, 0.0])) == "LP"  # the nearest first
    assert side(np.array([0.99, 0.1, 0.0])) == "R"  # nearly straight
    assert side(np.array([0.5, -0.6, 0.6])) == "PSR"


def test_what_grows_in_3d_stays_in_sight_until_the_view_is_turned(open_window, application) -> None:
    three_d, axial = open_window.views.three_d, open_window.views.panels[0]
    open_window.editor.use(Tool.PAINT)
    open_window.editor.set_radius(4.0)

    def paint(i: int) -> tuple[float, ...]:
        click(axial.view, place_of(axial, (i, 32, 12)))
        open_window.surfaces.update_now()
        return tuple(three_d.renderer.GetActiveCamera().GetFocalPoint())

    first = paint(20)
    second = paint(44)
    assert abs(second[0] - first[0]) > 5.0  # halfway between both
    click(three_d, three_d.rect().center())
    assert paint(5) == tuple(three_d.renderer.GetActiveCamera().GetFocalPoint()) == second
