"""Setting widgets, but for what they show already: a widget that is set anew may tell of a change."""

from __future__ import annotations

from typing import Any

from MVGLib.control.state import ListChoice
from MVGLib.panel.qtread import read


def gate(widget: Any, tip: str, why: str) -> None:
    """Let a widget be used, or say in its tooltip why it cannot be."""
    widget.setEnabled(not why)
    widget.setToolTip(f"{tip}\n\n{why}" if why else tip)


def set_node(selector: Any, node_id: str) -> None:
    """Let a box of nodes stand on a node."""
    if (read(selector, "currentNodeID") or "") != node_id:
        selector.setCurrentNodeID(node_id)


def set_value(spin: Any, value: int) -> None:
    """Let a spin box show a whole number."""
    if int(read(spin, "value")) != value:
        spin.setValue(value)


def set_choices(box: Any, choices: list[ListChoice], value: str) -> None:
    """Fill a combo box and let it stand on the entry of a value, else on the first."""
    texts = [choice.text for choice in choices]
    if [box.itemText(place) for place in range(int(read(box, "count")))] != texts:
        box.clear()
        box.addItems(texts)
    values = [choice.value for choice in choices]
    place = values.index(value) if value in values else 0
    if int(read(box, "currentIndex")) != place:
        box.setCurrentIndex(place)
