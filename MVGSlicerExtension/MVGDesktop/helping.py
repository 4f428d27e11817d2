"""What mouse and keys do, to look up."""

from __future__ import annotations

from html import escape

from PyQt5 import QtWidgets

MOUSE = (
    ("Wheel", "next or previous slice"),
    ("Left drag, with Look", "window and level"),
    ("Left drag or click, with a tool", "paint, erase, draw, fill"),
    ("Right drag", "zoom"),
    ("Middle drag, or Shift and left drag", "pan"),
    ("Shift and move", "take the other views to the place under the mouse"),
    ("Shift and wheel, with Paint or Erase", "radius of the brush"),
    ("Double click", "this view alone, and back"),
)
SEEING = (
    ("Up, Down, Page up, Page down", "one or five slices on"),
    ("G", "hide all labels and overlays, and show them again"),
    ("O", "outlines, filled areas, or both"),
    ("Ctrl+0", "whole slices and all of 3-D"),
)
LABELLING = (
    ("V, P, E, D, F", "look, paint, erase, draw a polygon, fill"),
    ("T, M", "trace a line of one intensity, measure a distance"),
    ("Enter, Backspace, Esc", "while drawing: close the polygon, take a corner back, drop it"),
    ("[ and ]", "smaller and larger brush"),
    ("1 to 9", "choose a segment"),
    ("Ctrl+N, Delete", "add a segment; remove the one selected in the list"),
    ("Ctrl+Down, Ctrl+Up", "copy the labels of the nearest labelled slice below or above"),
    ("Ctrl+T", "take this slice of the result into your labels"),
    ("Ctrl+Z, Ctrl+Y", "undo, redo"),
)
RUNNING = (
    ("A", "use the current slice as an example"),
    ("0, X", "the selected segment is not on this slice; it ends on this slice"),
    ("Space", "preview of the current slice"),
    ("C", "fill in the rest of the current slice, on which a little of each segment is drawn"),
    ("Ctrl+Enter", "apply"),
    ("Esc", "cancel; else hide the preview"),
    ("N", "go to the slice to label next, or to a question where an answer helps more"),
    ("Y, N", "answer the question whose slice is in view"),
    ("B", "before and after"),
)
FILES = (
    ("Ctrl+O, Ctrl+L, Ctrl+D", "open an image, labels, a DICOM folder"),
    ("Ctrl+S, Ctrl+Shift+S", "save, save under another name"),
    ("Ctrl+W", "close what is open"),
)
SECTIONS = (
    ("Mouse in a slice", MOUSE),
    ("Seeing", SEEING),
    ("Labelling", LABELLING),
    ("Running", RUNNING),
    ("Files", FILES),
)
PURPOSE = "MVG is for research. It is not a medical device and must not guide diagnosis or treatment."


def help_text() -> str:
    """All of it, as HTML: a table for each section."""
    parts = []
    for title, rows in SECTIONS:
        lines = "".join(
            f"<tr><td style='padding-right: 18px'><b>{escape(key)}</b></td><td>{escape(what)}</td></tr>"
            for key, what in rows
        )
        parts.append(f"<h3>{title}</h3><table>{lines}</table>")
    return "".join(parts) + f"<p>{PURPOSE}</p>"


class Help(QtWidgets.QDialog):
    """Stays open beside the work."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Mouse and keys")
        self.text = QtWidgets.QTextBrowser(self)
        self.text.setHtml(help_text())
        self.text.setAccessibleName("Mouse and keys")
        buttons = QtWidgets.QDialogButtonBox(QtWidgets.QDialogButtonBox.Close, self)
        buttons.rejected.connect(self.close)  # type: ignore[arg-type]  # Qt drops what a slot returns
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        self.resize(600, 640)
