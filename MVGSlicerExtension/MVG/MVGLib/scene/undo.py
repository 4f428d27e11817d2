"""Undo of what was written into a user's segmentation: one step per action, exact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer

from MVGLib.scene.fingerprint import fingerprint


class Undo:
    """Keeps the segmentation as it was before the last write.

    Slicer's Segment Editor has a history of its own; if it shows the segmentation, it is given the state as
    well, so that its Undo button works.
    """

    def __init__(self) -> None:
        self._history: Any = None
        self._node: Any = None
        self._after = ""

    @contextmanager
    def step(self, node: Any) -> Iterator[None]:
        """Keep a segmentation as it is and write in the block, once per action.

        If the block fails, the segmentation is as it was before.
        """
        self._history = slicer.vtkSegmentationHistory()
        self._history.SetSegmentation(node.GetSegmentation())
        self._history.SaveState()
        _save_in_segment_editor(node)
        try:
            yield
        except BaseException:
            self._history.RestorePreviousState()
            self.forget()
            raise
        self._node, self._after = node, fingerprint(node)

    def undo(self) -> bool:
        """Take the last write back; False if there is none or the segments were edited since."""
        node, self._node = self._node, None
        if node is None or node.GetScene() is None or fingerprint(node) != self._after:
            return False
        return bool(self._history.RestorePreviousState())

    def forget(self) -> None:
        """Drop what is kept."""
        self._history = self._node = None


def _save_in_segment_editor(node: Any) -> None:
    # The widget exists once the user has opened the module.
    widget = getattr(slicer.modules, "SegmentEditorWidget", None)
    editor = getattr(widget, "editor", None)
    if editor is not None and editor.segmentationNode() == node:
        editor.saveStateForUndo()
