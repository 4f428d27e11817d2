"""Autosave while working, and what is left of it after a crash."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from PyQt5 import QtCore, QtGui

from MVGCore.errors import MVGError
from MVGCore.private import make_private
from MVGCore.volume import Segmentation, Volume, write_segmentation, write_volume
from MVGDesktop.document import Document
from MVGDesktop.files.nodes import PATH_ATTRIBUTE, segmentation_of, volume_of
from MVGDesktop.files.panelstate import panel_state
from MVGDesktop.files.record import RECORD, Image, PanelRecord, SceneRecord, read_record, write_record
from MVGDesktop.segmentations import seen_segmentations

INTERVAL_MS = 20_000
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
        record: What it holds; its images may have been moved meanwhile.
    """

    folder: Path
    record: SceneRecord

    @property
    def volume(self) -> Path:
        """The image that was shown."""
        return Path(self.record.images[0].path)

    @property
    def segmentations(self) -> dict[Path, str]:
        """File -> name in the scene."""
        return {self.folder / file: name for file, name in self.record.labels.items()}

    @property
    def saved_at(self) -> float:
        """Seconds since 1970."""
        return self.record.saved_at

    @property
    def text(self) -> str:
        """For the question whether to take it up again."""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.saved_at))
        names = [self.record.images[0].name, *self.record.labels.values()]
        return f"{', '.join(names)} ({when})"

    def discard(self) -> None:
        """Delete it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def leftovers(base: Path | None = None) -> list[Leftover]:
    """What windows that are gone left behind, newest first; damaged records are skipped."""
    left = []
    for path in (base or recovery_folder()).glob(f"*/{RECORD}"):
        try:
            record = read_record(path)
        # The last one is for lists in lists in lists.
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            logging.warning("MVG: %s is left out (%s)", path, error)
            continue
        if not record.alive:
            left.append(Leftover(path.parent, record))
    return sorted(left, key=lambda each: -each.saved_at)


class Autosave(QtCore.QObject):
    """Writes labels, images without a file and the panel's state every 20 seconds if they changed.

    The voxels go to the disk in a thread.

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
        self._volume_files: dict[str, tuple[str, int]] = {}  # id -> file, and time of the voxels in it
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

    def note_change(self) -> None:
        """Something that no file of labels holds was changed, such as the list of examples."""
        self._changed = True

    def _on_change(self) -> None:
        if self._document.unsaved.ids():
            self._changed = True

    def _snapshot(self) -> _Work:
        """Copies of all that has to be written; the thread must not touch the scene."""
        panel, first = panel_state(), self._document.volume
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        volumes = [first, *(each for each in nodes if each is not first and self._counts(each, panel))]
        images, copies = [], {}
        for node in volumes:
            path, copy = self._file_of(node)
            images.append(Image(path, node.GetName(), node.GetID()))
            if copy is not None:
                copies[path] = copy
        labels = [
            _Labels(node.GetID(), node.GetName(), segmentation_of(node))
            for node in seen_segmentations()
            if self._counts(node, panel) and node.GetSegmentation().GetNumberOfSegments()
        ]
        return _Work(images, copies, labels, panel)

    def _counts(self, node: Any, panel: PanelRecord) -> bool:
        """Whether a node is the user's, or a result that is complete."""
        unfinished = node.GetAttribute(_RESULT_ATTRIBUTE) and node.GetID() not in panel.marks
        return not node.GetHideFromEditors() and not unfinished

    def _file_of(self, node: Any) -> tuple[str, Volume | None]:
        """The file of a volume, and a copy of its voxels if they have to be written there."""
        path = node.GetAttribute(PATH_ATTRIBUTE)
        if path:
            return path, None
        stamp = node.GetImageData().GetMTime()
        # The ids of nodes come from files: they are no names for ours.
        new = str(self.folder / f"volume-{len(self._volume_files)}.nrrd")
        path, written = self._volume_files.get(node.GetID(), (new, -1))
        if stamp == written:
            return path, None
        self._volume_files[node.GetID()] = (path, stamp)
        original = volume_of(node)
        return path, Volume(np.array(original.array), original.geometry, original.name)

    def _write(self, work: _Work) -> None:
        try:
            make_private(self.folder.parent)
            make_private(self.folder)
            for path, copy in work.copies.items():
                write_volume(path, copy)
            # New files beside the old ones: whenever the process ends, the record fits its files.
            self._round += 1
            names, ids = {}, {}
            for number, each in enumerate(work.labels):
                file = f"labels-{self._round}-{number}.seg.nrrd"
                write_segmentation(self.folder / file, each.segmentation)
                names[file], ids[file] = each.name, each.id
            write_record(self.folder, work.images, names, ids, work.panel)
            for former in self.folder.glob("labels-*.seg.nrrd"):
                if former.name not in names:
                    former.unlink()
            for kept in self.folder.iterdir():
                kept.chmod(0o600)  # as the folder: also where it is copied elsewhere
        except (OSError, MVGError) as error:
            self._changed = True  # the next turn tries again
            self._volume_files.clear()
            self.failed.emit(str(error))


@dataclass(frozen=True, eq=False)
class _Labels:
    id: str
    name: str
    segmentation: Segmentation


@dataclass(frozen=True, eq=False)
class _Work:
    images: list[Image]
    copies: dict[str, Volume]  # file -> what is to be written there
    labels: list[_Labels]
    panel: PanelRecord
