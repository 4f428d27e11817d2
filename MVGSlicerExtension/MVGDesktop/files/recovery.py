"""Autosave while working, and what is left of it after a crash."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PyQt5 import QtCore, QtGui

from MVGCore.errors import MVGError
from MVGCore.private import is_own_file, make_private
from MVGCore.volume import Segmentation, Volume, atomic_path, write_segmentation, write_volume
from MVGDesktop.document import Document
from MVGDesktop.files.nodes import PATH_ATTRIBUTE, segmentation_of, volume_of
from MVGDesktop.segmentations import seen_segmentations

INTERVAL_MS = 20_000
_RECORD = "record.json"
_MOST_RECORD = 1 << 20  # bytes
_RESULT_ATTRIBUTE = "MVG.Result"  # a result of MVG that nobody accepted yet


def recovery_folder() -> Path:
    """Where all windows of the user keep their work, each in a folder of its own."""
    base = QtCore.QStandardPaths.writableLocation(QtCore.QStandardPaths.AppLocalDataLocation)
    return Path(base) / "recovery"


@dataclass(frozen=True)
class Leftover:
    """Work of a window that did not end well.

    Attributes:
        folder: Where it lies.
        volume: The image's file; it may have been moved meanwhile.
        volume_name: Its name in the scene.
        segmentations: File -> name in the scene.
        saved_at: Seconds since 1970.
    """

    folder: Path
    volume: Path
    volume_name: str
    segmentations: dict[Path, str]
    saved_at: float

    @property
    def text(self) -> str:
        """For the question whether to take it up again."""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.saved_at))
        return f"{self.volume_name}, {', '.join(self.segmentations.values())} ({when})"

    def discard(self) -> None:
        """Delete it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def leftovers(base: Path | None = None) -> list[Leftover]:
    """What windows that are gone left behind, newest first; damaged records are skipped."""
    found = []
    for record in (base or recovery_folder()).glob(f"*/{_RECORD}"):
        try:
            content = _read(record)
            leftover = _leftover(record.parent, content)
            if not _alive(_number(content, "pid"), _number(content, "started")):
                found.append(leftover)
        # The last one is for lists in lists in lists.
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            logging.warning("MVG: %s is left out (%s)", record, error)
    return sorted(found, key=lambda each: -each.saved_at)


class Autosave(QtCore.QObject):
    """Writes the segmentations every 20 seconds if they changed; the voxels go to the disk in a thread.

    Attributes:
        folder: Of this window.
    """

    failed = QtCore.pyqtSignal(str)

    def __init__(self, document: Document, base: Path | None = None, interval_ms: int = INTERVAL_MS) -> None:
        super().__init__(document)
        self.folder = (base or recovery_folder()) / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._document = document
        self._changed = False
        self._thread: threading.Thread | None = None
        self._volume_files: dict[str, str] = {}
        self._round = 0
        document.contentChanged.connect(self._on_change)
        document.unsaved.changed.connect(lambda unsaved: None if unsaved else self.clear())
        self.failed.connect(lambda text: logging.warning("MVG: autosave: %s", text))
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self.save)
        self._timer.start(interval_ms)

    def save(self) -> None:
        """Write what changed since the last time, unless it is still being written or the hand draws."""
        if not self._changed or self.writing or self._document.volume is None:
            return
        if QtGui.QGuiApplication.mouseButtons():
            return
        try:
            work = self._snapshot()
        except MVGError as error:
            self.failed.emit(str(error))
            return
        self._changed = False
        self._thread = threading.Thread(target=self._write, args=(work,), daemon=True)
        self._thread.start()

    @property
    def writing(self) -> bool:
        """Whether the thread is at it."""
        return self._thread is not None and self._thread.is_alive()

    def clear(self) -> None:
        """Everything is saved or given up: nothing is to be recovered."""
        self._changed = False
        if self._thread is not None:
            self._thread.join()
        self._volume_files.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """The window closes in good order."""
        self._timer.stop()
        self.clear()

    def _on_change(self) -> None:
        if self._document.unsaved.ids():
            self._changed = True

    def _snapshot(self) -> _Work:
        """Copies of all that has to be written; the thread must not touch the scene."""
        document = self._document
        volume = document.volume
        path = volume.GetAttribute(PATH_ATTRIBUTE) or self._volume_files.get(document.volume_id, "")
        image = None
        if not path:  # made here, or by MVG: there is no file of it yet
            original = volume_of(volume)
            image = Volume(np.array(original.array), original.geometry, original.name)
            # The ids of nodes come from files: they are no names for ours.
            path = str(self.folder / f"volume-{len(self._volume_files)}.nrrd")
            self._volume_files[document.volume_id] = path
        segmentations = [
            (node.GetName(), segmentation_of(node))
            for node in seen_segmentations()
            if not node.GetAttribute(_RESULT_ATTRIBUTE) and node.GetSegmentation().GetNumberOfSegments()
        ]
        return _Work(path, volume.GetName(), image, segmentations)

    def _write(self, work: _Work) -> None:
        try:
            make_private(self.folder.parent)
            make_private(self.folder)
            if work.image is not None:
                write_volume(work.path, work.image)
            # New files beside the old ones: whenever the process ends, the record fits its files.
            self._round += 1
            files = {}
            for number, (name, segmentation) in enumerate(work.segmentations):
                file = f"labels-{self._round}-{number}.seg.nrrd"
                write_segmentation(self.folder / file, segmentation)
                files[file] = name
            record = {
                "pid": os.getpid(),
                "started": psutil.Process().create_time(),
                "saved_at": time.time(),
                "volume": work.path,
                "volume_name": work.volume_name,
                "segmentations": files,
            }
            with atomic_path(self.folder / _RECORD) as scratch:
                scratch.write_text(json.dumps(record), encoding="utf-8")
            for former in self.folder.glob("labels-*.seg.nrrd"):
                if former.name not in files:
                    former.unlink()
        except (OSError, MVGError) as error:
            self._changed = True  # the next turn tries again
            self.failed.emit(str(error))


@dataclass(frozen=True)
class _Work:
    path: str
    volume_name: str
    image: Volume | None
    segmentations: list[tuple[str, Segmentation]]


def _read(record: Path) -> dict[str, Any]:
    """What a record says, as far as JSON goes."""
    if not is_own_file(record) or record.stat().st_size > _MOST_RECORD:
        raise ValueError("it is no record of this user's")
    content = json.loads(record.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError("it is no dictionary")
    return content


def _leftover(folder: Path, content: dict[str, Any]) -> Leftover:
    segmentations = content["segmentations"]
    if not isinstance(segmentations, dict):
        raise TypeError("segmentations is no dictionary")
    files = {folder / _file_name(file): _text(segmentations, file) for file in segmentations}
    saved_at = _number(content, "saved_at")
    time.localtime(saved_at)  # of years that no calendar has it raises
    return Leftover(folder, Path(_text(content, "volume")), _text(content, "volume_name"), files, saved_at)


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


def _alive(pid: float, started: float) -> bool:
    """Whether the process of a record still runs; its number may belong to another one by now."""
    try:
        return abs(psutil.Process(int(pid)).create_time() - started) < 1.0
    except (psutil.Error, ValueError, OverflowError):
        return False
