"""A container that folds up: the counterpart of `ctkCollapsibleButton`."""

from __future__ import annotations

from PyQt5 import QtCore, QtGui, QtWidgets

_GAP = 2


class ctkCollapsibleButton(QtWidgets.QWidget):  # noqa: N801 - the name is Slicer's
    """A button as wide as its contents, which it hides and shows.

    A layout that is set on it holds the contents, as in Slicer; room for the button is kept above them.
    """

    contentsCollapsed = QtCore.pyqtSignal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._button = QtWidgets.QToolButton(self)
        self._button.setObjectName("qt_collapsible_header")
        self._button.setToolButtonStyle(QtCore.Qt.ToolButtonTextBesideIcon)
        self._button.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        self._button.setCheckable(True)
        self._button.setChecked(True)
        self._button.setAutoRaise(True)
        self._button.toggled.connect(self._on_toggled)
        font = self._button.font()
        font.setBold(True)
        self._button.setFont(font)
        # What was hidden by the program stays hidden when the contents unfold.
        self._hidden_by_us: list[QtWidgets.QWidget] = []
        self.setFocusProxy(self._button)
        self._update_header()

    def setText(self, text: str) -> None:
        self._button.setText(text)
        self._button.setAccessibleName(text)

    def text(self) -> str:
        return str(self._button.text())

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self._button.setAccessibleName(name)

    def _set_collapsed(self, collapsed: bool) -> None:
        self._button.setChecked(not collapsed)

    def _is_collapsed(self) -> bool:
        return not self._button.isChecked()

    # PythonQt knows the property, not the C++ methods behind it.
    collapsed = QtCore.pyqtProperty(bool, _is_collapsed, _set_collapsed, notify=contentsCollapsed)

    def setContentsLineWidth(self, width: int) -> None:
        """Slicer's frame around the contents; here there is none, whatever the width."""

    def sizeHint(self) -> QtCore.QSize:
        if self.collapsed:
            header = self._button.sizeHint()
            return QtCore.QSize(header.width(), header.height() + _GAP)
        return super().sizeHint()

    def minimumSizeHint(self) -> QtCore.QSize:
        return self.sizeHint() if self.collapsed else super().minimumSizeHint()

    def event(self, event: QtCore.QEvent) -> bool:
        # Layouts from a .ui file set their margins after they were made, so the room is taken here.
        if event.type() in (QtCore.QEvent.LayoutRequest, QtCore.QEvent.FontChange, QtCore.QEvent.StyleChange):
            self._place_header()
        return bool(super().event(event))

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        child = event.child()
        if event.polished() and isinstance(child, QtWidgets.QWidget) and self.collapsed:
            self._hide(child)
        super().childEvent(event)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_header()

    def _place_header(self) -> None:
        height = self._button.sizeHint().height()
        self._button.setGeometry(0, 0, self.width(), height)
        margins = self.contentsMargins()
        if margins.top() != height + _GAP:
            self.setContentsMargins(margins.left(), height + _GAP, margins.right(), margins.bottom())

    def _on_toggled(self, open_: bool) -> None:
        self._update_header()
        if open_:
            hidden, self._hidden_by_us = self._hidden_by_us, []
            for child in hidden:
                child.show()
        else:
            for child in self._contents():
                self._hide(child)
        self.setMaximumHeight(16777215 if open_ else self.sizeHint().height())
        self.updateGeometry()
        self.contentsCollapsed.emit(not open_)

    def _contents(self) -> list[QtWidgets.QWidget]:
        children = self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly)
        return [child for child in children if child is not self._button]

    def _hide(self, child: QtWidgets.QWidget) -> None:
        if child is not self._button and not child.isWindow() and not child.isHidden():
            child.hide()
            self._hidden_by_us.append(child)

    def _update_header(self) -> None:
        self._button.setArrowType(QtCore.Qt.DownArrow if self._button.isChecked() else QtCore.Qt.RightArrow)
