"""The widgets of the list of examples."""

from __future__ import annotations

from html import escape
from typing import Any

import qt

from MVGLib.control.signals import Signal
from MVGLib.control.state import ExampleRow, Level
from MVGLib.panel.colors import accent, sign
from MVGLib.panel.pixmaps import pixmap
from MVGLib.panel.qtread import read
from MVGLib.texts import _

PICTURE = 52  # height of a thumbnail in the list, in logical pixels
VISIBLE_ROWS = 3  # a longer list scrolls
_GAP = 2  # between rows
_AWAITED_MS = 400  # in which a new row has its place
_BAR = 16  # width of a scroll bar, about
_LONG_NAME = 16  # characters of a name above which it may be broken into lines
_NAMES = 3  # names of segments that a row shows; the tooltip has all


class ExampleList:
    """Fills a scroll area with one row per example.

    Signals: `jump(key)`, `enabled(key, on)`, `removed(key)`.
    """

    def __init__(self, area: Any) -> None:
        """
        Args:
            area: The QScrollArea.
        """
        self.jump = Signal()
        self.enabled = Signal()
        self.removed = Signal()
        self.rows: dict[str, _Row] = {}
        self._area = area
        self._content = qt.QWidget()
        self._layout = qt.QVBoxLayout(self._content)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(_GAP)
        self._layout.addStretch(1)
        area.setWidget(self._content)
        self._awaited = ""  # the row to be scrolled to once Qt has given it its place
        self._rest = qt.QTimer(area)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._end)
        area.verticalScrollBar().rangeChanged.connect(self._scroll)

    def show(self, rows: tuple[ExampleRow, ...], locked: str) -> None:
        """Show these rows; only those that look different are made anew.

        Args:
            rows: The examples.
            locked: Why nothing can be changed now, or empty.
        """
        keys = [row.key for row in rows]
        new = [key for key in keys if key not in self.rows] if self.rows else []
        for key in set(self.rows) - set(keys):
            self._drop(key)
        for place, row in enumerate(rows):
            drawn_row = self.rows.get(row.key)
            if drawn_row is None or drawn_row.version != row.version:
                if drawn_row is not None:
                    self._drop(row.key)
                drawn_row = self.rows[row.key] = _Row(self, row)
                self._layout.insertWidget(place, drawn_row.widget)
            elif self._layout.indexOf(drawn_row.widget) != place:
                self._layout.removeWidget(drawn_row.widget)
                self._layout.insertWidget(place, drawn_row.widget)
            drawn_row.update(row, locked)
        self._fit(keys)
        if new:
            self._reveal(new[-1])

    def _fit(self, keys: list[str]) -> None:
        """As high as the first rows are; more of them scroll."""
        width = int(read(self._area, "width")) - (_BAR if len(keys) > VISIBLE_ROWS else 0)
        heights = [self.rows[key].height(width) for key in keys[:VISIBLE_ROWS]]
        height = sum(heights) + _GAP * max(len(heights) - 1, 0)
        self._area.setMinimumHeight(height)
        self._area.setMaximumHeight(height)
        self._area.setVisible(bool(keys))

    def _reveal(self, key: str) -> None:
        """Scroll to a row, at once and as soon as the list has become longer by it."""
        self._awaited = key
        self._rest.start(_AWAITED_MS)
        qt.QTimer.singleShot(0, self._scroll)

    def _scroll(self, *_range: int) -> None:
        if self._awaited in self.rows:
            self._layout.activate()
            self._area.ensureWidgetVisible(self.rows[self._awaited].widget, 0, 0)

    def _end(self) -> None:
        self._scroll()
        self._awaited = ""

    def _drop(self, key: str) -> None:
        widget = self.rows.pop(key).widget
        self._layout.removeWidget(widget)
        widget.hide()
        widget.deleteLater()


class _Row:
    """One row: picture, place and segments, on/off, remove."""

    def __init__(self, owner: ExampleList, row: ExampleRow) -> None:
        self.version = row.version
        self.widget = qt.QWidget()
        self._jump = _jump_button(row)
        self._on = qt.QCheckBox(_("on"))
        self._on.setObjectName("enabledCheckBox")
        self._on.setFocusPolicy(qt.Qt.TabFocus)  # a click leaves Space to the preview
        self._remove = qt.QToolButton()
        self._remove.setObjectName("removeButton")
        self._remove.setText("\u00d7")
        self._remove.setAutoRaise(True)
        self._remove.setAccessibleName(_("Remove {place}").format(place=row.place))
        self._on.setAccessibleName(_("Use {place}").format(place=row.place))
        layout = self._layout = qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(6)
        layout.addWidget(self._jump)
        layout.addWidget(_text_label(row, self.widget), 1)
        layout.addWidget(self._on)
        layout.addWidget(self._remove)
        key = row.key
        self._jump.clicked.connect(lambda *_checked: owner.jump.emit(key))
        self._on.clicked.connect(lambda on=False: owner.enabled.emit(key, bool(on)))
        self._remove.clicked.connect(lambda *_checked: owner.removed.emit(key))

    def height(self, width: int) -> int:
        """How high it is in a list of a width: names may be broken into lines."""
        return int(self._layout.heightForWidth(width))

    def update(self, row: ExampleRow, locked: str) -> None:
        """What changes without a new look."""
        self._on.setChecked(row.enabled)
        self._jump.setEnabled(row.can_jump)
        why = row.problem or _("This slice belongs to another volume and is not in the views.")
        self._jump.setToolTip(_("Show this slice") if row.can_jump else why)
        for button, tip in (
            (self._on, _("Use this example, or leave it out for now")),
            (self._remove, _("Take this example out of the list; its labels stay in the segmentation")),
        ):
            button.setEnabled(not locked)
            button.setToolTip(locked or tip)


def _jump_button(row: ExampleRow) -> Any:
    height, width = row.thumbnail.shape[:2]
    button = qt.QToolButton()
    button.setObjectName("jumpButton")
    button.setAutoRaise(True)
    button.setIcon(qt.QIcon(pixmap(row.thumbnail)))
    button.setIconSize(qt.QSize(round(PICTURE * width / height), PICTURE))
    button.setAccessibleName(_("Go to {place}").format(place=row.place))
    return button


def _text_label(row: ExampleRow, widget: Any) -> Any:
    lines = [f"<b>{escape(row.place)}</b>"]
    if row.source:
        lines.append(f"<small>{escape(row.source)}</small>")
    if row.problem:
        color = accent(widget, Level.WARNING)
        lines.append(f'<span style="color:{color}">{sign(Level.WARNING)}</span> {escape(row.problem)}')
    elif row.segments:
        lines.append(_names(row.segments[:_NAMES], len(row.segments) - _NAMES))
    label = qt.QLabel("<br>".join(lines))
    label.setObjectName("placeLabel")
    label.setTextFormat(qt.Qt.RichText)
    label.setWordWrap(True)
    label.setMinimumWidth(60)
    label.setToolTip(_names(row.segments, 0) or row.problem)
    return label


def _names(segments: tuple[tuple[str, tuple[float, float, float]], ...], more: int) -> str:
    parts = []
    for name, color in segments:
        red, green, blue = (round(255 * value) for value in color)
        text = escape(name) if len(name) > _LONG_NAME else escape(name).replace(" ", "&nbsp;")
        parts.append(f'<span style="color:#{red:02x}{green:02x}{blue:02x}">\u25a0</span>&nbsp;{text}')
    text = ", ".join(parts)
    return text + _(" and {count} more").format(count=more) if more > 0 else text
