"""The code that runs inside 3D Slicer keeps to what PythonQt and PyQt5 have in common."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from Testing.packaging.pythonqt import CTK_CLASSES, SLICER_WIDGETS, check, property_names, qt_names

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "MVGSlicerExtension"
SHARED = sorted((EXTENSION / "MVG" / "MVGLib").rglob("*.py"))
# These run in Slicer alone.
HOST_ONLY = [
    EXTENSION / "MVG" / "MVG.py",
    EXTENSION / "MVG" / "MVGLib" / "host" / "slicerhost.py",
    *sorted((EXTENSION / "SegmentEditorMVG").rglob("*.py")),
]
FORM = EXTENSION / "MVG" / "Resources" / "UI" / "MVG.ui"


def name_of(path: Path) -> str:
    return path.relative_to(EXTENSION).as_posix()


@pytest.mark.parametrize("path", [*SHARED, *HOST_ONLY], ids=name_of)
def test_slicer_runs_it_as_the_tests_do(path: Path) -> None:
    findings = check(path.read_text(encoding="utf-8"), host_only=path in HOST_ONLY)
    assert not findings, "\n".join(f"{name_of(path)} {finding}" for finding in findings)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("import PyQt5.QtWidgets", "does not have"),
        ("from PyQt5 import QtCore", "does not have"),
        ("from vtkmodules.util import numpy_support", "does not have"),
        ("from qt import QLabel", "as a whole"),
        ("text = label.text()", "property text called"),
        ("n = self.ui.spin.value()", "property value called"),
        ("i = box.currentIndex()", "property currentIndex called"),
        ("w = widget.width()", "property width called"),
        ("button = qt.QPushButton()\nok = button.isDefault() or button.text()", "property text called"),
        ("w = qt.QLabel().width()", "property width called"),
        ("label.text = 'x'", "set as an attribute"),
        ("button.connect('clicked()', f)", "given as a string"),
        ("box.activated[int].connect(f)", "signal[type]"),
        ("button.clicked.connect(f, type=qt.Qt.QueuedConnection)", "keyword arguments"),
        ("dialog.exec_()", "differs between bindings"),
        ("spin.valueChanged.connect(f)", "has overloads"),
        ("self.ui.box.currentIndexChanged.connect(lambda n: f(n))", "has overloads"),
        ("menu.exec(point)", "differs between bindings"),
        ("policy = qt.QSizePolicy.Policy.Expanding", "an enumeration by its own name"),
        ("a = qt.Qt.AlignmentFlag.AlignLeft", "an enumeration by its own name"),
        ("label = qt.QLabel(text='x')", "keyword arguments"),
        ("qt.QLable('x')", "not in Qt"),
        ("qt.Qt.AlignLefft", "not in Qt"),
        ("path, kind = qt.QFileDialog.getOpenFileName(None, 't')", "chosen_path"),
        ("class A(qt.QObject):\n    done = qt.pyqtSignal(int)", "signal declared in Python"),
        ("class A(qt.QObject):\n    done = Signal(int)", "signal declared in Python"),
        ("qt.pyqtSlot(int)", "PyQt5 alone"),
        ("ctk.ctkColapsibleButton()", "CTK"),
        ("slicer.util.arrayFromVolum(node)", "not in slicer.util"),
        ("slicer.vtkMRMLScalarVolumNode()", "neither in slicer-core"),
        ("from slicer import mrmlSene", "neither in slicer-core"),
    ],
)
def test_what_works_in_one_binding_only_is_found(bad: str, why: str) -> None:
    findings = [str(finding) for finding in check(bad)]
    assert any(why in finding for finding in findings), findings


@pytest.mark.parametrize(
    "good",
    [
        "import qt\nimport ctk\nimport slicer\nimport vtk",
        "read(label, 'text')",
        "follow(spin, 'valueChanged', 'value', f)",
        "box.toggled.connect(f)\nbox.clicked.connect(f)",
        "label.setText('x')\nbutton.clicked.connect(f)",
        "box.isChecked()",
        "size = qt.QSize(3, 4)\nw = size.width()",
        "painter = qt.QPainter(pixmap)\nf = painter.font()",
        "def mousePress(event):\n    return event.pos().x()",
        "def eventFilter(self, thing, event):\n    return event.size().width()",
        "qt.QSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)",
        "a = qt.Qt.AlignLeft | qt.Qt.AlignTop",
        "path = chosen_path(qt.QFileDialog.getOpenFileName(None, 't'))",
        "for key, value in table.items():\n    print(key.upper(), value)",
        "self.text = 'ours'",
        "import time\nnow = time.time()",
        "slicer.util.arrayFromVolume(node)\nslicer.util.loadUI(p)\nslicer.mrmlScene.Clear()",
        "node = slicer.vtkMRMLScalarVolumeNode()",
        "slicer.app.processEvents()\nctk.ctkCollapsibleButton()",
        "qt.QTimer.singleShot(0, f)",
        "class A:\n    def __init__(self):\n        self.changed = Signal()",
    ],
)
def test_what_works_in_both_passes(good: str) -> None:
    assert not check(good)


def test_a_file_for_slicer_alone_may_set_properties_but_not_call_them() -> None:
    assert not check("manager.interactive = False\nlabel.text = 'x'", host_only=True)
    assert check("x = label.text()", host_only=True)


def test_the_properties_are_those_of_qt() -> None:
    assert {"text", "value", "interval", "currentIndex", "toolTip", "geometry"} <= property_names()
    # Read by isChecked(), which is called in both.
    assert not {"checked", "enabled", "visible", "items", "layout", "name"} & property_names()


def form_widgets() -> dict[str, str]:
    """Returns name -> class of the widgets, layouts and actions in the form."""
    tree = ElementTree.parse(FORM)
    return {node.get("name", ""): node.get("class", "") for node in tree.iter("widget")}


def test_the_form_uses_known_classes_and_no_connections() -> None:
    known = set(qt_names()) | CTK_CLASSES | SLICER_WIDGETS
    assert set(form_widgets().values()) <= known
    connections = ElementTree.parse(FORM).find("connections")
    assert connections is None or len(connections) == 0


def test_every_widget_that_the_code_names_is_in_the_form() -> None:
    used = {
        name
        for path in SHARED
        for name in re.findall(r"\bui\.(\w+)", path.read_text(encoding="utf-8"))
        if name not in ("text", "py")
    }
    assert used and used <= set(form_widgets()), sorted(used - set(form_widgets()))
