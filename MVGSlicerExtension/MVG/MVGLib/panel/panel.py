"""The panel: shows what the controller says and passes on what the user does; knows nothing else."""

from __future__ import annotations

from functools import partial
from typing import Any

import qt
import slicer

from MVGLib.control.runsettings import PanelTask
from MVGLib.control.state import Phase, Remedy
from MVGLib.panel.confidenceplot import ConfidencePlot
from MVGLib.panel.examplelist import ExampleList
from MVGLib.panel.examplesmenu import ExamplesMenu
from MVGLib.panel.nodeselectors import follow_selector
from MVGLib.panel.notheremenu import NotHereMenu
from MVGLib.panel.optionfields import follow_options
from MVGLib.panel.panelview import PanelView
from MVGLib.panel.qtread import read
from MVGLib.panel.shortcuts import DESKTOP_KEYS, Shortcuts
from MVGLib.resourcefiles import resource_path
from MVGLib.texts import _

_BUSY_MS = 15  # between two looks at the worker while it runs
_QUIET_MS = 150
_NAMES = {
    "add": _("add the slice"),
    "preview": _("preview"),
    "complete": _("complete the slice"),
    "apply": _("apply"),
    "escape": _("cancel"),
    "next": _("next slice to label, or No to the question in view"),
    "yes": _("Yes to the question in view"),
    "compare": _("before/after"),
}


class Panel:
    """The panel of a controller.

    Example:
        >>> panel = Panel(parent, controller)
        >>> layout.addWidget(panel.widget)
        >>> panel.enter()
    """

    def __init__(
        self,
        parent: Any,
        controller: Any,
        owns: bool = True,
        keys: dict[str, tuple[str, ...]] = DESKTOP_KEYS,
    ) -> None:
        """
        Args:
            parent: A QWidget, or None.
            controller: `MVGLib.control.controller.Controller`.
            owns: Whether the controller ends with the panel; False for a second panel of a controller.
            keys: Action -> keys; what is free differs from host to host (see `MVGLib.panel.shortcuts`).
        """
        self.controller = controller
        self._owns = owns
        self.widget = slicer.util.loadUI(str(resource_path("UI/MVG.ui")))
        if parent is not None:
            self.widget.setParent(parent)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        for selector in self._selectors():
            selector.setMRMLScene(slicer.mrmlScene)
        self.examples = ExampleList(self.ui.examplesArea)
        self.plot = ConfidencePlot(self.ui.plotLabel)
        self._tasks = {
            PanelTask.SEGMENT: self.ui.segmentButton,
            PanelTask.DENOISE: self.ui.denoiseButton,
            PanelTask.INPAINT: self.ui.inpaintButton,
            PanelTask.SYNTHESIZE: self.ui.synthesizeButton,
        }
        buttons = {"add": "add_current", "escape": "cancel"}
        told = {buttons.get(action, action): own[-1] for action, own in keys.items()}
        self._view = PanelView(self.ui, self._tasks, self.examples, self.plot, told)
        self._keys = ", ".join(f"{own[-1]} {_NAMES[action]}" for action, own in keys.items())
        self._entered = False
        self._showing = False
        self._other = False
        self.shortcuts = Shortcuts(
            keys,
            {
                "add": controller.examples.add_current_slice,
                "preview": controller.previews.make,
                "complete": controller.previews.complete,
                "apply": controller.runs.apply,
                "escape": controller.escape,
                "next": controller.no_or_next,
                "yes": partial(controller.asking.answer, True),
                "compare": controller.reviews.toggle_compare,
            },
        )
        menu = ExamplesMenu(
            self.widget, self.ui.moreButton, controller, self._open_other, self.open_review_page
        )
        self._not_here = NotHereMenu(self.ui.notHereButton, controller)
        self.menu = menu
        self.menu_actions = self._view.menu_actions = menu.actions
        self.library = menu.library
        self._connect()
        self._timer = qt.QTimer(self.widget)
        self._timer.timeout.connect(self._tick)
        controller.changed.connect(self.show)
        self._stop_following = controller.scene.nodes.on_rearranged(self._show_nodes)
        self.show()

    def enter(self) -> None:
        """The host shows the panel."""
        self._entered = True
        self.shortcuts.on(self.widget.window())
        self.controller.setup.refresh()
        self._timer.start(_QUIET_MS)

    def exit(self) -> None:
        """The host hides the panel; a run goes on, and the timer with it."""
        self._entered = False
        self.shortcuts.off()
        self.controller.previews.hide()
        self._rest()

    def cleanup(self) -> None:
        """The host goes away: no timer, no observer, no worker if it is ours. May be called again."""
        self._timer.stop()
        self.shortcuts.off()
        self.controller.changed.disconnect(self.show)
        self._stop_following()
        if self._owns:
            self.controller.close()

    def set_parameter_node(self, node: Any) -> None:
        """Keep the choices in another node, as after a scene was opened."""
        self.controller.set_parameter_node(node)

    def show(self) -> None:
        """Draw what the controller says."""
        view = self.controller.view()
        self._showing = True
        try:
            self._view.show(view, self._other)
        finally:
            self._showing = False
        busy = view.phase in (Phase.RUNNING, Phase.PREVIEWING, Phase.CANCELLING)
        interval = _BUSY_MS if busy else _QUIET_MS
        if int(read(self._timer, "interval")) != interval:
            self._timer.setInterval(interval)

    def _show_nodes(self) -> None:
        """Nodes have come or gone, and the lists of nodes may stand on others than those in use."""
        self._showing = True
        try:
            self._view.show_nodes(self.controller.view())
        finally:
            self._showing = False

    def _tick(self) -> None:
        self.controller.poll()
        self._rest()

    def _rest(self) -> None:
        """Stop looking where nobody looks and nothing runs."""
        if not self._entered and not self.controller.runner.busy:
            self._timer.stop()

    def _selectors(self) -> tuple[Any, ...]:
        ui = self.ui
        return (
            ui.volumeSelector,
            ui.labelsSelector,
            ui.maskSelector,
            ui.draftSelector,
            ui.targetSelector,
            ui.otherVolumeSelector,
            ui.otherLabelsSelector,
            ui.otherTargetSelector,
        )

    def _connect(self) -> None:
        ui, controller = self.ui, self.controller
        for selector, name, choose in (
            (ui.volumeSelector, "volume_id", controller.choices.set_volume),
            (ui.labelsSelector, "partner_id", controller.choices.set_partner),
            (ui.targetSelector, "partner_id", controller.choices.set_partner),
            (ui.maskSelector, "mask_id", controller.choices.set_mask),
            (ui.draftSelector, "draft_id", controller.choices.set_draft),
        ):
            follow_selector(selector, partial(self._known, name), self._user(choose))
        for task, button in self._tasks.items():
            button.clicked.connect(self._user(lambda *_checked, task=task: controller.choices.set_task(task)))
        for button, action in (
            (ui.addCurrentButton, controller.examples.add_current_slice),
            (ui.addAllButton, controller.examples.add_all_labelled),
            (ui.previewButton, controller.previews.make),
            (ui.completeButton, controller.previews.complete),
            (ui.applyButton, controller.runs.apply),
            (ui.cancelButton, controller.runs.cancel),
            (ui.acceptButton, controller.reviews.accept),
            (ui.discardButton, controller.reviews.discard),
            (ui.nextButton, controller.reviews.go_next),
            (ui.showQuestionButton, controller.asking.show),
            (ui.yesButton, partial(controller.asking.answer, True)),
            (ui.noButton, partial(controller.asking.answer, False)),
            (ui.endButton, controller.end_of_asked),
            (ui.skipButton, controller.asking.skip),
            (ui.messageButton, controller.dismiss),
            (ui.remedyButton, self._remedy),
            (ui.installButton, controller.setup.install),
            (ui.saveCaseButton, controller.cases.save_and_next),
            (ui.closeCasesButton, controller.cases.close),
            (ui.helpButton, lambda: controller.setup.about(self._keys)),
            (ui.addOtherButton, self._add_other),
            (ui.closeOtherButton, self._close_other),
        ):
            button.clicked.connect(_without_arguments(action))
        ui.compareButton.clicked.connect(self._user(lambda on=False: controller.reviews.compare(bool(on))))
        ui.overlayCheckBox.clicked.connect(
            self._user(lambda on=False: controller.reviews.show_confidence(bool(on)))
        )
        ui.surfaceButton.clicked.connect(
            self._user(lambda on=False: controller.reviews.show_surface(bool(on)))
        )
        ui.protectCheckBox.clicked.connect(self._user(lambda on=False: controller.choices.protect(bool(on))))
        ui.intoOwnCheckBox.clicked.connect(
            self._user(lambda on=False: controller.choices.set(into_own=bool(on)))
        )
        follow_options(ui, controller, self._user, self.show)
        self.plot.clicked.connect(controller.reviews.go_to)
        self.examples.jump.connect(controller.examples.jump)
        self.examples.enabled.connect(controller.examples.enable)
        self.examples.removed.connect(controller.examples.remove)

    def _known(self, name: str) -> str:
        return str(getattr(self.controller.view(), name))

    def _user(self, action: Any) -> Any:
        """`action`, unless the panel itself is just setting the widget."""

        def run(*arguments: Any, **named: Any) -> None:
            if not self._showing:
                action(*arguments, **named)

        return run

    def _open_other(self) -> None:
        self._other = True
        self.show()

    def _close_other(self) -> None:
        self._other = False
        self.show()

    def _add_other(self) -> None:
        segments = self.controller.view().settings.task.makes_segments
        partner = self.ui.otherLabelsSelector if segments else self.ui.otherTargetSelector
        volume_id = read(self.ui.otherVolumeSelector, "currentNodeID")
        if self.controller.examples.add_from(volume_id, read(partner, "currentNodeID")):
            self._close_other()

    def open_review_page(self) -> None:
        """Write the review page of the result, or of the labels, and open it in the browser."""
        page = self.controller.page.write()
        if page:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(page))

    def _remedy(self) -> None:
        message = self.controller.view().message
        if message is not None and message.remedy is Remedy.OPEN_LOG:
            path = str(self.controller.runner.worker.log_path)
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(path))
        else:
            self.controller.remedy()


def _without_arguments(action: Any) -> Any:
    """`action` for a signal that brings arguments, such as `clicked(bool)`."""

    def run(*_arguments: Any) -> None:
        action()

    return run
