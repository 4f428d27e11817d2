"""Light and dark colours, following the system unless the user chose."""

from __future__ import annotations

import functools
import subprocess
import sys
from enum import Enum

from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop.stubs import present

SETTING = "View/Theme"


class Theme(Enum):
    """What the user chose."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


_LIGHT = {
    "Window": "#f3f4f5",
    "WindowText": "#1b1e21",
    "Base": "#ffffff",
    "AlternateBase": "#eceef0",
    "Text": "#1b1e21",
    "Button": "#e6e9ec",
    "ButtonText": "#1b1e21",
    "ToolTipBase": "#ffffff",
    "ToolTipText": "#1b1e21",
    "Highlight": "#0b6e8a",
    "HighlightedText": "#ffffff",
    "Link": "#0b5f8a",
    "PlaceholderText": "#5f666d",
}
_DARK = {
    "Window": "#25282c",
    "WindowText": "#e8eaed",
    "Base": "#1b1d20",
    "AlternateBase": "#2b2f34",
    "Text": "#e8eaed",
    "Button": "#343940",
    "ButtonText": "#e8eaed",
    "ToolTipBase": "#343940",
    "ToolTipText": "#e8eaed",
    "Highlight": "#2a93b5",
    "HighlightedText": "#0d1012",
    "Link": "#6cc4e0",
    "PlaceholderText": "#a2a9b1",
}
_CHECKED = 0.45  # of the colour
_DISABLED = {False: "#868d94", True: "#7d848c"}


class _FramedFusion(QtWidgets.QProxyStyle):
    """Fusion whose check boxes, pressed buttons and focus a dark ground does not swallow."""

    _FRAMED = (
        QtWidgets.QStyle.PrimitiveElement.PE_IndicatorCheckBox,
        QtWidgets.QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck,
    )

    _FOCUSED_CONTROLS = (
        QtWidgets.QStyle.ControlElement.CE_PushButton,
        QtWidgets.QStyle.ControlElement.CE_CheckBox,
    )
    _FOCUSED_COMPLEX = (
        QtWidgets.QStyle.ComplexControl.CC_ToolButton,
        QtWidgets.QStyle.ComplexControl.CC_ComboBox,
        QtWidgets.QStyle.ComplexControl.CC_SpinBox,
        QtWidgets.QStyle.ComplexControl.CC_Slider,
    )

    def drawControl(
        self,
        element: QtWidgets.QStyle.ControlElement,
        option: QtWidgets.QStyleOption | None,
        painter: QtGui.QPainter | None,
        widget: QtWidgets.QWidget | None = None,
    ) -> None:
        super().drawControl(element, option, painter, widget)
        if element in self._FOCUSED_CONTROLS:
            _draw_focus(present(option), present(painter))

    def drawComplexControl(
        self,
        control: QtWidgets.QStyle.ComplexControl,
        option: QtWidgets.QStyleOptionComplex | None,
        painter: QtGui.QPainter | None,
        widget: QtWidgets.QWidget | None = None,
    ) -> None:
        super().drawComplexControl(control, option, painter, widget)
        if control in self._FOCUSED_COMPLEX:
            _draw_focus(present(option), present(painter))

    def drawPrimitive(
        self,
        element: QtWidgets.QStyle.PrimitiveElement,
        option: QtWidgets.QStyleOption | None,
        painter: QtGui.QPainter | None,
        widget: QtWidgets.QWidget | None = None,
    ) -> None:
        super().drawPrimitive(element, option, painter, widget)
        if element == QtWidgets.QStyle.PrimitiveElement.PE_PanelButtonCommand:
            _draw_checked(present(option), present(painter))
        if element in self._FRAMED:
            assert option is not None and painter is not None
            painter.save()
            painter.setPen(option.palette.color(QtGui.QPalette.PlaceholderText))
            painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))
            painter.restore()


def _draw_checked(option: QtWidgets.QStyleOption, painter: QtGui.QPainter) -> None:
    """The colour of what is chosen over a button that is pressed down: Fusion hardly shows it in the dark."""
    if option.state & QtWidgets.QStyle.StateFlag.State_On:
        color = option.palette.color(QtGui.QPalette.Highlight)
        color.setAlphaF(_CHECKED)
        painter.fillRect(option.rect.adjusted(1, 1, -1, -1), color)


def _draw_focus(option: QtWidgets.QStyleOption, painter: QtGui.QPainter) -> None:
    """A frame around a widget that has the keyboard."""
    if not option.state & QtWidgets.QStyle.StateFlag.State_HasFocus:
        return
    pen = QtGui.QPen(option.palette.color(QtGui.QPalette.Highlight))
    pen.setWidth(2)
    painter.save()
    painter.setPen(pen)
    painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
    painter.drawRect(option.rect.adjusted(1, 1, -1, -1))
    painter.restore()


def apply_theme(application: QtWidgets.QApplication, theme: Theme) -> bool:
    """Give the application the colours of a theme.

    Returns:
        Whether they are dark.
    """
    _system_palette()
    dark = theme is Theme.DARK or (theme is Theme.SYSTEM and system_is_dark())
    application.setStyle(_FramedFusion("Fusion"))
    palette = QtGui.QPalette()
    for role, color in (_DARK if dark else _LIGHT).items():
        palette.setColor(getattr(QtGui.QPalette, role), QtGui.QColor(color))
    for role in ("WindowText", "Text", "ButtonText"):
        disabled = QtGui.QColor(_DISABLED[dark])
        palette.setColor(QtGui.QPalette.Disabled, getattr(QtGui.QPalette, role), disabled)
    application.setPalette(palette)
    _renew_style_sheets()
    return dark


def _renew_style_sheets() -> None:
    """Let widgets with a style sheet of their own take up the new colours: Qt keeps the former ones."""
    for widget in QtWidgets.QApplication.allWidgets():
        sheet = widget.styleSheet()
        if sheet:
            widget.setStyleSheet("")
            widget.setStyleSheet(sheet)


def system_is_dark() -> bool:
    """Whether the desktop of the user is dark; False where it does not say."""
    if sys.platform == "win32":
        key = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        value = QtCore.QSettings(key, QtCore.QSettings.NativeFormat).value("AppsUseLightTheme", 1)
        return int(value) == 0
    if sys.platform == "darwin":
        return _answer(["defaults", "read", "-g", "AppleInterfaceStyle"]).strip() == "Dark"
    setting = _answer(["gsettings", "get", "org.gnome.desktop.interface", "color-scheme"])
    if setting:
        return "dark" in setting
    return bool(_system_palette().color(QtGui.QPalette.Window).lightness() < 128)


@functools.cache
def _system_palette() -> QtGui.QPalette:
    """The colours that Qt began with; asked for before they are replaced."""
    return QtWidgets.QApplication.palette()


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=1, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
