"""The effect MVG: the panel of the module MVG, inside the Segment Editor."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Shows the module's panel a second time: one controller, one worker, one list of examples.

    While the effect is active, the panel follows the volume and the segmentation being edited.
    """

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "MVG"
        scriptedEffect.title = "MVG"
        # Works on all segments at once, and the examples are segments.
        scriptedEffect.perSegment = False
        scriptedEffect.requireSegments = True
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.panel = None
        self.frame = None

    def clone(self):
        """Returns a copy for another Segment Editor."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        effect = effects.qSlicerSegmentEditorScriptedEffect(None)
        effect.setPythonSource(Path(__file__).as_posix())
        return effect

    def icon(self):
        """Returns the icon of the effect's button."""
        return qt.QIcon(str(Path(__file__).with_name("SegmentEditorEffect.png")))

    def helpText(self):
        """Returns what the Segment Editor shows under the effect's name."""
        return _(
            "Label a few slices, add them as examples, and press Apply: the other slices follow. The result"
            " is a new segmentation until you accept it."
        )

    def setupOptionsFrame(self):
        """Makes room for the panel, which is built when the effect is used for the first time."""
        self.frame = qt.QWidget()
        qt.QVBoxLayout(self.frame).setContentsMargins(0, 0, 0, 0)
        self.scriptedEffect.addOptionsWidget(self.frame)

    def createCursor(self, widget):
        """Leaves the pointer as it is: the effect does not paint."""
        return slicer.util.mainWindow().cursor

    def activate(self):
        """The user chose the effect."""
        controller = slicer.util.getModuleWidget("MVG").panel.controller
        # The module may have been reloaded since.
        if self.panel is None or self.panel.controller is not controller:
            self._show(controller)
        self._follow()
        self.panel.enter()

    def deactivate(self):
        """The user chose another effect; a run goes on."""
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self):
        """The Segment Editor goes away."""
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = None

    def sourceVolumeNodeChanged(self):
        """The editor shows another volume."""
        if self.panel is not None:
            self._follow()

    def _show(self, controller):
        from MVGLib.panel.panel import Panel
        from MVGLib.panel.shortcuts import EFFECT_KEYS

        if self.panel is not None:
            self.panel.cleanup()
            self.panel.widget.setParent(None)
            self.panel.widget.deleteLater()
        self.panel = Panel(self.frame, controller, owns=False, keys=EFFECT_KEYS)
        self.frame.layout().addWidget(self.panel.widget)

    def _follow(self):
        node = self.scriptedEffect.parameterSetNode()
        volume = node.GetSourceVolumeNode() if node is not None else None
        segmentation = node.GetSegmentationNode() if node is not None else None
        if volume is not None:
            self.panel.controller.choices.set_volume(volume.GetID())
        if segmentation is not None:
            self.panel.controller.choices.set_partner(segmentation.GetID())
