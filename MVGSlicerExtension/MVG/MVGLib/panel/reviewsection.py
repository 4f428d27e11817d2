"""The section of the panel in which a result is looked at, accepted or discarded."""

from __future__ import annotations

from html import escape
from typing import Any

from MVGLib.control.reviewstate import Review
from MVGLib.control.state import PanelState
from MVGLib.panel.confidenceplot import ConfidencePlot
from MVGLib.panel.qtread import read
from MVGLib.panel.qtwrite import gate
from MVGLib.texts import _

# From magenta to the light ground; the slices show what is sure without a colour.
LEGEND = ("#e61ae6", "#e855e8", "#eb8aeb", "#efbdef", "#f3dcf3")


class ReviewSection:
    """Draws the review of a view; opens when a result comes and closes when it goes."""

    def __init__(self, ui: Any, plot: ConfidencePlot) -> None:
        self._ui = ui
        self._plot = plot
        self._node_id: str | None = ""  # of the result for which the section was opened last
        self._tip = read(ui.reviewSection, "toolTip")

    def show(self, view: PanelState) -> None:
        """Draw the review of a view, if there is one."""
        ui, review = self._ui, view.review
        node_id = review.node_id if review else None
        if node_id != self._node_id:
            self._node_id = node_id
            # A property and no more: CTK's class has no setter that PythonQt knows.
            ui.reviewSection.setProperty("collapsed", review is None)
        gate(ui.reviewSection, self._tip, view.blocked.get("accept", "") if review is None else "")
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
        ui.compareButton.setChecked(not review.visible)
        ui.compareButton.setText(_("Show the result") if not review.visible else _("Before / after"))
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
        for button in (ui.yesButton, ui.noButton, ui.endButton):
            button.setVisible(question.asked)


def _expected(review: Review) -> str:
    if review.expected is None:
        return _("Expected Dice: not known with these examples")
    return _("Expected Dice <b>{score}</b>").format(score=review.expected.text)


def _legend() -> str:
    """The colours of the confidence over the slices, from unsure to sure."""
    steps = "".join(f'<span style="color: {color}">\u25a0</span>' for color in LEGEND)
    return _("unsure {colors} sure (clear)").format(colors=steps)
