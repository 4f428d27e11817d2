"""Follows the nodes that the panel shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from MVGLib.control.protocols import SceneAccess


class NodeFollower:
    """Watches a set of nodes, each once."""

    def __init__(
        self,
        scene: SceneAccess,
        content: Callable[[str], object],
        renamed: Callable[[str], object],
        removed: Callable[[str], object],
    ) -> None:
        """
        Args:
            scene: Where the nodes are.
            content: Is told the id of a node whose voxels or segments were changed.
            renamed: Is told the id of a node with a new name.
            removed: Is told the id of a node that is gone.
        """
        self._scene = scene
        self._content = content
        self._renamed = renamed
        self._removed = removed
        self._tokens: dict[str, Any] = {}

    def follow(self, node_ids: set[str]) -> None:
        """Watch these nodes and no others; ids of no node are ignored."""
        present = {each for each in node_ids if each and self._scene.nodes.exists(each)}
        for node_id in set(self._tokens) - present:
            self._scene.nodes.unwatch(self._tokens.pop(node_id))
        for node_id in present - set(self._tokens):
            self._tokens[node_id] = self._watch(node_id)

    def _watch(self, node_id: str) -> Any:
        return self._scene.nodes.watch(
            node_id,
            content=lambda: self._content(node_id),
            renamed=lambda: self._renamed(node_id),
            removed=lambda: self._gone(node_id),
        )

    def _gone(self, node_id: str) -> None:
        token = self._tokens.pop(node_id, None)
        if token is not None:
            self._scene.nodes.unwatch(token)
        self._removed(node_id)
