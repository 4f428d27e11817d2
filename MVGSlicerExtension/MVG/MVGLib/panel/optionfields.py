"""The fields of the options of a run: model, device, axis, quality, frames, ranges, adaptation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import qt

from MVGLib.control.state import ListChoice, PanelState
from MVGLib.panel.qtread import chosen_path, follow
from MVGLib.panel.qtwrite import set_choices, set_value
from MVGLib.panel.rangefields import follow_ranges, show_ranges
from MVGLib.texts import _

_WEIGHT_FILES = "MVG (*.safetensors)"
_QUALITIES = [  # the quickest first
    ListChoice("draft", _("draft, soon there")),
    ListChoice("standard", _("standard")),
]


def follow_options(ui: Any, controller: Any, user: Callable[[Any], Any], redraw: Callable[[], None]) -> None:
    """Have the controller told of the options that the user changes.

    Args:
        ui: The named widgets.
        controller: `MVGLib.control.controller.Controller`.
        user: Makes of a function one that does nothing while the panel itself sets a widget.
        redraw: Draws the panel.
    """
    choose = controller.choices.set
    for box, setting in (
        (ui.adaptCheckBox, "adapt"),
        (ui.allAxesCheckBox, "all_axes"),
        (ui.framesCheckBox, "all_frames"),
    ):
        box.clicked.connect(user(lambda on=False, setting=setting: choose(**{setting: bool(on)})))
    follow_ranges(ui, user(choose))
    for spin, setting in ((ui.adaptSeconds, "adapt_seconds"), (ui.seedSpinBox, "seed")):
        number_chosen = user(lambda value, setting=setting: choose(**{setting: int(value)}))
        follow(spin, "valueChanged", "value", number_chosen)
    for combo, chosen in (
        (ui.deviceComboBox, lambda place: choose(device=controller.view().devices[place].value)),
        (ui.axisComboBox, lambda place: choose(axis=place - 1)),
        (ui.modelComboBox, partial(_choose_model, ui, controller, redraw)),
        (ui.qualityComboBox, lambda place: choose(quality=_QUALITIES[place].value)),
    ):
        follow(combo, "currentIndexChanged", "currentIndex", user(chosen))


def _choose_model(ui: Any, controller: Any, redraw: Callable[[], None], place: int) -> None:
    models = controller.view().models
    if place < len(models):
        controller.choices.set(model=models[place].value)
        return
    title = _("Choose a weight file")
    path = chosen_path(qt.QFileDialog.getOpenFileName(ui.modelComboBox.window(), title, "", _WEIGHT_FILES))
    if path:
        controller.choices.set(model=path)
    redraw()  # the list goes back to the model in use


def show_options(ui: Any, view: PanelState) -> None:
    """Draw the options of a view."""
    settings = view.settings
    ui.adaptCheckBox.setChecked(settings.adapt)
    for widget in (ui.adaptCheckBox, ui.adaptSeconds):
        widget.setVisible(settings.task.makes_segments)
    set_value(ui.adaptSeconds, settings.adapt_seconds)
    ui.allAxesCheckBox.setChecked(settings.all_axes)
    ui.allAxesCheckBox.setVisible(settings.task.makes_segments)
    models = [*view.models, ListChoice("", _("From a file…"))]
    set_choices(ui.modelComboBox, models, settings.model)
    set_choices(ui.deviceComboBox, list(view.devices), settings.device)
    axes = [ListChoice("-1", _("automatic"))]
    axes += [ListChoice(str(number), name) for number, name in enumerate(view.plane_names)]
    set_choices(ui.axisComboBox, axes, str(settings.axis))
    set_choices(ui.qualityComboBox, _QUALITIES, settings.quality)
    for widget in (ui.qualityLabel, ui.qualityComboBox):
        widget.setVisible(settings.task.makes_segments)
    ui.memoryLabel.setText(view.memory)
    ui.memoryLabel.setVisible(bool(view.memory))
    ui.framesCheckBox.setChecked(settings.all_frames)
    ui.framesCheckBox.setText(_("All {count} frames").format(count=view.frames))
    ui.framesCheckBox.setVisible(view.frames > 1)
    show_ranges(ui, view)
