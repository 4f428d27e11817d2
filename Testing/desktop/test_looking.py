"""Scrolling, zooming, panning, window and level, crosshair: real events on real views."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt5 import QtCore, QtTest, QtWidgets

from MVGCore.volume import Volume
from MVGDesktop.files.nodes import volume_node
from Testing.desktop.conftest import settle
from Testing.desktop.mouse import LEFT, MIDDLE, RIGHT, click, drag, move, place_of, press, release, wheel

pytestmark = pytest.mark.display
MIDDLE_OF_BALL = (30, 32, 12)


def way(view, x: int, y: int) -> list[QtCore.QPoint]:
    start = view.rect().center()
    return [start + QtCore.QPoint(x * step // 4, y * step // 4) for step in range(5)]


def test_every_view_shows_the_middle_of_a_new_volume(open_window) -> None:
    axial, coronal, sagittal = open_window.views.panels
    assert [axial.axis, coronal.axis, sagittal.axis] == [0, 1, 2]
    assert [axial.slice_number(), coronal.slice_number(), sagittal.slice_number()] == [11, 31, 29]
    assert axial.slider.maximum() == 23 and axial.slider.value() == 11


def test_what_is_drawn_is_the_slice(open_window, application) -> None:
    axial = open_window.views.panels[0]
    axial.go_to(12)
    settle(application)
    picture = axial.view.picture()
    inside, outside = place_of(axial, MIDDLE_OF_BALL), place_of(axial, (4, 4, 12))
    bright, dark = (
        picture.pixelColor(place + QtCore.QPoint(5, 5)).lightness() for place in (inside, outside)
    )
    assert bright > 200 and dark < 60


def test_wheel_scrolls_one_slice(open_window) -> None:
    axial = open_window.views.panels[0]
    before = axial.slice_number()
    wheel(axial.view, axial.view.rect().center(), 1)
    assert abs(axial.slice_number() - before) == 1
    wheel(axial.view, axial.view.rect().center(), -1)
    assert axial.slice_number() == before


@pytest.mark.parametrize("key, count", [("Up", 1), ("Down", -1), ("PgUp", 5), ("PgDown", -5)])
def test_keys_scroll_the_view_with_the_keyboard(open_window, application, key: str, count: int) -> None:
    coronal = open_window.views.panels[1]
    open_window.activateWindow()
    click(coronal.view, coronal.view.rect().center())
    coronal.view.setFocus()
    open_window.views.activate(coronal)
    settle(application)
    before = coronal.slice_number()
    QtTest.QTest.keyClick(
        coronal.view, getattr(QtCore.Qt, "Key_" + {"PgUp": "PageUp", "PgDown": "PageDown"}.get(key, key))
    )
    assert coronal.slice_number() == before + count


def test_slider_goes_to_a_slice(open_window) -> None:
    sagittal = open_window.views.panels[2]
    sagittal.slider.setValue(40)
    assert sagittal.slice_number() == 40
    assert "40" in sagittal.number.text()


def test_right_drag_zooms_and_middle_drag_pans(open_window) -> None:
    view = open_window.views.panels[0].view
    before = view.node.GetFieldOfView()[0]
    drag(view, way(view, 0, 80), RIGHT)
    assert view.node.GetFieldOfView()[0] != pytest.approx(before)
    origin = view.node.GetXYZOrigin()
    drag(view, way(view, 40, 0), MIDDLE)
    assert view.node.GetXYZOrigin()[0] != pytest.approx(origin[0])


def test_left_drag_sets_window_and_level(open_window) -> None:
    view = open_window.views.panels[0].view
    display = open_window.document.volume.GetDisplayNode()
    before = (display.GetWindow(), display.GetLevel())
    drag(view, way(view, 60, 40), LEFT)
    assert (display.GetWindow(), display.GetLevel()) != pytest.approx(before)


def test_window_and_level_follow_presets_numbers_and_volumes(open_window, a_volume) -> None:
    window_level, document = open_window.window_level, open_window.document
    texts = [window_level.presets.itemText(row) for row in range(window_level.presets.count())]
    assert texts == ["Automatic", "As set"]  # nothing of this image is as dark as air in CT
    ct = Volume((a_volume.array * 10 - 1500).astype(np.int16), a_volume.geometry, "CT")
    document.set_volume(volume_node(ct).GetID())
    window_level.presets.setFocus()
    QtTest.QTest.keyClicks(window_level.presets, "CT bo")
    QtTest.QTest.keyClick(window_level.presets, QtCore.Qt.Key_Return)
    index = window_level.presets.findData("bone")
    window_level.presets.activated.emit(index)
    display = document.volume.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (-450, 1050)
    assert (window_level.width_box.value(), window_level.level_box.value()) == (1500, 300)
    window_level.width_box.selectAll()
    QtTest.QTest.keyClicks(window_level.width_box, "400")
    QtTest.QTest.keyClick(window_level.width_box, QtCore.Qt.Key_Return)
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (100, 500)
    assert window_level.presets.currentText() == "As set"
    document.set_volume(volume_node(a_volume).GetID())
    assert window_level.presets.findData("bone") == -1


def test_shift_and_mouse_take_the_other_views_along(open_window, application) -> None:
    axial, coronal, sagittal = open_window.views.panels
    axial.go_to(12)
    target = place_of(axial, (20, 45, 12))
    move(axial.view, target, keys=QtCore.Qt.ShiftModifier)
    assert abs(coronal.slice_number() - 45) <= 1 and abs(sagittal.slice_number() - 20) <= 1
    assert axial.slice_number() == 12


def test_status_line_tells_value_and_position(open_window, a_volume) -> None:
    axial = open_window.views.panels[0]
    axial.go_to(12)
    move(axial.view, place_of(axial, (30, 32, 12)))
    text = open_window.status_line.text()
    i, j, k = (int(part) for part in text.split("IJK ")[1].split(","))
    assert k == 12 and abs(i - 30) <= 1 and abs(j - 32) <= 1
    assert text.startswith(str(a_volume.array[k, j, i]))
    r, a, s = a_volume.geometry.index_to_world((i, j, k)) * (-1, -1, 1)
    shown = [float(text.split(letter + " ")[1].split(" ")[0]) for letter in "RAS"]
    assert np.abs(np.array(shown) - (r, a, s)).max() <= 1.05  # within the voxel


def test_double_click_shows_one_view_alone(open_window, application) -> None:
    axial, coronal, _ = open_window.views.panels
    view = coronal.view
    for _ in range(2):
        press(view, view.rect().center())
        release(view, view.rect().center())
        QtTest.QTest.mouseDClick(view, LEFT)
        settle(application)
        alone = not axial.isVisible()
        if alone:
            assert coronal.isVisible() and not open_window.views.three_d.isVisible()
    assert all(panel.isVisible() for panel in open_window.views.panels)


def test_controls_have_accessible_names(open_window) -> None:
    kinds = (
        QtWidgets.QAbstractSlider,
        QtWidgets.QAbstractSpinBox,
        QtWidgets.QComboBox,
        QtWidgets.QAbstractItemView,
    )
    nameless = [
        f"{type(child).__name__} {child.objectName()}"
        for side in (open_window.tools_dock.widget(), open_window.views, open_window.welcome)
        for kind in kinds
        for child in side.findChildren(kind)
        if not child.accessibleName()
        and not isinstance(child, (QtWidgets.QScrollBar, QtWidgets.QHeaderView))
        and not isinstance(child.parent(), QtWidgets.QFrame)  # the list of a combo box that is open
        and not child.objectName().startswith("qt_")
    ]
    assert nameless == []


@pytest.mark.parametrize("name", ["light", "dark"])
def test_themes_have_readable_text(open_window, application, name: str) -> None:
    from MVGDesktop.theme import Theme

    open_window.set_theme(Theme(name))
    palette = application.palette()
    for text, ground in (("WindowText", "Window"), ("Text", "Base"), ("ButtonText", "Button")):
        assert contrast(palette, text, ground) >= 4.5  # WCAG AA
    assert (palette.color(palette.Window).lightness() < 128) == (name == "dark")


def test_the_system_is_followed_again_after_another_choice(open_window, application) -> None:
    from MVGDesktop.theme import Theme, system_is_dark

    expected = system_is_dark()
    open_window.set_theme(Theme.DARK if not expected else Theme.LIGHT)
    assert system_is_dark() == expected
    open_window.set_theme(Theme.SYSTEM)
    assert (application.palette().color(application.palette().Window).lightness() < 128) == expected


def test_an_own_style_sheet_does_not_keep_the_colours_of_before(open_window, application) -> None:
    """A message that was shown in the light stays readable in the dark; Qt keeps the old colours for it."""
    from MVGDesktop.theme import Theme

    ui = open_window.panel.ui
    open_window.set_theme(Theme.LIGHT)
    open_window.panel.controller.setup.about("keys")
    assert ui.messageFrame.isVisible() and ui.messageFrame.styleSheet()
    open_window.set_theme(Theme.DARK)
    settle(application)
    for widget in (ui.messageLabel, ui.segmentButton):
        picture = widget.grab().toImage()
        corner = picture.pixelColor(picture.width() - 2, picture.height() // 2)
        assert corner.lightness() < 128  # the ground
        assert contrast(widget.palette(), "WindowText", "Window") >= 4.5
        assert widget.palette().color(widget.palette().WindowText).lightness() > 128
    open_window.set_theme(Theme.SYSTEM)


def contrast(palette, text: str, ground: str) -> float:
    def luminance(role: str) -> float:
        color = palette.color(getattr(palette, role))
        parts = [color.redF(), color.greenF(), color.blueF()]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    high, low = sorted((luminance(text), luminance(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)
