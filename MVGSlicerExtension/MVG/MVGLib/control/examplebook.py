"""The list of examples: kept as references, cut out of the scene when they are needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError, MVGError
from MVGCore.prompts import AXIS_NAMES, Prompt, PromptSet
from MVGCore.report.orientation import SliceOrientation as Orientation
from MVGCore.volume import SegmentClass, SliceKey, Volume, Window, robust_window
from MVGLib.control.examples import ClassTable, Example, renumbered
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.state import ExampleRow, PanelTask
from MVGLib.control.thumbnails import Color, beside, thumbnail
from MVGLib.texts import _


@dataclass(frozen=True, eq=False)
class ExampleContent:
    """An example with its pixels, or the reason why there are none."""

    stamp: tuple[str, str]
    version: int
    prompt: Prompt | None = None
    target: NDArray[np.float32] | None = None  # (H, W), of an image task
    look: tuple[tuple[str, Color], ...] = ()  # names and colours of the segments
    picture: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((8, 8, 3), np.uint8))
    problem: str = ""


class ExampleBook:
    """Keeps the examples of all tasks; segmentation has its own, the image tasks share theirs.

    What is cut out is kept until the volume or the labels change.
    """

    def __init__(self, scene: SceneAccess, classes: ClassTable) -> None:
        self._scene = scene
        self._classes = classes
        self._lists: dict[bool, list[Example]] = {True: [], False: []}
        self._cuts: dict[str, ExampleContent] = {}
        self._files: dict[str, PromptSet | str] = {}
        self._windows: dict[str, tuple[str, Window]] = {}
        self._version = 0

    def of(self, task: PanelTask) -> list[Example]:
        """The examples of a task, in the order in which they were added."""
        return list(self._lists[task.makes_segments])

    def used(self, task: PanelTask) -> list[Example]:
        """The examples that a run takes: those switched on, and of each slice the one that was drawn last.

        Whoever corrects a slice of a result has drawn it anew; the row of the first drawing counts again if
        the correction goes.
        """
        latest: dict[object, Example] = {}
        for each in self.of(task):
            former = latest.get(each.slice_key)
            if each.enabled and not self.cut(each).problem and (former is None or self._newer(each, former)):
                latest[each.slice_key] = each
        return list(latest.values())

    def _newer(self, example: Example, other: Example) -> bool:
        return self.cut(example).version > self.cut(other).version

    def replace_all(self, task: PanelTask, examples: Iterable[Example]) -> None:
        """Replace the examples of a task."""
        self._lists[task.makes_segments] = list(examples)

    def add(self, task: PanelTask, example: Example) -> bool:
        """Add an example, or switch on the one that is there already; tells whether it is new."""
        own = self._lists[task.makes_segments]
        for number, each in enumerate(own):
            if each.key == example.key:
                own[number] = replace(each, enabled=True)
                return False
        own.append(example)
        return True

    def remove(self, task: PanelTask, key: str) -> None:
        """Take an example out of the list; one that is not there is ignored."""
        own = self._lists[task.makes_segments]
        own[:] = [each for each in own if each.key != key]
        self._cuts.pop(key, None)

    def enable(self, task: PanelTask, key: str, on: bool) -> None:
        """Switch an example on or off; one that is not there is ignored."""
        own = self._lists[task.makes_segments]
        own[:] = [replace(each, enabled=on) if each.key == key else each for each in own]

    def forget_node(self, node_id: str) -> bool:
        """Drop the examples that came from a node; tells whether there were any."""
        before = sum(map(len, self._lists.values()))
        for own in self._lists.values():
            own[:] = [each for each in own if node_id not in (each.volume_id, each.partner_id)]
        return sum(map(len, self._lists.values())) < before

    def move(self, partner_id: str, other_id: str) -> None:
        """What was labelled in one segmentation is labelled in another one from now on."""
        for makes_segments, own in self._lists.items():
            moved = [
                replace(each, partner_id=other_id) if each.partner_id == partner_id else each for each in own
            ]
            self._lists[makes_segments] = list({each.key: each for each in moved}.values())

    def node_ids(self) -> set[str]:
        """The nodes that the examples of all tasks come from."""
        found = {node for own in self._lists.values() for each in own for node in _nodes(each)}
        return found - {""}

    def load(self, path: str) -> int:
        """Add the prompts of a file as examples of segmentation and give their number.

        Raises:
            InputError: The file cannot be used.
        """
        prompts = PromptSet.load(path)
        if not prompts.prompts:
            text = _("'{name}' holds no example; choose another file.")
            raise InputError(text.format(name=Path(path).name))
        self._files[path] = prompts
        for each in prompts.prompts:
            self.add(PanelTask.SEGMENT, Example("", "", each.axis, each.index, each.enabled, path, each.key))
        return len(prompts.prompts)

    def versions(self, task: PanelTask) -> tuple[object, ...]:
        """Differs whenever another example is used, or one shows something else."""
        return tuple((each.key, self.cut(each).version) for each in self.used(task))

    def cut(self, example: Example) -> ExampleContent:
        """The pixels of an example as they are now."""
        stamp = (self._stamp(example.volume_id), self._stamp(example.partner_id) or example.path)
        known = self._cuts.get(example.key)
        if known is None or known.stamp != stamp:
            fresh = self._fresh(example, stamp)
            same = known is not None and _looks_alike(known, fresh)
            known = self._cuts[example.key] = replace(known, stamp=stamp) if known and same else fresh
        return known

    def unshown(self, partner_id: str) -> tuple[str, ...]:
        """Names of the segments of a segmentation that no example in use shows."""
        try:
            classes = self._scene.classes(partner_id) if self._scene.is_segmentation(partner_id) else ()
        except MVGError:  # too many segments: the examples say so themselves
            return ()
        used = [self.cut(each) for each in self.used(PanelTask.SEGMENT)]
        shown = {name for cut in used for name, _color in cut.look}
        return tuple(each.name for each in classes if each.name not in shown)

    def rows(self, task: PanelTask, volume_id: str) -> tuple[ExampleRow, ...]:
        """The list as it is shown."""
        return tuple(self._row(each, volume_id) for each in self.of(task))

    def prompt_set(self) -> PromptSet:
        """The examples of segmentation that a run takes, across all axes."""
        cuts = [self.cut(each) for each in self.used(PanelTask.SEGMENT)]
        prompts = {cut.prompt.key: cut.prompt for cut in cuts if cut.prompt is not None}
        present = {int(value) for prompt in prompts.values() for value in np.unique(prompt.labels) if value}
        known = self._classes.classes
        classes = tuple(known.get(value, SegmentClass.default(value)) for value in sorted(present))
        return PromptSet(list(prompts.values()), classes)

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
            prompt, target = self._from_file(example) if example.path else self._from_scene(example)
        except MVGError as error:
            return ExampleContent(stamp, self._version, problem=str(error))
        if not example.path and target is None and not prompt.labels.any():
            why = _("Nothing is drawn on this slice; draw on it, or remove the example.")
            return ExampleContent(
                stamp, self._version, prompt, problem=why, picture=_picture(prompt, None, {})
            )
        known = self._classes.classes
        shown = [known[int(value)] for value in np.unique(prompt.labels) if value]
        picture = _picture(prompt, target, {each.id: each.color for each in shown})
        look = tuple((each.name, each.color) for each in shown)
        return ExampleContent(stamp, self._version, prompt, target, look, picture)

    def _from_scene(self, example: Example) -> tuple[Prompt, NDArray[np.float32] | None]:
        volume = self._scene.volume(example.volume_id)
        depth = volume.geometry.shape[example.axis]
        if example.index >= depth:
            raise InputError(_("This slice is outside the volume; remove the example."))
        around = np.clip([example.index - 1, example.index, example.index + 1], 0, depth - 1)
        image = np.stack([volume.array.take(each, axis=example.axis) for each in around]).astype(np.float32)
        labels, target = np.zeros(image.shape[1:], np.uint16), None
        if self._scene.is_segmentation(example.partner_id):
            own = self._scene.slice_labels(example.partner_id, example.volume_id, example.place)
            labels = renumbered(own, self._classes.adopt(self._scene.classes(example.partner_id)))
        else:
            other = self._scene.volume(example.partner_id)
            check_same_grid(volume, other)
            target = other.array.take(example.index, axis=example.axis).astype(np.float32)
        window = self.window(example.volume_id, volume)
        place = (example.axis, example.index)
        return Prompt(*place, image, labels, volume.geometry, window, volume.name), target

    def _from_file(self, example: Example) -> tuple[Prompt, None]:
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
                return replace(prompt, labels=renumbered(prompt.labels, numbers)), None
        raise InputError(_("The file '{name}' has no such example any more.").format(name=example.path))

    def _row(self, example: Example, volume_id: str) -> ExampleRow:
        cut = self.cut(example)
        foreign = example.volume_id != volume_id
        return ExampleRow(
            key=example.key,
            place=_place(example, cut),
            slice=None if foreign else example.place,
            segments=cut.look,
            source=self._source(example, cut) if foreign else "",
            enabled=example.enabled,
            can_jump=not foreign and not cut.problem,
            problem=cut.problem,
            thumbnail=cut.picture,
            version=2 * cut.version + foreign,
        )

    def _source(self, example: Example, cut: ExampleContent) -> str:
        if not example.path:
            return self._scene.name(example.volume_id)
        file = Path(example.path).name
        return f"{cut.prompt.source} ({file})" if cut.prompt is not None and cut.prompt.source else file

    def _stamp(self, node_id: str) -> str:
        return self._scene.fingerprint(node_id) if node_id else ""


def check_same_grid(volume: Volume, other: Volume) -> None:
    """Raise `InputError` unless two volumes have the same voxels in the same places."""
    if volume.geometry.shape != other.geometry.shape or not volume.geometry.is_close(other.geometry):
        text = _("'{other}' lies on another grid than '{name}'; resample it to that volume first.")
        raise InputError(text.format(other=other.name, name=volume.name))


def filled_slices(target: Volume) -> list[SliceKey]:
    """The slices of a volume that are not one constant value, along the axis with the fewest of them."""
    varied = target.array != target.array.flat[0]
    found = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        low, high = target.array.min(axis=others), target.array.max(axis=others)
        found.append([SliceKey(axis, int(index)) for index in np.flatnonzero(low < high)])
    return min(found, key=len) if varied.any() else []


def _looks_alike(cut: ExampleContent, other: ExampleContent) -> bool:
    if cut.prompt is None or other.prompt is None or cut.target is not None or other.target is not None:
        return False
    return (
        cut.look == other.look
        and np.array_equal(cut.prompt.labels, other.prompt.labels)
        and np.array_equal(cut.prompt.image, other.prompt.image)
    )


def _place(example: Example, cut: ExampleContent) -> str:
    if cut.prompt is None:
        return f"{AXIS_NAMES[example.axis]} {example.index}"
    return f"{Orientation.of(cut.prompt.geometry, example.axis).plane} {example.index}"


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


def _nodes(example: Example) -> tuple[str, str]:
    return example.volume_id, example.partner_id
