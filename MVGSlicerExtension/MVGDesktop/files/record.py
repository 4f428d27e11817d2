"""What an autosave says of itself: which files hold what, and what the panel knew; read with care."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from MVGCore.private import is_own_file
from MVGCore.volume import atomic_path

RECORD = "record.json"
_MOST_BYTES = 4 << 20

Texts = dict[str, str]


@dataclass(frozen=True)
class Image:
    """A volume: its file, its name in the scene, and the id that its node had."""

    path: str
    name: str
    id: str = ""


@dataclass(frozen=True)
class PanelRecord:
    """What the panel had been told, by the ids that the nodes had.

    Attributes:
        values: The parameters of the panel's node.
        references: Role -> id.
        marks: Id of a result that waits for its review -> its attributes.
        inputs: Id of such a result -> id of the volume that it belongs to.
    """

    values: Texts = field(default_factory=dict)
    references: Texts = field(default_factory=dict)
    marks: dict[str, Texts] = field(default_factory=dict)
    inputs: Texts = field(default_factory=dict)


@dataclass(frozen=True)
class SceneRecord:
    """All of it.

    Attributes:
        images: The volumes; the first one is what was shown.
        labels: File in the folder of the record -> name of the segmentation.
        ids: The same file -> the id that its node had.
        panel: What the panel had been told.
        saved_at: Seconds since 1970.
        pid, started: The process that wrote it.
    """

    images: tuple[Image, ...]
    labels: Texts
    ids: Texts
    panel: PanelRecord
    saved_at: float
    pid: float
    started: float

    @property
    def alive(self) -> bool:
        """Whether its process still runs; the number may belong to another one by now."""
        try:
            return abs(psutil.Process(int(self.pid)).create_time() - self.started) < 1.0
        except (psutil.Error, ValueError, OverflowError):
            return False


def write_record(folder: Path, images: list[Image], labels: Texts, ids: Texts, panel: PanelRecord) -> None:
    """Write the record of this process into a folder; it is moved into place as a whole."""
    first, *others = images
    content = {
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "saved_at": time.time(),
        "volume": first.path,
        "volume_name": first.name,
        "volume_id": first.id,
        "others": [vars(each) for each in others],
        "segmentations": labels,
        "ids": ids,
        "panel": vars(panel),
    }
    with atomic_path(folder / RECORD) as scratch:
        scratch.write_text(json.dumps(content), encoding="utf-8")


def read_record(path: Path) -> SceneRecord:
    """Read a record, also one of a former version, which knew less.

    Raises:
        OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError: It is damaged, or not ours.
    """
    if not is_own_file(path) or path.stat().st_size > _MOST_BYTES:
        raise ValueError("it is no record of this user's")
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError("it is no dictionary")
    saved_at = _number(content, "saved_at")
    time.localtime(saved_at)  # of years that no calendar has it raises
    others = content.get("others", [])
    if not isinstance(others, list):
        raise TypeError("others is no list")
    first = Image(_text(content, "volume"), _text(content, "volume_name"), str(content.get("volume_id", "")))
    images = (first, *(Image(**_texts(each)) for each in others))
    labels = {_file_name(file): name for file, name in _texts(content["segmentations"]).items()}
    ids = _texts(content.get("ids", {}))
    times = _number(content, "pid"), _number(content, "started")
    return SceneRecord(images, labels, ids, _panel(content.get("panel", {})), saved_at, *times)


def _panel(content: Any) -> PanelRecord:
    if not isinstance(content, dict):
        raise TypeError("panel is no dictionary")
    marks = content.get("marks", {})
    if not isinstance(marks, dict):
        raise TypeError("marks is no dictionary")
    return PanelRecord(
        _texts(content.get("values", {})),
        _texts(content.get("references", {})),
        {str(node_id): _texts(each) for node_id, each in marks.items()},
        _texts(content.get("inputs", {})),
    )


def _texts(content: Any) -> Texts:
    if not isinstance(content, dict):
        raise TypeError("it is no dictionary of texts")
    return {key: _text(content, key) for key in content}


def _text(content: dict[str, Any], key: str) -> str:
    value = content[key]
    if not isinstance(value, str) or "\0" in value:
        raise TypeError(f"{key} is no text")
    return value


def _number(content: dict[str, Any], key: str) -> float:
    value = content[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"{key} is no number")
    return value


def _file_name(name: str) -> str:
    """The name of a file in the folder of the record, and not elsewhere."""
    if name != Path(name).name or name in ("", ".", "..") or "\0" in name:
        raise ValueError(f"{name!r} is no name of a file")
    return name
