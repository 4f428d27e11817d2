"""A result as it was before it was accepted or discarded, so that it can wait for its review again."""

from __future__ import annotations

from typing import Any

from MVGCore.errors import InputError
from MVGLib.scene import confidence
from MVGLib.scene.resultbase import INPUT, MARKS, with_helpers
from MVGLib.texts import _

_REFERENCES = (INPUT, confidence.ROLE)


class NodeSnapshot:
    """Holds the nodes of a result also when they have left the scene; they come back as the same nodes."""

    def __init__(self, scene: Any, node: Any) -> None:
        """
        Args:
            scene: `vtkMRMLScene`.
            node: A result that waits for review.
        """
        sure = confidence.of(node)
        self._scene = scene
        self._node = node
        self._nodes = [*(confidence.nodes_of(sure) if sure is not None else []), *with_helpers(node)]
        self._attributes = {name: node.GetAttribute(name) for name in MARKS}
        self._references = {role: node.GetNodeReferenceID(role) for role in _REFERENCES}
        self._display = node.GetDisplayNode()
        self._fill = self._display.GetOpacity2DFill() if node.IsA("vtkMRMLSegmentationNode") else None

    def bring_back(self) -> None:
        """Make the result wait for its review again, whether its node was kept or removed.

        Raises:
            InputError: Its volume is gone; nothing has changed then.
        """
        if self._scene.GetNodeByID(self._references[INPUT]) is None:
            raise InputError(_("The volume of the result is not in the scene any more; it cannot come back."))
        for each in self._nodes:
            if each.GetScene() is None:
                self._scene.AddNode(each)
        for name, value in self._attributes.items():
            self._node.SetAttribute(name, value)
        for role, node_id in self._references.items():
            if node_id:
                self._node.SetNodeReferenceID(role, node_id)
        if self._fill is not None:
            self._display.SetOpacity2DFill(self._fill)
