"""Modules `qt` and `ctk` for code written for Slicer, on PyQt5, and what `slicer` lacks without windows."""

from __future__ import annotations

import logging
import os
import sys
from types import ModuleType
from typing import Any

import slicer
import slicer.util
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop import uiloader
from MVGDesktop.qtwidgets import ctkCollapsibleButton, qMRMLNodeComboBox

APPLICATION_NAME = "MVG"


def install() -> None:
    """Register `qt`, `ctk`, `slicer.i18n`, and the Qt part of `slicer.util`; further calls change nothing."""
    if "qt" in sys.modules:
        return
    sys.modules["qt"] = _qt_module()
    sys.modules["ctk"] = _module("ctk", ctkCollapsibleButton=ctkCollapsibleButton)
    slicer.i18n = sys.modules["slicer.i18n"] = _module("slicer.i18n", tr=_as_it_is, translate=_translate)
    slicer.qMRMLNodeComboBox = qMRMLNodeComboBox
    slicer.util.loadUI = uiloader.loadUI
    slicer.util.childWidgetVariables = uiloader.childWidgetVariables
    slicer.util.mainWindow = main_window
    slicer.util.messageBox = message_box


def application() -> QtWidgets.QApplication:
    """The one `QApplication`, made when there is none yet."""
    existing = QtWidgets.QApplication.instance()
    if isinstance(existing, QtWidgets.QApplication):
        return existing
    if sys.platform.startswith("linux") and os.environ.get("DISPLAY"):
        # VTK draws into windows of X only, which Wayland has as well.
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
    for attribute in ("AA_EnableHighDpiScaling", "AA_UseHighDpiPixmaps", "AA_ShareOpenGLContexts"):
        QtCore.QCoreApplication.setAttribute(getattr(QtCore.Qt, attribute))
    # Half steps such as 150 % stay as they are; older Qt rounds them to 200 %.
    QtGui.QGuiApplication.setHighDpiScaleFactorRoundingPolicy(
        QtCore.Qt.HighDpiScaleFactorRoundingPolicy.PassThrough
    )
    application = QtWidgets.QApplication([APPLICATION_NAME])
    application.setApplicationName(APPLICATION_NAME)
    application.setOrganizationName(APPLICATION_NAME)
    _kept.append(application)
    return application


def main_window() -> QtWidgets.QMainWindow | None:
    """The open `QMainWindow`, or None; `slicer.util.mainWindow()`."""
    for widget in QtWidgets.QApplication.topLevelWidgets():
        if isinstance(widget, QtWidgets.QMainWindow):
            return widget
    return None


def message_box(text: str, parent: QtWidgets.QWidget | None = None, **choices: Any) -> int:
    """Show a message and return the button that was pressed; `slicer.util.messageBox()`.

    Args:
        text: The message.
        parent: The window that it belongs to; the main window by default.
        choices: Properties of `QMessageBox`, e.g. `windowTitle`, `icon`, `standardButtons`, `detailedText`.
    """
    if slicer.app.testingEnabled():
        logging.info("Message: %s", text)
        return int(QtWidgets.QMessageBox.Ok)
    box = QtWidgets.QMessageBox(parent or main_window())
    box.setText(text)
    for name, value in choices.items():
        setter = getattr(box, f"set{name[0].upper()}{name[1:]}", None)
        if setter is not None:  # ctkMessageBox has more, e.g. dontShowAgainSettingsKey
            setter(value)
    return int(box.exec_())


# PyQt5 deletes an application that nobody keeps.
_kept: list[QtWidgets.QApplication] = []


def _qt_module() -> ModuleType:
    """One namespace of QtCore, QtGui and QtWidgets, as PythonQt has it."""
    names: dict[str, Any] = {}
    for module in (QtCore, QtGui, QtWidgets):
        names.update({name: value for name, value in vars(module).items() if not name.startswith("_")})
    names["Signal"] = QtCore.pyqtSignal
    names["Slot"] = QtCore.pyqtSlot
    return _module("qt", **names)


def _module(name: str, **contents: Any) -> ModuleType:
    module = ModuleType(name, f"Counterpart of Slicer's module {name} on PyQt5.")
    vars(module).update(contents)
    return module


def _as_it_is(text: str) -> str:
    return text


def _translate(_context: str, text: str) -> str:
    return text
