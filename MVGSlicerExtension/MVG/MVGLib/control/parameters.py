"""The panel's state in a MRML parameter node, so that it survives saving and reopening the scene.

Plain `vtkMRMLScriptedModuleNode` parameters and node references: they work in 3D Slicer and on slicer-core
alike, and references follow when MRML renames a node on import.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from MVGCore.volume import SliceKey
from MVGLib.control.claims import PanelClaim
from MVGLib.control.examples import Example
from MVGLib.control.generated import Sums
from MVGLib.control.reviewstate import EndQuestion, Review, SliceScore
from MVGLib.control.runsettings import PanelTask, RunSettings

MODULE = "MVG"
RESULT, RESULT_VOLUME = "Result", "ResultVolume"
VOLUME, LABELS, TARGET, MASK, DRAFT = "Volume", "Labels", "Wanted", "Mask", "Draft"
_SOURCE = "Source"  # with a number: a node that examples are taken from


class Parameters:
    """Reads and writes what the controller keeps.

    Writing a value that is there already does not modify the node.
    """

    def __init__(self, node: Any) -> None:
        """
        Args:
            node: `vtkMRMLScriptedModuleNode`.
        """
        self.node = node

    @classmethod
    def of_scene(cls, scene: Any) -> Parameters:
        """The parameters in the scene's one node for this module, which is made if there is none."""
        tag = f"vtkMRMLScriptedModuleNode{MODULE}"
        node = scene.GetSingletonNode(MODULE, "vtkMRMLScriptedModuleNode") or scene.GetNodeByID(tag)
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag(MODULE)
            node.SetModuleName(MODULE)
            node.SetName(MODULE)
            node = scene.AddNode(node)
        return cls(node)

    def settings(self) -> RunSettings:
        """The user's choices; what is missing or damaged has its default."""
        record, settings = self._json("Settings", {}), dict[str, Any]()
        for each in fields(RunSettings):
            value = record.get(each.name)
            if each.name == "task":
                settings["task"] = (
                    PanelTask(value) if value in {task.value for task in PanelTask} else RunSettings.task
                )
            elif type(value) is type(getattr(RunSettings, each.name)):
                settings[each.name] = value
        return RunSettings(**settings)

    def set_settings(self, settings: RunSettings) -> None:
        """Keep the user's choices."""
        self._set_json("Settings", {**asdict(settings), "task": settings.task.value})

    def node_id(self, role: str) -> str:
        """The id of a node kept under a role, or empty."""
        return self.node.GetNodeReferenceID(role) or ""

    def set_node_id(self, role: str, node_id: str) -> None:
        """Keep a node; an empty id forgets it."""
        if self.node_id(role) != node_id:
            self.node.SetNodeReferenceID(role, node_id or None)

    def examples(self, task: PanelTask) -> list[Example]:
        """The examples of a task; those whose nodes are not referred to any more are left out."""
        examples = []
        for record in self._json(_examples_name(task), []):
            volume_id, partner_id = (self._source(record.get(name)) for name in ("volume", "partner"))
            path = str(record.get("path", ""))
            if path or (volume_id and partner_id):
                examples.append(
                    Example(
                        volume_id,
                        partner_id,
                        int(record["axis"]),
                        int(record["index"]),
                        bool(record["enabled"]),
                        path,
                        str(record.get("prompt", "")),
                    )
                )
        return examples

    def set_examples(self, task: PanelTask, examples: Sequence[Example]) -> None:
        """Keep the examples of a task."""
        records = [
            {
                "volume": self._number(each.volume_id),
                "partner": self._number(each.partner_id),
                "axis": each.axis,
                "index": each.index,
                "enabled": each.enabled,
                "path": each.path,
                "prompt": each.prompt,
            }
            for each in examples
        ]
        self._set_json(_examples_name(task), records)

    def claims(self) -> list[PanelClaim]:
        """What is known of other slices; what belongs to a volume that is gone is left out."""
        claims = []
        for record in self._json("Absent", []):
            volume_id = self._source(record.get("volume"))
            if volume_id:
                place = (int(record["axis"]), int(record["first"]), int(record["last"]))
                said = (str(record["name"]), bool(record["enabled"]), bool(record.get("present", False)))
                claims.append(PanelClaim(volume_id, *place, *said))
        return claims

    def set_claims(self, claims: Sequence[PanelClaim]) -> None:
        """Keep what is known of other slices."""
        records = [{**asdict(each), "volume": self._number(each.volume_id)} for each in claims]
        for record in records:
            del record["volume_id"]
        self._set_json("Absent", records)  # the name of the first version, which knew absence only

    def class_names(self) -> dict[str, int]:
        """Which number stands for which class."""
        return {str(name): int(number) for name, number in self._json("Classes", {}).items()}

    def set_class_names(self, names: dict[str, int]) -> None:
        """Keep which number stands for which class."""
        self._set_json("Classes", names)

    def generated(self) -> dict[tuple[str, str], Sums]:
        """(Segmentation, volume) -> checksums of the slices that accepted results have left there."""
        checksums = {}
        for record in self._json("Generated", []):
            nodes = self._source(record["partner"]), self._source(record["volume"])
            if all(nodes):
                checksums[nodes] = {
                    SliceKey(axis, index): checksum for axis, index, checksum in record["slices"]
                }
        return checksums

    def set_generated(self, sums: dict[tuple[str, str], Sums]) -> None:
        """Keep the checksums of the slices that accepted results have left."""
        records = [
            {
                "partner": self._number(partner_id),
                "volume": self._number(volume_id),
                "slices": [[place.axis, place.index, checksum] for place, checksum in sorted(own.items())],
            }
            for (partner_id, volume_id), own in sums.items()
        ]
        self._set_json("Generated", records)

    def review(self) -> Review | None:
        """The result that waits to be reviewed, if its node is still there."""
        record, node_id = self._json("Review", {}), self.node_id(RESULT)
        if not record or not node_id or self.node.GetNodeReference(RESULT) is None:
            return None
        expected = record["expected"]
        return Review(
            node_id=node_id,
            volume_id=self.node_id(RESULT_VOLUME),
            task=PanelTask(record["task"]),
            axis=record["axis"],
            depth=record["depth"],
            plane=record["plane"],
            slices={int(index): SliceScore(*score) for index, score in record["slices"].items()},
            known=tuple(record["known"]),
            expected=SliceScore(*expected) if expected else None,
            next_slice=record["next"],
            questions=tuple(EndQuestion(*each) for each in record.get("end_questions", ())),
            ask_first=bool(record.get("ask_first", False)),
            notes=tuple(record["notes"]),
        )

    def set_review(self, review: Review | None) -> None:
        """Keep what is known of a result; None forgets it."""
        self.set_node_id(RESULT, review.node_id if review else "")
        self.set_node_id(RESULT_VOLUME, review.volume_id if review else "")
        if review is None:
            self._set_json("Review", {})
            return
        record = {
            "task": review.task.value,
            "axis": review.axis,
            "depth": review.depth,
            "plane": review.plane,
            "slices": {str(index): _plain(score) for index, score in review.slices.items()},
            "known": list(review.known),
            "expected": _plain(review.expected) if review.expected else None,
            "next": review.next_slice,
            "end_questions": [list(asdict(each).values()) for each in review.questions],
            "ask_first": review.ask_first,
            "notes": list(review.notes),
        }
        self._set_json("Review", record)

    def kept(self) -> tuple[dict[str, str], dict[str, str]]:
        """All that is kept: the parameters, and role -> id of the nodes that are referred to."""
        values = {name: self.node.GetParameter(name) for name in self.node.GetParameterNames()}
        sources = range(int(self.node.GetParameter("SourceCount") or 0))
        roles = (VOLUME, LABELS, TARGET, MASK, DRAFT, RESULT, RESULT_VOLUME)
        nodes = {role: self.node_id(role) for role in (*roles, *(f"{_SOURCE}{each}" for each in sources))}
        return values, {role: node_id for role, node_id in nodes.items() if node_id}

    def bring_back(self, values: dict[str, str], references: dict[str, str]) -> None:
        """Keep again what `kept` gave, with the ids of now."""
        for name, value in values.items():
            self.node.SetParameter(name, value)
        for role, node_id in references.items():
            self.set_node_id(role, node_id)

    def _source(self, number: Any) -> str:
        return self.node_id(f"{_SOURCE}{number}") if isinstance(number, int) and number >= 0 else ""

    def _number(self, node_id: str) -> int:
        """The number under which a node is referred to, which is made if there is none; -1 for no node.

        Numbers are not used again: MRML empties the reference to a node that is removed, and an example that
        still has its number must not come to mean another node.
        """
        if not node_id:
            return -1
        count = int(self.node.GetParameter("SourceCount") or 0)
        for number in range(count):
            if self._source(number) == node_id:
                return number
        self.node.SetNodeReferenceID(f"{_SOURCE}{count}", node_id)
        self.node.SetParameter("SourceCount", str(count + 1))
        return count

    def _json(self, name: str, default: Any) -> Any:
        try:
            value = json.loads(self.node.GetParameter(name) or "null")
        except json.JSONDecodeError:
            return default
        return value if type(value) is type(default) else default

    def _set_json(self, name: str, value: Any) -> None:
        text = json.dumps(value, ensure_ascii=False) if value else ""
        if self.node.GetParameter(name) != text:
            self.node.SetParameter(name, text)


def _examples_name(task: PanelTask) -> str:
    """Tasks whose examples are of the same kind share them."""
    return "LabelledExamples" if task.makes_segments else "ImageExamples"


def _plain(score: SliceScore) -> list[float | None]:
    return [score.value, score.error]
