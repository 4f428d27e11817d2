"""Undo of what was written into a user's segmentation: one step per action, exact."""

from __future__ import annotations

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

    def save(self, node: Any) -> None:
        """Keep a segmentation as it is; call it once per action, before the write."""
        self._history = slicer.vtkSegmentationHistory()
        self._history.SetSegmentation(node.GetSegmentation())
        self._history.SaveState()
        self._node = node
        _save_in_segment_editor(node)

    def written(self) -> None:
        """Remember what the write made of it."""
        self._after = fingerprint(self._node)

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
