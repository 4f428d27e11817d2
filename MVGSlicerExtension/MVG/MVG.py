"""The scripted module MVG for 3D Slicer: a thin door to MVGLib (panel, scene) and MVGCore (the work)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class MVG(ScriptedLoadableModule):
    """What Slicer shows of the module before its panel is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "MVG"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "Volumes"]
        parent.contributors = ["The MVG for 3D Slicer contributors"]
        parent.helpText = _(
            "Label a few slices of a volume as examples; the rest of the volume follows. See the"
            ' <a href="https://github.com/MVG-Slicer/SlicerMVG/blob/main/docs/tutorial-slicer.md">tutorial</a>.'
        )
        parent.acknowledgementText = _(
            "Apache License 2.0. For research: MVG is not a medical device. An independent implementation of"
            " the idea of Ren S. et al., Medical Vision Generalist: Unifying Medical Imaging Tasks in"
            " Context, arXiv:2406.05565, 2024."
        )
        slicer.app.startupCompleted.connect(_register_sample_data)


class MVGWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Puts the panel into Slicer's module area and tells it what happens to the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self.install = None
        self._parameterNode = None

    def setup(self):
        """Builds the panel; called once, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        _find_packages()
        from MVGLib import build_panel
        from MVGLib.host.install import Install
        from MVGLib.panel.shortcuts import MODULE_KEYS

        self.logic = MVGLogic()
        self.install = Install()
        self._parameterNode = self.logic.getParameterNode()
        self.panel = build_panel(parameter_node=self._parameterNode, install=self.install, keys=MODULE_KEYS)
        self.layout.addWidget(self.panel.widget)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        if getattr(self.parent, "isEntered", False):  # a reload, after which Slicer does not call enter()
            self.enter()

    def cleanup(self):
        """Ends the worker and lets go of the scene; the application closes or the module is reloaded."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()

    def enter(self):
        """The user comes to this module."""
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self):
        """The user goes to another module."""
        self.panel.exit()

    def onReload(self):
        """Loads the module anew with all that is behind it; Slicer itself reads this file alone again."""
        for name in [each for each in sys.modules if each.partition(".")[0] in ("MVGLib", "MVGCore")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller, event):
        """Stops what runs: its nodes are about to go."""
        self.panel.controller.following.closing()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        """Starts anew in the empty scene if the module is shown."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Makes sure that the scene has the node that keeps the user's choices."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, inputParameterNode):
        """Shows the choices kept in a node; None while there is none."""
        if inputParameterNode is self._parameterNode:
            return
        self._parameterNode = inputParameterNode
        if inputParameterNode is not None:
            self.panel.set_parameter_node(inputParameterNode)


class MVGLogic(ScriptedLoadableModuleLogic):
    """MVG without its panel, for scripts; see `MVGLib.host.scripting.Batch`."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        _find_packages()

    def segment(self, volumeNode, segmentationNode, **choices):
        """Segments a volume from the slices that are labelled in a segmentation, and waits for it.

        Args:
            volumeNode: vtkMRMLScalarVolumeNode.
            segmentationNode: vtkMRMLSegmentationNode in which a few slices are filled.
            choices: see `MVGLib.host.scripting.Batch`, e.g. `model="compact"`, `progress=print`.

        Returns:
            A new vtkMRMLSegmentationNode.
        """
        from MVGLib.host.scripting import Batch

        batch = Batch(**choices)
        try:
            return batch.segment(volumeNode, segmentationNode)
        finally:
            batch.close()

    def openLabels(self, path, volumeNode):
        """Adds the labels of a file, also of a DICOM segmentation or structure set, to the scene.

        See `MVGLib.host.labelfiles.open_labels`.

        Returns:
            A new vtkMRMLSegmentationNode on the grid of the volume.
        """
        from MVGLib.host.labelfiles import open_labels

        return open_labels(path, volumeNode)

    def saveLabels(self, path, segmentationNode, volumeNode, source=None):
        """Writes a segmentation, as DICOM if the name ends in .dcm and `source` is the volume's series.

        See `MVGLib.host.labelfiles.save_labels`.
        """
        from MVGLib.host.labelfiles import save_labels

        save_labels(path, segmentationNode, volumeNode, source)


class MVGTest(ScriptedLoadableModuleTest):
    """Runs on a generated volume; the bundled weights are not needed."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        _find_packages()

    def runTest(self):
        from MVGLib.host import paneltest, selftest

        for test in (*selftest.TESTS, *paneltest.TESTS):
            self.setUp()
            self.delayDisplay(f"MVG: {test.__name__}")
            test(self)
        self.delayDisplay(_("MVG: all tests passed."))


def _find_packages():
    """In a source checkout MVGCore lies two folders above, where Slicer does not look."""
    if importlib.util.find_spec("MVGCore") is None:
        sys.path.append(str(Path(__file__).resolve().parents[2]))


def _register_sample_data():
    _find_packages()
    from MVGLib.host import sampledata

    sampledata.register()
