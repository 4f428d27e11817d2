"""What a list of nodes says, and what of it the user has chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from MVGLib.panel.qtread import read


def follow_selector(selector: Any, known: Callable[[], str], choose: Callable[[str], object]) -> None:
    """Have `choose` called when the user, or a script, chooses a node.

    A `qMRMLNodeComboBox` also stands on another node when its own is removed or hidden, and it is emptied and
    filled again at the end of an import and of a close. The node in use is not on offer then, and nobody has
    chosen.

    Args:
        selector: `qMRMLNodeComboBox`.
        known: Gives the id of the node that is in use, or "".
        choose: Is told the id of the node that was chosen, or "".
    """

    def chosen(*_node: Any) -> None:
        node_id = read(selector, "currentNodeID") or ""
        if node_id != known():
            choose(node_id)

    def changed(*_node_id: Any) -> None:
        in_use = known()
        if not in_use or _lists(selector, in_use):
            chosen()

    selector.nodeActivated.connect(chosen)
    selector.currentNodeIDChanged.connect(changed)


def _lists(selector: Any, node_id: str) -> bool:
    """Whether a node can be chosen in a selector."""
    nodes = (selector.nodeFromIndex(index) for index in range(selector.nodeCount()))
    return any(node is not None and node.GetID() == node_id for node in nodes)
