"""Registers the effect MVG in Slicer's Segment Editor; the module itself has no panel."""

from __future__ import annotations

from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest


class SegmentEditorMVG(ScriptedLoadableModule):
    """Hidden module; see `SegmentEditorMVGLib/SegmentEditorEffect.py`."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Segment Editor MVG"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["MVG", "Segmentations"]
        parent.contributors = ["The MVG for 3D Slicer contributors"]
        parent.hidden = True
        parent.helpText = _("Registers the effect MVG in the Segment Editor.")
        parent.acknowledgementText = _("Apache License 2.0.")
        slicer.app.startupCompleted.connect(self.registerEditorEffect)

    def registerEditorEffect(self):
        """Makes the effect known to all Segment Editors."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        effect = effects.qSlicerSegmentEditorScriptedEffect(None)
        path = Path(__file__).parent / "SegmentEditorMVGLib" / "SegmentEditorEffect.py"
        effect.setPythonSource(path.as_posix())
        effect.self().register()


class SegmentEditorMVGTest(ScriptedLoadableModuleTest):
    """The effect is registered and can be switched on and off."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_effect_is_registered()

    def test_effect_is_registered(self):
        effects = slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()
        self.assertIn("MVG", [effect.name for effect in effects])
