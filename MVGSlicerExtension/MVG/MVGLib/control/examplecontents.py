"""The pixels of examples, cut out of the scene or read from files when they are needed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError, MVGError
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.volume import SliceKey, Volume, Window, robust_window
from MVGLib.control.examples import ClassTable, Example, renumbered
from MVGLib.control.passes import Planes, planes_of
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.thumbnails import Color, beside, thumbnail
from MVGLib.texts import _


@dataclass(frozen=True, eq=False)
class ExampleContent:
    """An example with its pixels, or the reason why there are none."""

    stamp: tuple[str, str]
    version: int
    prompt: Prompt | None = None
    target: NDArray[np.float32] | None = None  # (H, W), of an image task
    planes: Planes = ()  # all its labels; `prompt` has one class for each pixel
    look: tuple[tuple[str, Color], ...] = ()  # names and colours of the segments
    picture: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((8, 8, 3), np.uint8))
    problem: str = ""


class ExampleContents:
    """Cuts out what examples show, and keeps it until the volume or the labels change."""

    def __init__(self, scene: SceneAccess, classes: ClassTable) -> None:
        self._scene = scene
        self._classes = classes
        self._contents: dict[str, ExampleContent] = {}
        self._files: dict[str, PromptSet | str] = {}
        self._windows: dict[str, tuple[str, Window]] = {}
        self._version = 0

    def load(self, path: str) -> PromptSet:
        """Read a file of prompts anew.

        Raises:
            InputError: It cannot be used.
        """
        prompts = PromptSet.load(path)
        if not prompts.prompts:
            text = _("'{name}' holds no example; choose another file.")
            raise InputError(text.format(name=Path(path).name))
        self._files[path] = prompts
        return prompts

    def forget(self, key: str) -> None:
        """An example was taken out of the list."""
        self._contents.pop(key, None)

    def of(self, example: Example) -> ExampleContent:
        """The pixels of an example as they are now."""
        stamp = (self._stamp(example.volume_id), self._stamp(example.partner_id) or example.path)
        known = self._contents.get(example.key)
        if known is None or known.stamp != stamp:
            fresh = self._fresh(example, stamp)
            same = known is not None and _looks_alike(known, fresh)
            known = self._contents[example.key] = replace(known, stamp=stamp) if known and same else fresh
        return known

    def window(self, volume_id: str, volume: Volume) -> Window:
        """The intensity window of a volume, computed once."""
        stamp = self._stamp(volume_id)
        known = self._windows.get(volume_id)
        if known is None or known[0] != stamp:
            known = self._windows[volume_id] = (stamp, robust_window(volume.array))
        return known[1]

    def _fresh(self, example: Example, stamp: tuple[str, str]) -> ExampleContent:
        self._version += 1
        try:
            prompt, planes, target = self._from_file(example) if example.path else self._from_scene(example)
        except MVGError as error:
            return ExampleContent(stamp, self._version, problem=str(error))
        if not example.path and target is None and not prompt.labels.any():
            why = _("Nothing is drawn on this slice; draw on it, or remove the example.")
            return ExampleContent(
                stamp, self._version, prompt, problem=why, picture=_picture(prompt, None, {})
            )
        known = self._classes.classes
        present = [known[int(value)] for value in np.unique(np.stack(planes)) if value]
        picture = _picture(prompt, target, {each.id: each.color for each in present})
        look = tuple((each.name, each.color) for each in present)
        return ExampleContent(stamp, self._version, prompt, target, planes, look, picture)

    def _from_scene(self, example: Example) -> tuple[Prompt, Planes, NDArray[np.float32] | None]:
        volume = self._scene.volume(example.volume_id)
        depth = volume.geometry.shape[example.axis]
        if example.index >= depth:
            raise InputError(_("This slice is outside the volume; remove the example."))
        around = np.clip([example.index - 1, example.index, example.index + 1], 0, depth - 1)
        image = np.stack([volume.array.take(each, axis=example.axis) for each in around]).astype(np.float32)
        planes: Planes = (np.zeros(image.shape[1:], np.uint16),)
        target = None
        if self._scene.nodes.is_segmentation(example.partner_id):
            nodes = (example.partner_id, example.volume_id)
            planes = planes_of(self._scene, self._classes, *nodes, example.place)
        else:
            other = self._scene.volume(example.partner_id)
            check_same_grid(volume, other)
            target = other.array.take(example.index, axis=example.axis).astype(np.float32)
        window = self.window(example.volume_id, volume)
        place = (example.axis, example.index)
        labels = np.maximum.reduce(planes)
        return Prompt(*place, image, labels, volume.geometry, window, volume.name), planes, target

    def _from_file(self, example: Example) -> tuple[Prompt, Planes, None]:
        content = self._files.get(example.path)
        if content is None:
            try:
                content = PromptSet.load(example.path)
            except MVGError as error:
                content = str(error)
            self._files[example.path] = content
        if isinstance(content, str):
            raise InputError(content)
        for prompt in content.prompts:
            if prompt.key == example.prompt:
                numbers = self._classes.adopt(content.classes)
                own = replace(prompt, labels=renumbered(prompt.labels, numbers))
                return own, (own.labels,), None
        raise InputError(_("The file '{name}' has no such example any more.").format(name=example.path))

    def _stamp(self, node_id: str) -> str:
        return self._scene.nodes.fingerprint(node_id) if node_id else ""


def check_same_grid(volume: Volume, other: Volume) -> None:
    """Raise `InputError` unless two volumes have the same voxels in the same places."""
    if volume.geometry.shape != other.geometry.shape or not volume.geometry.is_close(other.geometry):
        text = _("'{other}' lies on another grid than '{name}'; resample it to that volume first.")
        raise InputError(text.format(other=other.name, name=volume.name))


def filled_slices(target: Volume) -> list[SliceKey]:
    """The slices of a volume that are not one constant value, along the axis with the fewest of them."""
    varied = target.array != target.array.flat[0]
    varied_along = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        low, high = target.array.min(axis=others), target.array.max(axis=others)
        varied_along.append([SliceKey(axis, int(index)) for index in np.flatnonzero(low < high)])
    return min(varied_along, key=len) if varied.any() else []


def _looks_alike(cut: ExampleContent, other: ExampleContent) -> bool:
    if cut.prompt is None or other.prompt is None or cut.target is not None or other.target is not None:
        return False
    return (
        cut.look == other.look
        and len(cut.planes) == len(other.planes)
        and all(map(np.array_equal, cut.planes, other.planes))
        and np.array_equal(cut.prompt.image, other.prompt.image)
    )


def _picture(
    prompt: Prompt, target: NDArray[np.float32] | None, colors: dict[int, Color]
) -> NDArray[np.uint8]:
    look = (prompt.geometry, prompt.axis)
    picture = thumbnail(prompt.image[1], prompt.labels, colors, *look, prompt.window)
    if target is None:
        return picture
    low, high = float(target.min()), float(target.max())
    window = Window(low, high if high > low else low + 1)
    return beside([picture, thumbnail(target, None, {}, *look, window)])
