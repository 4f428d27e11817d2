"""Adding the nodes of a `.mrml` file to the scene. Also in a process of its own, so it imports little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
import vtk

from MVGCore.errors import InputError


def import_scene(scene: Path) -> None:
    """Add the nodes of a `.mrml` file to the scene.

    Raises:
        InputError: It, or a file that it names, cannot be read.
    """
    into = slicer.mrmlScene
    home = into.GetRootDirectory()
    into.SetURL(str(scene))
    try:
        if not into.Import():
            raise InputError("its description is damaged")
        _check_storage(into)
    finally:
        into.SetURL("")
        into.SetRootDirectory(home)


def _check_storage(scene: Any) -> None:
    """Raise `InputError` if a node of the scene has not got what is in its file: Slicer only logs that."""
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        if node.IsA("vtkMRMLStorageNode"):
            messages = node.GetUserMessages()
            if messages.GetNumberOfMessagesOfType(vtk.vtkCommand.ErrorEvent):
                name = Path(node.GetFileName() or "").name
                raise InputError(f"its file '{name}' is missing or damaged")
