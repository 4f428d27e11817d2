"""The review page: one HTML file that needs nothing else, for a single result or for hundreds."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from MVGCore.report.pictures import Picture
from MVGCore.volume import SegmentClass, atomic_path

RESULT, TRUTH, OTHER = "result", "truth", "other"


@dataclass(frozen=True)
class ClassRow:
    """What the page tells of one class of a volume; what is unknown is None and left out.

    Attributes:
        id: label value.
        ml: volume in millilitres.
        confidence, expected: how sure the result is, and the Dice to expect.
        unlike: what is unlike the other volumes, in words.
        dice, hd95, surface: Dice, HD95 in mm and surface Dice to the truth.
        agreement: Dice to the other run.
    """

    id: int
    ml: float
    confidence: float | None = None
    expected: float | None = None
    unlike: tuple[str, ...] = ()
    dice: float | None = None
    hd95: float | None = None
    surface: float | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class VolumePart:
    """One volume on the page.

    Attributes:
        id: names it in the exported review; tells nothing of the patient.
        label: shown as its headline.
        confidence: mean over its classes; None if unknown.
        expected: mean Dice to expect.
        classes: its classes.
        slices: (index, confidence) along the axis of its slices.
        given: slices that were labelled by hand.
        notes: what the user should know.
        reason: why there is no result; empty if there is one.
        dice, agreement: means over the classes.
    """

    id: str
    label: str
    confidence: float | None = None
    expected: float | None = None
    classes: tuple[ClassRow, ...] = ()
    slices: tuple[tuple[int, float], ...] = ()
    given: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    dice: float | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class Page:
    """What is on the page beside the volumes.

    Attributes:
        title: the headline.
        key: under which the browser keeps the review; another key begins a new one.
        classes: names and colours.
        maps: which label maps the pictures outline, in their order: `RESULT`, then `TRUTH` and `OTHER`.
    """

    title: str
    key: str
    classes: Sequence[SegmentClass]
    maps: Sequence[str] = field(default=(RESULT,))


def write_page(
    path: Path, page: Page, volumes: Sequence[VolumePart], pictures: Iterable[Sequence[Picture]]
) -> None:
    """Write the page.

    Args:
        path: where to.
        page: its frame.
        volumes: in the order of the data set.
        pictures: of each volume, in the same order; taken one after the other, so that they need not all be
            in memory.

    Raises:
        OutputError: the file cannot be written.
    """
    data = {
        "key": page.key,
        "maps": list(page.maps),
        "classes": [{"id": c.id, "name": c.name, "color": _hex(c.color)} for c in page.classes],
        "volumes": [_volume(order, each) for order, each in enumerate(volumes)],
    }
    head, tail = _template(page, data)
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        stream.write(head)
        for order, each in enumerate(pictures):
            content = _inside_script([asdict(picture) for picture in each])
            stream.write(f'<script type="application/json" id="pictures-{order}">{content}</script>\n')
        stream.write(tail)


def _template(page: Page, data: dict[str, Any]) -> tuple[str, str]:
    """What comes before and after the pictures."""
    text = _asset("page.html")
    parts = {"TITLE": html.escape(page.title), "STYLE": _asset("page.css"), "DATA": _inside_script(data)}
    for name, content in parts.items():
        text = text.replace(f"@{name}@", content)
    head, tail = text.split("@PICTURES@\n")
    return head, tail.replace("@SCRIPT@", _asset("page.js"))


def _asset(name: str) -> str:
    return (resources.files("MVGCore.report") / "assets" / name).read_text(encoding="utf-8")


def _inside_script(content: Any) -> str:
    """JSON that cannot end the element that holds it."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _volume(order: int, volume: VolumePart) -> dict[str, Any]:
    values = asdict(volume)
    values["classes"] = [{k: v for k, v in each.items() if v is not None} for each in values["classes"]]
    return {**values, "order": order, "unlike": sum(len(each.unlike) for each in volume.classes)}


def _hex(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * value):02x}" for value in color)
