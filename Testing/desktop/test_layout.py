"""Where the window lies on the screen, and what of it is in sight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGDesktop.layout import clamped, keep_place, restore_place
from MVGDesktop.views.grabbing import grabbed
from Testing.desktop.acting import apply, fake_worker, label, press_key
from Testing.desktop.conftest import settle, wait_until

pytestmark = pytest.mark.display

SCREENS = (
    QtCore.QRect(0, 0, 1366, 768),
    QtCore.QRect(1366, 27, 1920, 1053),
    QtCore.QRect(-1280, 0, 1280, 720),
)


@given(
    st.integers(-3000, 5000),
    st.integers(-3000, 5000),
    st.integers(200, 4000),
    st.integers(200, 3000),
    st.sampled_from(SCREENS),
)
def test_a_window_lies_on_its_screen_with_its_title(x: int, y: int, w: int, h: int, room) -> None:
    place = clamped(QtCore.QRect(x, y, w, h), room)
    assert room.contains(place) and place.top() - room.top() >= 28  # the title is above
    assert place.width() <= w and place.height() <= h
    assert clamped(place, room) == place


def test_what_fits_stays_where_it_was() -> None:
    place = QtCore.QRect(100, 80, 1000, 600)
    assert clamped(place, SCREENS[0]) == place


def test_a_place_on_a_screen_that_is_gone_is_not_taken_up(application, tmp_path) -> None:
    settings = QtCore.QSettings(str(tmp_path / "s.ini"), QtCore.QSettings.IniFormat)
    window = QtWidgets.QMainWindow()
    window.setGeometry(9000, 7000, 5000, 4000)
    keep_place(window, settings)
    restore_place(window, settings)
    room = QtWidgets.QApplication.primaryScreen().availableGeometry()
    assert room.contains(window.geometry())
    window.deleteLater()


def newest_row(window) -> QtWidgets.QWidget:
    return window.panel.examples.rows[window.panel.controller.view().examples[-1].key].widget


def is_in(port: QtWidgets.QWidget, widget: QtWidgets.QWidget) -> bool:
    """Whether all of a widget lies in a viewport above it, and has been laid out there."""
    place = QtCore.QRect(widget.mapTo(port, QtCore.QPoint(0, 0)), widget.size())
    return widget.isVisible() and port.rect().contains(place)


def is_in_sight(window, widget: QtWidgets.QWidget) -> bool:
    """Whether all of a widget can be seen."""
    place = QtCore.QRect(widget.mapTo(window, QtCore.QPoint(0, 0)), widget.size())
    return (
        widget.isVisible()
        and window.rect().contains(place)
        and widget.visibleRegion().contains(widget.rect())
    )


@pytest.mark.parametrize("size", [(1362, 736), (1280, 690), (1600, 970)])
def test_the_review_is_in_sight_on_small_screens(open_window, application, size) -> None:
    window, before = open_window, open_window.size()
    window.resize(*size)
    try:
        with fake_worker(window) as worker:
            for index in (5, 9, 13, 17):
                label(window, index)
            apply(window, worker)
            settle(application, 50)
            ui = window.panel.ui
            for widget in (ui.acceptButton, ui.discardButton, ui.nextButton, ui.expectedLabel, ui.plotLabel):
                assert is_in_sight(window, widget), widget.objectName()
            assert (window.width(), window.height()) == size
    finally:
        window.resize(before)


def test_the_newest_example_is_scrolled_into_view(open_window, application) -> None:
    window, area = open_window, open_window.panel.ui.examplesArea
    with fake_worker(window):
        label(window, 4)
        window.document.segment().SetName("a segment with a name that is broken into lines")
        settle(application, 500)  # the panel has read the name
        for index in (6, 8, 10, 12, 14):
            label(window, index)
            wait_until(lambda: is_in(area.viewport(), newest_row(window)), 5)
        for index in (1, 20, 22, 23):
            window.views.panels[0].go_to(index)
            press_key(window, "0")
            wait_until(lambda: is_in(area.viewport(), newest_row(window)), 5)
        settle(application, 500)
        assert is_in(area.viewport(), newest_row(window))


def test_a_short_list_of_examples_needs_no_scroll_bar(open_window, application) -> None:
    window, area = open_window, open_window.panel.ui.examplesArea
    with fake_worker(window):
        for index in (6, 10, 14):
            label(window, index)
            settle(application, 30)
            assert not area.verticalScrollBar().isVisible()
        label(window, 16)
        settle(application, 30)
        assert area.verticalScrollBar().isVisible()


@pytest.mark.parametrize("name", ["light", "dark"])
def test_what_has_the_keyboard_is_framed(open_window, application, name: str) -> None:
    from MVGDesktop.theme import Theme

    window = open_window
    window.set_theme(Theme(name))
    tools, ui = window.tools, window.panel.ui
    for widget in (
        ui.segmentButton,
        ui.adaptCheckBox,
        tools.radius,
        tools.effects.effects,
        window.segments.opacity,
    ):
        widget.setEnabled(True)
        window.views.panels[0].view.setFocus()
        settle(application, 20)
        before = widget.grab().toImage()
        widget.setFocus(QtCore.Qt.TabFocusReason)
        wait_until(widget.hasFocus, 5)
        assert changed_pixels(before, widget.grab().toImage()) > 30, widget.objectName()
    window.set_theme(Theme.SYSTEM)


def changed_pixels(before, after) -> int:
    size = before.size()
    return sum(
        before.pixel(x, y) != after.pixel(x, y) for y in range(size.height()) for x in range(size.width())
    )


@pytest.mark.parametrize("ratio", [1.0, 1.0007, 1.5, 2.0])
def test_a_picture_of_a_widget_has_no_column_that_nobody_drew(
    application, monkeypatch: pytest.MonkeyPatch, ratio: float
) -> None:
    widget = QtWidgets.QWidget()
    widget.resize(101, 40)
    palette = widget.palette()
    palette.setColor(QtGui.QPalette.Window, QtGui.QColor(10, 200, 30))
    widget.setPalette(palette)
    widget.setAutoFillBackground(True)
    monkeypatch.setattr(widget, "devicePixelRatioF", lambda: ratio)
    image = grabbed(widget)
    assert (image.width(), image.height()) == (int(101 * ratio), int(40 * ratio))
    edge = [(image.width() - 1, y) for y in range(image.height())]
    edge += [(x, image.height() - 1) for x in range(image.width())]
    assert {image.pixelColor(*each).getRgb()[:3] for each in edge} == {(10, 200, 30)}
