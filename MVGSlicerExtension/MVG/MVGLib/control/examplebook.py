"""The list of examples: kept as references, cut out of the scene when they are needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from MVGCore.errors import MVGError
from MVGCore.prompts import AXIS_NAMES, LayeredPrompt, PromptSet, passes_of_slices
from MVGCore.report.orientation import SliceOrientation as Orientation
from MVGCore.volume import SegmentClass, SliceKey, Volume, Window
from MVGLib.control.crossings import crossed_only
from MVGLib.control.examplecontents import ExampleContent, ExampleContents
from MVGLib.control.examples import ClassTable, Example
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.state import ExampleRow
from MVGLib.texts import _


class ExampleBook:
    """Keeps the examples of all tasks; segmentation has its own, the image tasks share theirs."""

    def __init__(self, scene: SceneAccess, classes: ClassTable) -> None:
        self._scene = scene
        self._classes = classes
        self._lists: dict[bool, list[Example]] = {True: [], False: []}
        self._contents = ExampleContents(scene, classes)
        self._lines: tuple[object, set[str]] | None = None  # what `_crossed` said last, and of what

    def of(self, task: PanelTask) -> list[Example]:
        """The examples of a task, in the order in which they were added."""
        return list(self._lists[task.makes_segments])

    def used(self, task: PanelTask) -> list[Example]:
        """The examples that a run takes: those switched on, and of each slice the one that was drawn last.

        Whoever corrects a slice of a result has drawn it anew; the row of the first drawing counts again if
        the correction goes.
        """
        latest, crossed = dict[object, Example](), self._crossed(task)
        for each in self.of(task):
            former, usable = latest.get(each.slice_key), each.enabled and not self.cut(each).problem
            if usable and each.key not in crossed and (former is None or self._newer(each, former)):
                latest[each.slice_key] = each
        return list(latest.values())

    def _crossed(self, task: PanelTask) -> set[str]:
        """The examples that show nothing but lines of others, see `crossed_only`."""
        chosen = (
            [each for each in self.of(task) if each.enabled and not each.path] if task.makes_segments else []
        )
        cuts = [(each, self.cut(each)) for each in chosen]
        stamp = tuple((each.key, cut.version) for each, cut in cuts)
        if self._lines is None or self._lines[0] != stamp:
            drawn = [(each, np.any(cut.planes, axis=0)) for each, cut in cuts if not cut.problem]
            self._lines = (stamp, crossed_only(drawn))
        return self._lines[1]

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
        self._contents.forget(key)

    def enable(self, task: PanelTask, key: str, on: bool) -> None:
        """Switch an example on or off; one that is not there is ignored."""
        own = self._lists[task.makes_segments]
        own[:] = [replace(each, enabled=on) if each.key == key else each for each in own]

    def drawn_in(self, partner_id: str) -> list[SliceKey]:
        """The slices of the examples of segmentation that a segmentation labels."""
        return [each.place for each in self.of(PanelTask.SEGMENT) if each.partner_id == partner_id]

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
        nodes = {node for own in self._lists.values() for each in own for node in _nodes(each)}
        return nodes - {""}

    def load(self, path: str) -> int:
        """Add the prompts of a file as examples of segmentation and give their number.

        Raises:
            InputError: The file cannot be used.
        """
        prompts = self._contents.load(path)
        for each in prompts.prompts:
            self.add(PanelTask.SEGMENT, Example("", "", each.axis, each.index, each.enabled, path, each.key))
        return len(prompts.prompts)

    def versions(self, task: PanelTask) -> tuple[object, ...]:
        """Differs whenever another example is used, or one shows something else."""
        return tuple((each.key, self.cut(each).version) for each in self.used(task))

    def cut(self, example: Example) -> ExampleContent:
        """The pixels of an example as they are now."""
        return self._contents.of(example)

    def window(self, volume_id: str, volume: Volume) -> Window:
        """The intensity window of a volume, computed once."""
        return self._contents.window(volume_id, volume)

    def unshown(self, partner_id: str) -> tuple[str, ...]:
        """Names of the segments of a segmentation that no example in use shows."""
        try:
            classes = self._scene.classes(partner_id) if self._scene.nodes.is_segmentation(partner_id) else ()
        except MVGError:  # too many segments: the examples say so themselves
            return ()
        used = [self.cut(each) for each in self.used(PanelTask.SEGMENT)]
        labelled = {name for cut in used for name, _color in cut.look}
        return tuple(each.name for each in classes if each.name not in labelled)

    def rows(self, task: PanelTask, volume_id: str) -> tuple[ExampleRow, ...]:
        """The list as it is shown."""
        crossed = self._crossed(task)
        return tuple(self._row(each, volume_id, each.key in crossed) for each in self.of(task))

    def passes(self, with_slice: ExampleContent | None = None) -> list[PromptSet]:
        """The examples of segmentation that a run takes, across all axes: a set for each pass.

        A slice that is given stands for any other drawing of the same slice.
        """
        cuts = [self.cut(each) for each in self.used(PanelTask.SEGMENT)]
        cuts += [with_slice] if with_slice is not None else []
        slices = {cut.prompt.key: LayeredPrompt(cut.prompt, cut.planes) for cut in cuts if cut.prompt}
        return passes_of_slices(list(slices.values()), self._known_classes(slices.values()))

    def overlaps(self) -> bool:
        """Whether segments of an example that a run takes overlap."""
        return any(len(self.cut(each).planes) > 1 for each in self.used(PanelTask.SEGMENT))

    def prompt_set(self) -> PromptSet:
        """The same examples as one set: where segments overlap, the one of the highest number counts."""
        cuts = [self.cut(each) for each in self.used(PanelTask.SEGMENT)]
        prompts = {cut.prompt.key: cut.prompt for cut in cuts if cut.prompt is not None}
        classes = self._known_classes(LayeredPrompt(each, (each.labels,)) for each in prompts.values())
        return PromptSet(list(prompts.values()), classes)

    def _known_classes(self, slices: Iterable[LayeredPrompt]) -> tuple[SegmentClass, ...]:
        known = self._classes.classes
        present = {int(value) for each in slices for plane in each.planes for value in np.unique(plane)}
        return tuple(known.get(value, SegmentClass.default(value)) for value in sorted(present - {0}))

    def _row(self, example: Example, volume_id: str, crossed: bool) -> ExampleRow:
        cut = self.cut(example)
        why = _("Only slices of other views cross this one; draw on it, or remove the example.")
        foreign = example.volume_id != volume_id
        return ExampleRow(
            key=example.key,
            place=_place(example, cut),
            slice=None if foreign else example.place,
            segments=cut.look,
            source=self._source(example, cut) if foreign else "",
            enabled=example.enabled,
            can_jump=not foreign and not cut.problem,
            problem=why if crossed else cut.problem,
            thumbnail=cut.picture,
            version=4 * cut.version + 2 * crossed + foreign,
        )

    def _source(self, example: Example, cut: ExampleContent) -> str:
        if not example.path:
            return self._scene.nodes.name(example.volume_id)
        file = Path(example.path).name
        return f"{cut.prompt.source} ({file})" if cut.prompt is not None and cut.prompt.source else file


def _place(example: Example, cut: ExampleContent) -> str:
    if cut.prompt is None:
        return f"{AXIS_NAMES[example.axis]} {example.index}"
    return f"{Orientation.of(cut.prompt.geometry, example.axis).plane} {example.index}"


def _nodes(example: Example) -> tuple[str, str]:
    return example.volume_id, example.partner_id
