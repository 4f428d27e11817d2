"""A container that folds up: the counterpart of `ctkCollapsibleButton`."""

from __future__ import annotations

from typing import Any

from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop.stubs import present, pyqtProperty

_GAP = 2
_UNLIMITED = 16777215  # QWIDGETSIZE_MAX
_VISIBLE_WHEN_OPEN = "_shown_when_open"  # property of a child that the program itself has shown or hidden


def _kept(kind: Any, name: str, default: Any) -> Any:
    """A property that is kept, and drawn anew when it changes."""

    def read(self: ctkCollapsibleButton) -> Any:
        return self._kept.get(name, default)

    def write(self: ctkCollapsibleButton, value: Any) -> None:
        self._kept[name] = value
        self.updateGeometry()
        self.update()

    return pyqtProperty(kind, read, write)


class ctkCollapsibleButton(QtWidgets.QAbstractButton):  # noqa: N801 - the name is Slicer's
    """A button as wide as its contents, which it hides and shows.

    A layout that is set on it holds the contents, as in Slicer; room for the button is kept above them. What
    PythonQt does not see of the real class is not here either: `collapsed` is a property without a setter.
    """

    contentsCollapsed = QtCore.pyqtSignal(bool)

    def __init__(self, *arguments: Any) -> None:
        """
        Args:
            *arguments: As in Slicer: a parent, or a text and a parent, or nothing.
        """
        text, parents = (arguments[0], arguments[1:]) if _is_text(arguments) else ("", arguments)
        super().__init__(*parents)
        self._kept: dict[str, Any] = {}
        self._ours = False  # whether the visibility of a child is being changed here, not by the program
        font = self.font()
        font.setBold(True)
        self._bold = font
        self.setCheckable(True)
        self.setChecked(True)
        self.setText(text)
        self.setBackgroundRole(QtGui.QPalette.Window)
        self.toggled.connect(self._on_toggled)
        self._keep_room()

    def _is_collapsed(self) -> bool:
        return not self.isChecked()

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = pyqtProperty(bool, _is_collapsed, _set_collapsed, notify=contentsCollapsed)
    collapsedHeight = _kept(int, "collapsedHeight", _GAP)
    flat = _kept(bool, "flat", True)
    contentsFrameShape = _kept(QtWidgets.QFrame.Shape, "contentsFrameShape", QtWidgets.QFrame.NoFrame)
    contentsFrameShadow = _kept(QtWidgets.QFrame.Shadow, "contentsFrameShadow", QtWidgets.QFrame.Plain)
    contentsLineWidth = _kept(int, "contentsLineWidth", 1)
    contentsMidLineWidth = _kept(int, "contentsMidLineWidth", 0)
    buttonTextAlignment = _kept(QtCore.Qt.Alignment, "buttonTextAlignment", QtCore.Qt.AlignmentFlag.AlignLeft)
    indicatorAlignment = _kept(QtCore.Qt.Alignment, "indicatorAlignment", QtCore.Qt.AlignmentFlag.AlignLeft)

    def sizeHint(self) -> QtCore.QSize:
        header = self._header_size()
        if self.collapsed:
            return header + QtCore.QSize(0, self.collapsedHeight)
        return super().sizeHint().expandedTo(header)

    def minimumSizeHint(self) -> QtCore.QSize:
        return self.sizeHint() if self.collapsed else super().minimumSizeHint()

    def hitButton(self, place: QtCore.QPoint) -> bool:
        return QtCore.QRect(0, 0, self.width(), self._header_size().height()).contains(place)

    def paintEvent(self, _event: QtGui.QPaintEvent | None) -> None:
        QtWidgets.QStylePainter(self).drawComplexControl(
            QtWidgets.QStyle.ComplexControl.CC_ToolButton, self._header()
        )

    def event(self, event: QtCore.QEvent | None) -> bool:
        assert event is not None
        # Layouts from a .ui file set their margins after they were made, so the room is taken here.
        if event.type() in (
            QtCore.QEvent.Type.LayoutRequest,
            QtCore.QEvent.Type.FontChange,
            QtCore.QEvent.Type.StyleChange,
        ):
            self._keep_room()
        return bool(super().event(event))

    def setVisible(self, visible: bool) -> None:
        # Children become visible with their parent, which says nothing about what the program wants.
        self._ours = True
        super().setVisible(visible)
        self._ours = False
        self._show_contents()

    def childEvent(self, event: QtCore.QChildEvent | None) -> None:
        assert event is not None
        child = present(event.child())
        if event.added() and child.isWidgetType():
            child.installEventFilter(self)
        if event.polished() and isinstance(child, QtWidgets.QWidget) and not child.isWindow():
            if child.testAttribute(QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide) and child.isHidden():
                child.setProperty(_VISIBLE_WHEN_OPEN, False)
            self._show_child(child)
        super().childEvent(event)

    def eventFilter(self, child: QtCore.QObject | None, event: QtCore.QEvent | None) -> bool:
        assert event is not None
        kinds = (QtCore.QEvent.Type.ShowToParent, QtCore.QEvent.Type.HideToParent)
        if event.type() in kinds and not self._ours and isinstance(child, QtWidgets.QWidget):
            # What the program shows while the section is folded appears when it is unfolded.
            child.setProperty(_VISIBLE_WHEN_OPEN, event.type() == QtCore.QEvent.Type.ShowToParent)
            if self.collapsed:
                self._show_child(child)
        return False

    def _on_toggled(self, open_: bool) -> None:
        self._show_contents()
        self.setMaximumHeight(_UNLIMITED if open_ else self.sizeHint().height())
        self.updateGeometry()
        self.contentsCollapsed.emit(not open_)

    def _show_contents(self) -> None:
        for child in self.findChildren(
            QtWidgets.QWidget, options=QtCore.Qt.FindChildOption.FindDirectChildrenOnly
        ):
            if not child.isWindow():
                self._show_child(child)

    def _show_child(self, child: QtWidgets.QWidget) -> None:
        """Show a child if the section is open and the program has not hidden it."""
        visible = child.property(_VISIBLE_WHEN_OPEN)
        self._ours = True
        child.setVisible(not self.collapsed and visible is not False)
        if visible is not False:
            # Hidden by us, not by the program: its next `hide()` has to count although nothing is to be seen.
            child.setAttribute(QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)
        self._ours = False

    def _keep_room(self) -> None:
        height = self._header_size().height()
        margins = self.contentsMargins()
        if margins.top() != height + _GAP:
            self.setContentsMargins(margins.left(), height + _GAP, margins.right(), margins.bottom())

    def _header(self) -> QtWidgets.QStyleOptionToolButton:
        """How the button is drawn: as a flat tool button with an arrow."""
        option = QtWidgets.QStyleOptionToolButton()
        option.initFrom(self)
        side = present(self.style()).pixelMetric(QtWidgets.QStyle.PixelMetric.PM_SmallIconSize, option, self)
        option.font, option.text, option.iconSize = self._bold, self.text(), QtCore.QSize(side, side)
        option.toolButtonStyle = QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        option.features = QtWidgets.QStyleOptionToolButton.Arrow
        option.arrowType = QtCore.Qt.ArrowType.RightArrow if self.collapsed else QtCore.Qt.ArrowType.DownArrow
        option.subControls = QtWidgets.QStyle.SubControl.SC_ToolButton
        state = QtWidgets.QStyle.State(option.state)
        over = state & QtWidgets.QStyle.StateFlag.State_MouseOver
        if self.flat:
            state |= QtWidgets.QStyle.StateFlag.State_AutoRaise
        if self.isDown():
            state |= QtWidgets.QStyle.StateFlag.State_Sunken
        elif over or not self.flat:
            state |= QtWidgets.QStyle.StateFlag.State_Raised
        option.state = state
        option.rect.setHeight(self._header_size().height())
        return option

    def _header_size(self) -> QtCore.QSize:
        option = QtWidgets.QStyleOptionToolButton()
        option.initFrom(self)
        metrics = QtGui.QFontMetrics(self._bold)
        side = present(self.style()).pixelMetric(QtWidgets.QStyle.PixelMetric.PM_SmallIconSize, option, self)
        text = metrics.size(QtCore.Qt.TextFlag.TextShowMnemonic, self.text() or "X")
        inner = QtCore.QSize(side + 2 * _GAP + text.width(), max(side, text.height()))
        return present(self.style()).sizeFromContents(
            QtWidgets.QStyle.ContentsType.CT_ToolButton, option, inner, self
        )


def _is_text(arguments: tuple[Any, ...]) -> bool:
    return bool(arguments) and isinstance(arguments[0], str)
