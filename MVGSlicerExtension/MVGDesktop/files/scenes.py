"""Opening a scene (`.mrb`, `.mrml`): looked at, read apart, and only then in place of the open one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import slicer

from MVGCore.errors import InputError
from MVGCore.shortlived import Died, ProcessFailedError, ask
from MVGDesktop.files.archive import unpack
from MVGDesktop.files.importing import import_scene
from MVGDesktop.files.nodes import PATH_ATTRIBUTE
from MVGDesktop.files.references import check_folder, check_scene

_COLORS = "vtkMRMLColorNode"
# Of the processor, for reading alone. Other programs may keep it busy, so the clock may show more.
_SECONDS, _BYTES_A_SECOND, _WAIT = 10.0, 5e6, 6.0


def open_scene(path: Path) -> None:
    """Replace the scene by that of a `.mrb` or `.mrml` file; if that fails, the open one stays as it was.

    Raises:
        InputError: It cannot be read, or names files elsewhere.
    """
    path = path.absolute()  # Slicer looks for relative names in its own folder
    if not path.is_file():
        raise InputError(f"There is no file '{path}'; check the name.")
    if path.suffix.lower() != ".mrb":
        _replace(path, check_scene(path), path)
        return
    with tempfile.TemporaryDirectory(prefix="scene-", dir=slicer.app.temporaryPath) as folder:
        unpack(path, Path(folder))
        check_folder(Path(folder))
        scene = _only_scene(Path(folder), path)
        _replace(scene, check_scene(scene), path)


def _only_scene(folder: Path, archive: Path) -> Path:
    scenes = [each for each in folder.rglob("*") if each.suffix.lower() == ".mrml" and each.is_file()]
    if len(scenes) != 1:
        raise InputError(f"'{archive}' holds {len(scenes)} scenes instead of one; save it again in Slicer.")
    return scenes[0]


def _replace(scene: Path, files: set[Path], named: Path) -> None:
    """Read it in a process that may crash, then here.

    Args:
        scene: The `.mrml` file.
        files: Those that it names.
        named: What to call it in messages.
    """
    seconds = _SECONDS + sum(each.stat().st_size for each in files) / _BYTES_A_SECOND
    try:
        ask("MVGDesktop.files.probe", [str(scene), f"{seconds:.0f}"], _WAIT * seconds)
        with _kept_if_it_fails():
            slicer.mrmlScene.Clear(False)
            import_scene(scene)
    except (Died, ProcessFailedError, InputError) as error:
        raise InputError(
            f"'{named}' cannot be read as a scene ({error}); it may be damaged, so save it again."
        ) from error
    for node in slicer.util.getNodesByClass("vtkMRMLVolumeNode"):
        # The image came from the scene: a file of that name may be another one, or somebody else's.
        node.RemoveAttribute(PATH_ATTRIBUTE)


@contextmanager
def _kept_if_it_fails() -> Iterator[None]:
    """Put all nodes back where the block fails: they know their ids, and what they refer to."""
    scene = slicer.mrmlScene
    before = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    copies = [(node, _copy(node)) for node in before if node.GetSingletonTag() and not node.IsA(_COLORS)]
    try:
        yield
    except BaseException:
        scene.Clear(False)
        # Singletons stay where they are when a scene is cleared, and take what the new one says.
        for node, copy in copies:
            node.Copy(copy)
        for node in before:
            if not scene.IsNodePresent(node):
                scene.AddNode(node)
        raise


def _copy(node: Any) -> Any:
    copy = node.CreateNodeInstance()
    copy.UnRegister(None)
    copy.Copy(node)
    return copy
