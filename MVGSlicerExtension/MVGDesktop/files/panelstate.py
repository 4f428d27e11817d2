"""What the panel keeps in the scene, taken out of it and put into another one."""

from __future__ import annotations

import slicer

from MVGDesktop.files.record import PanelRecord
from MVGLib.control.parameters import RESULT, Parameters
from MVGLib.scene.resultbase import INPUT, MARKS


def panel_state() -> PanelRecord:
    """What the panel had been told until now; a result that is still being computed is none yet."""
    values, references = Parameters.of_scene(slicer.mrmlScene).kept()
    marks, inputs = {}, {}
    result = slicer.mrmlScene.GetNodeByID(references.get(RESULT, ""))
    if result is not None:
        marked = {name: result.GetAttribute(name) for name in MARKS}
        marks[result.GetID()] = {name: value for name, value in marked.items() if value is not None}
        inputs[result.GetID()] = result.GetNodeReferenceID(INPUT) or ""
    return PanelRecord(values, references, marks, inputs)


def put_back(state: PanelRecord, ids: dict[str, str]) -> None:
    """Tell the panel's node again what it had been told.

    Args:
        state: What `panel_state` gave.
        ids: The ids that nodes had -> those that they have now; others are gone.
    """
    scene = slicer.mrmlScene
    for node_id, attributes in state.marks.items():
        node, volume_id = scene.GetNodeByID(ids.get(node_id, "")), ids.get(state.inputs.get(node_id, ""), "")
        if node is not None and volume_id:
            for name in MARKS:
                if name in attributes:
                    node.SetAttribute(name, attributes[name])
            node.SetNodeReferenceID(INPUT, volume_id)
    references = {role: ids[node_id] for role, node_id in state.references.items() if node_id in ids}
    Parameters.of_scene(scene).bring_back(state.values, references)
