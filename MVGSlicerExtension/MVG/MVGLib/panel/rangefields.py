"""The fields of the range of slices, and of that of intensities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from MVGLib.control.state import PanelState
from MVGLib.panel.qtread import follow, read
from MVGLib.texts import _

_ROUNDING = 0.0005  # half of the last decimal of a field with an intensity


def follow_ranges(ui: Any, choose: Callable[..., object]) -> None:
    """Have `choose` called with the setting that the user changes.

    Args:
        ui: The named widgets.
        choose: As `Choices.set`; does nothing while the panel itself sets a widget.
    """
    ui.rangeCheckBox.clicked.connect(lambda on=False: choose(limited=bool(on)))
    ui.intensitiesCheckBox.clicked.connect(lambda on=False: choose(intensities=bool(on)))
    follow(ui.firstSlice, "valueChanged", "value", lambda value: choose(first=int(value)))
    follow(ui.lastSlice, "valueChanged", "value", lambda value: choose(last=int(value)))
    follow(ui.lowestIntensity, "valueChanged", "value", lambda value: choose(low=float(value)))
    follow(ui.highestIntensity, "valueChanged", "value", lambda value: choose(high=float(value)))


def show_ranges(ui: Any, view: PanelState) -> None:
    """Draw both ranges of a view."""
    settings, segments = view.settings, view.settings.task.makes_segments
    ui.rangeCheckBox.setChecked(settings.limited)
    last = max(view.depth - 1, 0)
    for spin, value in ((ui.firstSlice, settings.first), (ui.lastSlice, settings.last)):
        if int(read(spin, "maximum")) != last:
            spin.setMaximum(last)
        if int(read(spin, "value")) != min(value, last):
            spin.setValue(min(value, last))
        spin.setVisible(settings.limited)
    ui.rangeLabel.setText(_("to") if settings.limited else _("a range of slices"))
    ui.intensitiesCheckBox.setChecked(settings.intensities)
    ui.intensitiesCheckBox.setVisible(segments)
    for field, limit in ((ui.lowestIntensity, settings.low), (ui.highestIntensity, settings.high)):
        field.setVisible(segments and settings.intensities)
        if abs(float(read(field, "value")) - limit) > _ROUNDING:
            field.setValue(limit)
    ui.intensitiesLabel.setVisible(segments)
    ui.intensitiesLabel.setText(_("to") if settings.intensities else _("a range of intensities"))
