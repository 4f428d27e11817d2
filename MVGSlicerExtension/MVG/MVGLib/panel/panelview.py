"""Draws a view of the controller into the widgets of the panel."""

from __future__ import annotations

from html import escape
from typing import Any

from MVGLib.control.runsettings import PanelTask
from MVGLib.control.state import PanelState, Phase, Remedy, RunProgress
from MVGLib.panel.colors import accent, sign
from MVGLib.panel.confidenceplot import ConfidencePlot
from MVGLib.panel.examplelist import ExampleList
from MVGLib.panel.optionfields import show_options
from MVGLib.panel.qtread import read
from MVGLib.panel.qtwrite import gate, set_node
from MVGLib.panel.reviewsection import ReviewSection
from MVGLib.texts import _

_REMEDIES = {
    Remedy.ROTATE_VIEWS: _("Turn views"),
    Remedy.UNDO: _("Undo"),
    Remedy.MAKE_GRAY: _("Make it grey"),
    Remedy.OPEN_LOG: _("Log"),
}


class PanelView:
    """The widgets, and how they follow a view. Nothing is written that is there already."""

    def __init__(
        self,
        ui: Any,
        tasks: dict[PanelTask, Any],
        examples: ExampleList,
        plot: ConfidencePlot,
        keys: dict[str, str],
    ) -> None:
        """
        Args:
            ui: The named widgets.
            tasks: The button of each task.
            examples: The list.
            plot: The plot.
            keys: Name of a button -> its key, which its tooltip tells.
        """
        self.menu_actions: dict[str, Any] = {}
        self._ui = ui
        self._tasks = tasks
        self._examples = examples
        self._review = ReviewSection(ui, plot)
        gated = {
            "add_current": ui.addCurrentButton,
            "add_all": ui.addAllButton,
            "add_other": ui.addOtherButton,
            "more": ui.moreButton,
            "not_here": ui.notHereButton,
            "preview": ui.previewButton,
            "complete": ui.completeButton,
            "apply": ui.applyButton,
            "cancel": ui.cancelButton,
            "accept": ui.acceptButton,
            "discard": ui.discardButton,
            "compare": ui.compareButton,
            "overlay": ui.overlayCheckBox,
            "surface": ui.surfaceButton,
            "next": ui.nextButton,
            "yes": ui.yesButton,
            "install": ui.installButton,
        }
        for name, key in keys.items():
            gated[name].setToolTip(f"{read(gated[name], 'toolTip')} ({key})")
        for button, name in ((ui.yesButton, "yes"), (ui.noButton, "next")):
            button.setText(f"{read(button, 'text')} ({keys[name]})")
        self._gated = {name: (widget, read(widget, "toolTip")) for name, widget in gated.items()}
        self._inputs = [
            (widget, read(widget, "toolTip"))
            for widget in (
                ui.volumeSelector,
                ui.labelsSelector,
                ui.maskSelector,
                ui.draftSelector,
                ui.intensitiesCheckBox,
                ui.lowestIntensity,
                ui.highestIntensity,
                ui.targetSelector,
                *tasks.values(),
                ui.adaptCheckBox,
                ui.allAxesCheckBox,
                ui.adaptSeconds,
                ui.modelComboBox,
                ui.deviceComboBox,
                ui.axisComboBox,
                ui.qualityComboBox,
                ui.rangeCheckBox,
                ui.framesCheckBox,
                ui.firstSlice,
                ui.lastSlice,
                ui.seedSpinBox,
            )
        ]

    def show(self, view: PanelState, other: bool) -> None:
        """Draw a view.

        Args:
            view: What to show.
            other: Whether examples of another volume are just being chosen.
        """
        self._head(view)
        self._nodes(view, other)
        self._ui.examplesNote.setText(view.examples_note)
        self._examples.show(view.examples, view.blocked.get("edit", ""))
        show_options(self._ui, view)
        self._progress(view)
        self._review.show(view)
        for name, (widget, tip) in self._gated.items():
            gate(widget, tip, view.blocked.get(name, ""))
        for widget, tip in self._inputs:
            gate(widget, tip, view.blocked.get("edit", ""))
        for name, entry in self.menu_actions.items():
            why = view.blocked.get(f"more_{name}", "")
            entry.setEnabled(not why)
            entry.setToolTip(why)

    def show_nodes(self, view: PanelState) -> None:
        """Let the lists of nodes stand on the nodes of a view."""
        ui, segments = self._ui, view.settings.task.makes_segments
        set_node(ui.volumeSelector, view.volume_id)
        set_node(ui.labelsSelector, view.partner_id if segments else "")
        set_node(ui.targetSelector, "" if segments else view.partner_id)
        set_node(ui.maskSelector, view.mask_id)
        set_node(ui.draftSelector, view.draft_id)

    def _head(self, view: PanelState) -> None:
        ui = self._ui
        ui.hintLabel.setText(f"<b>{escape(view.hint)}</b>")
        for widget in (ui.hintLabel, ui.helpButton):  # a message takes their place, so that nothing moves
            widget.setVisible(view.message is None)
        ui.installFrame.setVisible(bool(view.install))
        ui.installLabel.setText(view.install)
        ui.caseFrame.setVisible(bool(view.case))
        ui.caseLabel.setText(view.case)
        ui.messageFrame.setVisible(view.message is not None)
        if view.message is not None:
            level = view.message.level
            color = accent(ui.messageFrame, level)
            text = escape(view.message.text).replace("\n", "<br>")
            remedy = view.message.remedy
            ui.remedyButton.setVisible(remedy is not None)
            ui.remedyButton.setText(_REMEDIES[remedy] if remedy is not None else "")
            ui.messageLabel.setText(f'<span style="color:{color}">{sign(level)}</span>&nbsp; {text}')
            border = f"border: 1px solid {color}; border-left-width: 4px;"
            ui.messageFrame.setStyleSheet(f"#messageFrame {{ {border} }}")

    def _nodes(self, view: PanelState, other: bool) -> None:
        ui, task = self._ui, view.settings.task
        for each, button in self._tasks.items():
            button.setChecked(each is task)
            # Some styles show a pressed button by a shade alone.
            button.setStyleSheet("font-weight: bold;" if each is task else "")
        self.show_nodes(view)
        segments = task.makes_segments
        for label, widget, visible in (
            (ui.labelsLabel, ui.labelsSelector, segments),
            (ui.targetLabel, ui.targetSelector, task in (PanelTask.DENOISE, PanelTask.SYNTHESIZE)),
            (ui.maskLabel, ui.maskSelector, task is PanelTask.INPAINT),
            (ui.draftLabel, ui.draftSelector, segments),
            (ui.otherLabelsLabel, ui.otherLabelsSelector, segments),
            (ui.otherTargetLabel, ui.otherTargetSelector, not segments),
        ):
            label.setVisible(visible)
            widget.setVisible(visible)
        ui.otherFrame.setVisible(other and task.takes_examples)
        for button in (ui.addCurrentButton, ui.addAllButton, ui.moreButton):
            button.setVisible(task.takes_examples)
        for button in (ui.notHereButton, ui.completeButton):
            button.setVisible(segments)
        ui.addAllButton.setText(_("All labelled") if segments else _("All filled"))

    def _progress(self, view: PanelState) -> None:
        ui, progress = self._ui, view.progress
        ui.progressFrame.setVisible(progress is not None)
        if progress is not None:
            # Without a length the bar moves to and fro: something is done, and nobody knows how much is left.
            ui.progressBar.setMaximum(1000 if progress.fraction else 0)
            ui.progressBar.setValue(round(1000 * progress.fraction))
            ui.progressLabel.setText(_progress_text(progress))
        ui.runSection.setEnabled(view.phase is not Phase.SETUP)


def _progress_text(progress: RunProgress) -> str:
    """ "42 %  First look, 40 of 91 slices; 0:35, about 0:50 left"."""
    done = f"{progress.fraction:.0%}  " if progress.fraction else ""
    time = _clock(progress.seconds)
    if progress.remaining is not None:
        time = _("{time}, about {rest} left").format(time=time, rest=_clock(progress.remaining))
    return f"{done}{progress.text}\n{time}"


def _clock(seconds: float) -> str:
    """Minutes and seconds: "1:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
