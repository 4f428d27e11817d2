"""The plot of the confidence along the slices; a click goes to the slice."""

from __future__ import annotations

from typing import Any

import qt

from MVGLib.control.reviewstate import Review
from MVGLib.control.signals import Signal
from MVGLib.control.state import Level
from MVGLib.panel.colors import accent, role
from MVGLib.panel.qtread import read
from MVGLib.texts import _

HEIGHT = 96
_LEFT, _RIGHT, _TOP, _BOTTOM = 26, 6, 6, 16  # room for the numbers, in pixels


class ConfidencePlot(qt.QObject):
    """Draws into a label of the panel and listens to the mouse over it.

    Scores go from 0 to 1 upwards and slices from left to right. A band shows the standard error, squares are
    the labelled slices, the dashed line is the slice to label next.
    """

    def __init__(self, label: Any) -> None:
        """
        Args:
            label: The QLabel to draw into.
        """
        super().__init__(label)
        self.clicked = Signal()  # index of a slice
        self._label = label
        self._review: Review | None = None
        self._drawn: tuple[Any, ...] = ()
        label.setMouseTracking(True)
        label.setFocusPolicy(qt.Qt.StrongFocus)
        label.installEventFilter(self)

    def show(self, review: Review | None) -> None:
        """Draw a result; None clears the plot."""
        self._review = review
        self._draw()

    def index_at(self, x: int) -> int | None:
        """The slice at a place of the label, or None beside the axis."""
        if self._review is None:
            return None
        fraction = (x - _LEFT) / max(self._width(), 1)
        if not -0.02 <= fraction <= 1.02:
            return None
        last = self._review.depth - 1
        return min(max(round(fraction * last), 0), last)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt's hook: clicks, the text under the mouse, resizing and a new palette."""
        kind = event.type()
        if kind == qt.QEvent.MouseButtonPress and event.button() == qt.Qt.LeftButton:
            index = self.index_at(event.pos().x())
            if index is not None:
                self.clicked.emit(index)
                return True
        elif kind == qt.QEvent.MouseMove:
            self._label.setToolTip(self._text_at(event.pos().x()))
        elif kind in (qt.QEvent.Resize, qt.QEvent.PaletteChange):
            self._draw()
        return False

    def _text_at(self, x: int) -> str:
        index = self.index_at(x)
        if index is None or self._review is None:
            return _("Confidence along the slices; click to go to a slice")
        place = f"{self._review.plane} {index}"
        if index in self._review.known:
            return _("{place}: labelled").format(place=place)
        score = self._review.slices.get(index)
        return f"{place}: {score.text}" if score else _("{place}: not computed").format(place=place)

    def _width(self) -> int:
        return int(read(self._label, "width")) - _LEFT - _RIGHT

    def _draw(self) -> None:
        width = int(read(self._label, "width"))
        if width < 2:
            return
        look = (self._review, width, role(self._label, "Window").name())
        if look == self._drawn:
            return
        self._drawn = look
        ratio = _pixel_ratio(self._label)
        canvas = qt.QPixmap(int(width * ratio), int(HEIGHT * ratio))
        canvas.setDevicePixelRatio(ratio)
        canvas.fill(role(self._label, "Base"))
        painter = qt.QPainter()
        painter.begin(canvas)
        painter.setRenderHint(qt.QPainter.Antialiasing)
        _Drawing(painter, self._label, width, self._review).all()
        painter.end()
        self._label.setPixmap(canvas)


def _pixel_ratio(widget: Any) -> float:
    """Pixels of the screen per logical pixel; 1 where the binding does not tell."""
    ratio = getattr(widget, "devicePixelRatioF", 1.0)
    return float(ratio() if callable(ratio) else ratio)


class _Drawing:
    """One drawing of the plot."""

    def __init__(self, painter: Any, label: Any, width: int, review: Review | None) -> None:
        self._painter = painter
        self._review = review
        self._left, self._right = _LEFT, width - _RIGHT
        self._top, self._bottom = _TOP, HEIGHT - _BOTTOM
        self._text = role(label, "Text")
        self._line = qt.QColor(accent(label))
        self._mark = qt.QColor(accent(label, Level.WARNING))

    def all(self) -> None:
        """Everything, from the back to the front."""
        self._frame()
        if self._review is None or not (self._review.slices or self._review.known):
            return
        self._band()
        self._curve()
        self._marks()

    def _x(self, index: int) -> int:
        assert self._review is not None
        return round(self._left + (self._right - self._left) * index / max(self._review.depth - 1, 1))

    def _y(self, value: float) -> int:
        return round(self._bottom - (self._bottom - self._top) * min(max(value, 0.0), 1.0))

    def _frame(self) -> None:
        painter = self._painter
        faint = qt.QColor(self._text)
        faint.setAlpha(60)
        font = painter.font()
        font.setPixelSize(10)
        painter.setFont(font)
        for value in (0.0, 0.5, 1.0):
            y = self._y(value)
            painter.setPen(faint)
            painter.drawLine(self._left, y, self._right, y)
            painter.setPen(self._text)
            painter.drawText(2, y + 4, f"{value:.1f}")
        if self._review is not None:
            painter.drawText(self._left, HEIGHT - 3, "0")
            last = str(self._review.depth - 1)
            painter.drawText(self._right - 7 * len(last), HEIGHT - 3, last)

    def _band(self) -> None:
        assert self._review is not None
        shade = qt.QColor(self._line)
        shade.setAlpha(70)
        half = max(1, round((self._right - self._left) / max(self._review.depth - 1, 1) / 2))
        for index, score in self._review.slices.items():
            if score.error:
                top, bottom = self._y(score.value + score.error), self._y(score.value - score.error)
                self._painter.fillRect(self._x(index) - half, top, 2 * half, bottom - top + 1, shade)

    def _curve(self) -> None:
        assert self._review is not None
        pen = qt.QPen(self._line)
        pen.setWidth(2)
        self._painter.setPen(pen)
        scores = {index: score.value for index, score in self._review.slices.items()}
        values = {**scores, **dict.fromkeys(self._review.known, 1.0)}
        before = None
        for index in sorted(values):
            point = (self._x(index), self._y(values[index]))
            if before is not None and before[0] == index - 1:
                self._painter.drawLine(*before[1], *point)
            else:
                self._painter.drawPoint(*point)
            before = (index, point)

    def _marks(self) -> None:
        assert self._review is not None
        for index in self._review.known:
            self._painter.fillRect(self._x(index) - 3, self._y(1.0) - 3, 6, 6, self._text)
        if self._review.next_slice is not None:
            pen = qt.QPen(self._mark)
            pen.setWidth(2)
            pen.setStyle(qt.Qt.DashLine)
            self._painter.setPen(pen)
            x = self._x(self._review.next_slice)
            self._painter.drawLine(x, self._top, x, self._bottom)
