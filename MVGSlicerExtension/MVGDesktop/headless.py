"""3D Slicer's scene and module logics without its application, on the PyPI wheel `slicer-core`.

The wheel has MRML and the logics, but nothing that ties them together: no `slicer.mrmlScene`, no
`slicer.app`, no `slicer.modules`. `start()` adds these, so that code written for Slicer, and Slicer's own
`slicer.util`, run in a test or in the desktop window.
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import slicer
import slicer.util  # a host expects it after `import slicer`, as in Slicer
import vtk

from MVGCore.private import sweep, temporary_folder

# Name in `slicer.modules` -> class of the logic and the name under which other logics look for it. Colours
# come first: others ask for default colour nodes while they start.
_LOGICS = {
    "colors": ("vtkSlicerColorLogic", "Colors"),
    "units": ("vtkSlicerUnitsLogic", "Units"),
    "terminologies": ("vtkSlicerTerminologiesModuleLogic", "Terminologies"),
    "subjecthierarchy": ("vtkSlicerSubjectHierarchyModuleLogic", "SubjectHierarchy"),
    "transforms": ("vtkSlicerTransformLogic", "Transforms"),
    "volumes": ("vtkSlicerVolumesLogic", "Volumes"),
    "models": ("vtkSlicerModelsLogic", "Models"),
    "markups": ("vtkSlicerMarkupsLogic", "Markups"),
    "tables": ("vtkSlicerTablesLogic", "Tables"),
    "texts": ("vtkSlicerTextsLogic", "Texts"),
    "plots": ("vtkSlicerPlotsLogic", "Plots"),
    "segmentations": ("vtkSlicerSegmentationsModuleLogic", "Segmentations"),
    "sequences": ("vtkSlicerSequencesLogic", "Sequences"),
}


class HeadlessApplication:
    """What `slicer.app` is in Slicer, as far as code without windows asks for it.

    Attributes:
        on_process_events: Called by `processEvents()`; a host with an event loop puts its own here.
        applicationName: As in Slicer, for titles of messages.
    """

    applicationName = "MVG"

    def __init__(self, logic: Any, scene: Any, remote_io: Any, temporary_folder: Path) -> None:
        self.on_process_events: Callable[[], object] = lambda: None
        self.temporaryPath = str(temporary_folder)
        self._logic, self._scene, self._remote_io = logic, scene, remote_io
        self._layout_manager: Any = None
        self._testing = True  # message boxes of slicer.util go to the log

    def applicationLogic(self) -> Any:
        """The `vtkSlicerApplicationLogic`."""
        return self._logic

    def mrmlScene(self) -> Any:
        """The scene."""
        return self._scene

    def testingEnabled(self) -> bool:
        """Whether message boxes are only logged."""
        return self._testing

    def set_testing(self, on: bool) -> None:
        """A host with windows switches message boxes on by False."""
        self._testing = on

    def processEvents(self) -> None:
        """Let the host's event loop run."""
        self.on_process_events()

    def pauseRender(self) -> None:
        """Views wait until `resumeRender` has been called as often."""
        self._logic.PauseRender()

    def resumeRender(self) -> None:
        """Ends one `pauseRender`."""
        self._logic.ResumeRender()

    def layoutManager(self) -> Any:
        """What the host gave to `set_layout_manager`, or None."""
        return self._layout_manager

    def set_layout_manager(self, manager: Any) -> None:
        """A host with views gives its counterpart of `qSlicerLayoutManager`."""
        self._layout_manager = manager


def start() -> HeadlessApplication:
    """Make `slicer.mrmlScene`, `slicer.app` and `slicer.modules` as in Slicer; further calls change nothing.

    Returns:
        `slicer.app`.
    """
    running = getattr(slicer, "app", None)
    if running is not None:
        return running
    sweep()
    folder = temporary_folder("scene")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    scene, remote_io = _new_scene(folder)
    logic = _new_application_logic(scene, folder)
    with _quiet():
        slicer.modules = _modules(scene, logic)
    slicer.mrmlScene = scene
    slicer.app = HeadlessApplication(logic, scene, remote_io, folder)
    return slicer.app


def add_slice_view(name: str = "Red", orientation: str = "Axial") -> Any:
    """Add a slice view without a window: slice node, composite node and slice logic, as Slicer's layouts do.

    A view of that name that is there already is set to the orientation.

    Args:
        name: The view's name in the layout; it is the tag of both nodes.
        orientation: "Axial", "Coronal" or "Sagittal".

    Returns:
        `vtkMRMLSliceLogic`; the application logic knows it.
    """
    app = start()
    logic = app.applicationLogic().GetSliceLogicByLayoutName(name)
    if logic is None:
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(app.applicationLogic())
        app.applicationLogic().GetSliceLogics().AddItem(logic)
        logic.SetMRMLScene(app.mrmlScene())
    if logic.GetSliceNode() is None:
        logic.AddSliceNode(name)
    node = logic.GetSliceNode()
    node.SetOrientation(orientation)
    node.SetDimensions(256, 256, 1)
    node.SetFieldOfView(256.0, 256.0, 1.0)
    node.SetMappedInLayout(1)
    return logic


def _new_scene(folder: Path) -> tuple[Any, Any]:
    """The scene, and what reads and writes its files, which has to live as long."""
    scene = slicer.vtkMRMLScene()
    scene.SetRootDirectory(str(folder))
    # Without these two no storage node reads or writes.
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.GetCacheManager().SetRemoteCacheDirectory(str(folder))
    remote.GetCacheManager().SetMRMLScene(scene)
    remote.SetMRMLScene(scene)
    remote.AddDataIOToScene()
    for singleton in ("vtkMRMLSelectionNode", "vtkMRMLInteractionNode"):
        node = scene.CreateNodeByClass(singleton)
        node.UnRegister(None)
        node.SetSingletonTag("Singleton")
        scene.AddNode(node)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    return scene, remote


def _new_application_logic(scene: Any, folder: Path) -> Any:
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetTemporaryPath(str(folder))
    logic.SetMRMLScene(scene)
    # The logic keeps no reference to the collections that it is given without these.
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    return logic


@contextmanager
def _quiet() -> Iterator[None]:
    """The wheel has no files of colours and terminologies; every logic that looks for them complains."""
    before = vtk.vtkObject.GetGlobalWarningDisplay()
    vtk.vtkObject.GlobalWarningDisplayOff()
    try:
        yield
    finally:
        vtk.vtkObject.SetGlobalWarningDisplay(before)


def _modules(scene: Any, application_logic: Any) -> SimpleNamespace:
    modules = SimpleNamespace()
    for module, (class_name, name) in _LOGICS.items():
        logic = getattr(slicer, class_name)()
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        application_logic.SetModuleLogic(name, logic)
        setattr(modules, module, SimpleNamespace(name=name, logic=lambda logic=logic: logic))
        if module == "colors":
            application_logic.SetColorLogic(logic)
            logic.AddDefaultColorNodes()
    return modules
