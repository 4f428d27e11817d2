"""What lies over the slices, all together: hidden with one key, as outlines or filled."""

from __future__ import annotations

from enum import Enum
from typing import Any

import slicer
from PyQt5 import QtCore

from MVGDesktop.document import Document


class Style(Enum):
    """How segments are drawn on slices."""

    BOTH = "outlines and areas"
    OUTLINE = "outlines"
    FILL = "areas"


class Overlays(QtCore.QObject):
    """Labels, confidence and previews.

    Attributes:
        hidden: Whether they are hidden for a look at the bare image.
        style: How segments are drawn.
    """

    told = QtCore.pyqtSignal(str)  # a sentence for the user

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.hidden = False
        self.style = Style.BOTH
        self._before: dict[Any, float] = {}
        self._tag = slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self._on_scene)
        self._document = document
        document.segmentationChanged.connect(lambda _id: self._draw())
        document.contentChanged.connect(lambda: self.hide(False))

    def close(self) -> None:
        """Follow the scene no longer."""
        slicer.mrmlScene.RemoveObserver(self._tag)

    def toggle(self) -> None:
        """Hide everything, or show again what was shown before."""
        self.hide(not self.hidden)
        self.told.emit("Labels and overlays are hidden; G shows them again." if self.hidden else "")

    def hide(self, hidden: bool) -> None:
        """Hide everything, or show it again."""
        if hidden == self.hidden:
            return
        self.hidden = hidden
        if hidden:
            self._hide_all()
            return
        for node, value in self._before.items():
            if node.GetScene() is not None:
                _set_visibility(node, value)
        self._before = {}

    def next_style(self) -> None:
        """Outlines and areas, outlines alone, areas alone, and round again."""
        styles = list(Style)
        self.set_style(styles[(styles.index(self.style) + 1) % len(styles)])
        self.told.emit(f"Segments are drawn as {self.style.value}.")

    def set_style(self, style: Style) -> None:
        """Draw segments in another way."""
        self.style = style
        self._draw()

    def _draw(self) -> None:
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"):
            node.SetVisibility2DOutline(self.style is not Style.FILL)
            node.SetVisibility2DFill(self.style is not Style.OUTLINE)

    def _hide_all(self) -> None:
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"):
            self._keep(node, float(node.GetVisibility()))
        for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            self._keep(node, node.GetForegroundOpacity())

    def _keep(self, node: Any, value: float) -> None:
        self._before[node] = value
        _set_visibility(node, 0.0)

    def _on_scene(self, *_: Any) -> None:
        if not slicer.mrmlScene.IsBatchProcessing() and self.style is not Style.BOTH:
            self._draw()


def _set_visibility(node: Any, value: float) -> None:
    if node.IsA("vtkMRMLSliceCompositeNode"):
        node.SetForegroundOpacity(value)
    else:
        node.SetVisibility(bool(value))
