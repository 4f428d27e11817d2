"""Loading the `.ui` files of Slicer modules with PyQt5."""

from __future__ import annotations

import io
import os
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

from PyQt5 import QtCore, QtWidgets, uic

from MVGDesktop import qtwidgets
from MVGDesktop.stubs import pyqtProperty


def loadUI(path: str | os.PathLike[str]) -> QtWidgets.QWidget:
    """Make the widget that a `.ui` file describes; `slicer.util.loadUI()`.

    Slicer's own widget classes become their counterparts in `MVGDesktop.qtwidgets`; lists of nodes have no
    scene yet, as in Slicer. The file's `<connections>` are left out: their slots exist in Slicer only.

    Raises:
        RuntimeError: There is no such file, or it names a widget class that has no counterpart here.
    """
    if not os.path.isfile(path):
        raise RuntimeError(f"Could not load UI file: file not found {path}")
    form = _form_for_pyqt(path)
    return uic.loadUi(io.StringIO(form))


def childWidgetVariables(widget: QtWidgets.QWidget) -> SimpleNamespace:
    """The named children of a widget, itself included, as attributes; as in `slicer.util`."""
    named = [widget, *widget.findChildren(QtCore.QObject)]
    return SimpleNamespace(**{child.objectName(): child for child in named if child.objectName()})


def _form_for_pyqt(path: str | os.PathLike[str]) -> str:
    """The form with our classes instead of Slicer's and without its connections.

    Properties of those classes have no setters (`stdset="0"`), as in PythonQt.
    """
    root = ElementTree.parse(path).getroot()
    for connections in root.findall("connections"):
        root.remove(connections)
    for custom in root.iter("customwidget"):
        name = custom.findtext("class", "")
        if not hasattr(qtwidgets, name):
            raise RuntimeError(
                f"{path}: the desktop window has no counterpart of {name}; add it to qtwidgets."
            )
        header = custom.find("header")
        if header is None:
            header = ElementTree.SubElement(custom, "header")
        header.text = qtwidgets.__name__
    for widget in root.iter("widget"):
        kind = getattr(qtwidgets, widget.get("class", ""), None)
        for each in widget.findall("property"):
            if isinstance(vars(kind).get(each.get("name", "")) if kind else None, pyqtProperty):
                each.set("stdset", "0")
    return ElementTree.tostring(root, encoding="unicode")
