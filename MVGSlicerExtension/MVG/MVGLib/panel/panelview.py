"""Draws a view of the controller into the widgets of the panel."""

from __future__ import annotations

from html import escape
from typing import Any

from MVGLib.control.state import ListChoice, PanelState, PanelTask, Phase, Remedy, Review, RunProgress
from MVGLib.panel.colors import accent, sign
from MVGLib.panel.confidenceplot import ConfidencePlot
from MVGLib.panel.examplelist import ExampleList
from MVGLib.panel.qtread import read
from MVGLib.panel.qualities import qualities
from MVGLib.panel.rangefields import show_ranges
from MVGLib.texts import _

# From magenta to the light ground; the slices show what is sure without a colour.
LEGEND = ("#e61ae6", "#e855e8", "#eb8aeb", "#efbdef", "#f3dcf3")
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
        self._plot = plot
        self._reviewing: str | None = ""  # node of the result for which the section was opened last
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
        self._review_tip = read(ui.reviewSection, "toolTip")
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
        self._options(view)
        self._progress(view)
        self._review(view)
        for name, (widget, tip) in self._gated.items():
            _gate(widget, tip, view.blocked.get(name, ""))
        for widget, tip in self._inputs:
            _gate(widget, tip, view.blocked.get("edit", ""))
        for name, entry in self.menu_actions.items():
            why = view.blocked.get(f"more_{name}", "")
            entry.setEnabled(not why)
            entry.setToolTip(why)

    def show_nodes(self, view: PanelState) -> None:
        """Let the lists of nodes stand on the nodes of a view."""
        ui, segments = self._ui, view.settings.task.makes_segments
        _set_node(ui.volumeSelector, view.volume_id)
        _set_node(ui.labelsSelector, view.partner_id if segments else "")
        _set_node(ui.targetSelector, "" if segments else view.partner_id)
        _set_node(ui.maskSelector, view.mask_id)
        _set_node(ui.draftSelector, view.draft_id)

    def _head(self, view: PanelState) -> None:
        ui = self._ui
        ui.hintLabel.setText(f"<b>{escape(view.hint)}</b>")
        for widget in (ui.hintLabel, ui.helpButton):  # a message takes their place, so that nothing moves
            widget.setVisible(view.message is None)
        ui.installFrame.setVisible(bool(view.install))
        ui.installLabel.setText(view.install)
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
        for label, widget, shown in (
            (ui.labelsLabel, ui.labelsSelector, segments),
            (ui.targetLabel, ui.targetSelector, task in (PanelTask.DENOISE, PanelTask.SYNTHESIZE)),
            (ui.maskLabel, ui.maskSelector, task is PanelTask.INPAINT),
            (ui.draftLabel, ui.draftSelector, segments),
            (ui.otherLabelsLabel, ui.otherLabelsSelector, segments),
            (ui.otherTargetLabel, ui.otherTargetSelector, not segments),
        ):
            label.setVisible(shown)
            widget.setVisible(shown)
        ui.otherFrame.setVisible(other and task.takes_examples)
        for button in (ui.addCurrentButton, ui.addAllButton, ui.moreButton):
            button.setVisible(task.takes_examples)
        for button in (ui.notHereButton, ui.completeButton):
            button.setVisible(segments)
        ui.addAllButton.setText(_("All labelled") if segments else _("All filled"))

    def _options(self, view: PanelState) -> None:
        ui, settings = self._ui, view.settings
        ui.adaptCheckBox.setChecked(settings.adapt)
        for widget in (ui.adaptCheckBox, ui.adaptSeconds):
            widget.setVisible(settings.task.makes_segments)
        _set_value(ui.adaptSeconds, settings.adapt_seconds)
        ui.allAxesCheckBox.setChecked(settings.all_axes)
        ui.allAxesCheckBox.setVisible(settings.task.makes_segments)
        models = [*view.models, ListChoice("", _("From a file…"))]
        _set_choices(ui.modelComboBox, models, settings.model)
        _set_choices(ui.deviceComboBox, list(view.devices), settings.device)
        axes = [ListChoice("-1", _("automatic"))]
        axes += [ListChoice(str(number), name) for number, name in enumerate(view.plane_names)]
        _set_choices(ui.axisComboBox, axes, str(settings.axis))
        _set_choices(ui.qualityComboBox, qualities(), settings.quality)
        for widget in (ui.qualityLabel, ui.qualityComboBox):
            widget.setVisible(settings.task.makes_segments)
        ui.memoryLabel.setText(view.memory)
        ui.memoryLabel.setVisible(bool(view.memory))
        ui.framesCheckBox.setChecked(settings.all_frames)
        ui.framesCheckBox.setText(_("All {count} frames").format(count=view.frames))
        ui.framesCheckBox.setVisible(view.frames > 1)
        show_ranges(ui, view)

    def _progress(self, view: PanelState) -> None:
        ui, progress = self._ui, view.progress
        ui.progressFrame.setVisible(progress is not None)
        if progress is not None:
            # Without a length the bar moves to and fro: something is done, and nobody knows how much is left.
            ui.progressBar.setMaximum(1000 if progress.fraction else 0)
            ui.progressBar.setValue(round(1000 * progress.fraction))
            ui.progressLabel.setText(_progress_text(progress))
        ui.runSection.setEnabled(view.phase is not Phase.SETUP)

    def _review(self, view: PanelState) -> None:
        ui, review = self._ui, view.review
        node_id = review.node_id if review else None
        if node_id != self._reviewing:
            self._reviewing = node_id
            # A property and no more: CTK's class has no setter that PythonQt knows.
            ui.reviewSection.setProperty("collapsed", review is None)
        _gate(ui.reviewSection, self._review_tip, view.blocked.get("accept", "") if review is None else "")
        self._plot.show(review)
        if review is None:
            return
        done = view.progress is None
        ui.expectedLabel.setText(_expected(review) if done else _("Confidence so far"))
        ui.expectedLabel.setVisible(bool(review.slices))
        ui.plotLabel.setVisible(bool(review.slices))
        following = review.next_slice
        ui.nextLabel.setText(
            _("Label next: {plane} {index}").format(plane=review.plane, index=following)
            if following is not None
            else _("No slice stands out; look through the result.")
        )
        ui.nextLabel.setVisible(review.task.makes_segments and done)
        ui.nextButton.setVisible(following is not None)
        self._question(view)
        ui.compareButton.setChecked(not review.shown)
        ui.compareButton.setText(_("Show the result") if not review.shown else _("Before / after"))
        ui.overlayCheckBox.setChecked(review.overlay)
        ui.legendLabel.setText(_legend())
        ui.legendLabel.setVisible(review.overlay and review.task.makes_segments)
        ui.overlayCheckBox.setVisible(review.task.makes_segments)
        ui.intoOwnCheckBox.setChecked(view.settings.into_own)
        ui.surfaceButton.setChecked(view.surface)
        ui.protectCheckBox.setChecked(view.settings.protect)
        for widget in (ui.intoOwnCheckBox, ui.protectCheckBox, ui.surfaceButton):
            widget.setVisible(review.task.makes_segments)
        ui.notesLabel.setText("\n".join(review.notes))
        ui.notesLabel.setVisible(bool(review.notes))

    def _question(self, view: PanelState) -> None:
        ui, question = self._ui, view.question
        ui.questionFrame.setVisible(question is not None and view.progress is None)
        if question is None:
            return
        more = _(" ({count} more)").format(count=question.count - 1) if question.count > 1 else ""
        weight = "<b>{text}</b>{more}" if question.asked else "<span>{text}</span>{more}"
        ui.questionLabel.setText(weight.format(text=escape(question.text), more=more))
        ui.showQuestionButton.setVisible(not question.asked)
        for button in (ui.yesButton, ui.noButton):
            button.setVisible(question.asked)


def _expected(review: Review) -> str:
    if review.expected is None:
        return _("Expected Dice: not known with these examples")
    return _("Expected Dice <b>{score}</b>").format(score=review.expected.text)


def _legend() -> str:
    """The colours of the confidence over the slices, from unsure to sure."""
    steps = "".join(f'<span style="color: {color}">\u25a0</span>' for color in LEGEND)
    return _("unsure {colors} sure (clear)").format(colors=steps)


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


def _gate(widget: Any, tip: str, why: str) -> None:
    """A widget that can be used, or says why not."""
    widget.setEnabled(not why)
    widget.setToolTip(f"{tip}\n\n{why}" if why else tip)


def _set_node(selector: Any, node_id: str) -> None:
    if (read(selector, "currentNodeID") or "") != node_id:
        selector.setCurrentNodeID(node_id)


def _set_value(spin: Any, value: int) -> None:
    if int(read(spin, "value")) != value:
        spin.setValue(value)


def _set_choices(box: Any, choices: list[ListChoice], value: str) -> None:
    texts = [choice.text for choice in choices]
    if [box.itemText(place) for place in range(int(read(box, "count")))] != texts:
        box.clear()
        box.addItems(texts)
    values = [choice.value for choice in choices]
    place = values.index(value) if value in values else 0
    if int(read(box, "currentIndex")) != place:
        box.setCurrentIndex(place)
