"""What our code uses of Slicer, CTK and qMRML is what PythonQt sees of them, in all supported versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from Testing.packaging.slicerapi.read_headers import EXTENSION, mrml_classes, read_class
from Testing.packaging.slicerapi.tables import OLDEST, classes, functions, nodes
from Testing.packaging.slicerapi.uses import form_classes, uses_in
from Testing.packaging.slicerapi.write_page import FORM, PAGE, page, sources

FORM_CLASSES = form_classes(FORM)
# Newer than the oldest supported version, and used where it is there only.
GUARDED = {"slicer.packaging"}

HEADER = """
/// Q_PROPERTY(int commentedOut READ no)
class SOME_EXPORT qThing : public QWidget
{
  Q_OBJECT
  Q_PROPERTY(bool open READ isOpen WRITE setOpen NOTIFY openChanged)
  Q_PROPERTY(QMap<QString, int> both READ both)
public:
  explicit qThing(QWidget* parent = nullptr) : QWidget(parent), d(0) {}
  void setOpen(bool);
  Q_INVOKABLE int count(const QString& name = QString(), QList<int> of = {}) const;
  Q_INVOKABLE virtual void go() = 0;
public Q_SLOTS:
  void show(const QMap<int, int>& what) { if (what.size()) { count(); } }
  void show();
signals:
  void openChanged(bool);
protected slots:
  void hidden();
private:
  Q_INVOKABLE void secret();
};
"""


def problems(source: str) -> list[str]:
    return [use.problem() for use in uses_in(source, FORM_CLASSES) if use.problem()]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(EXTENSION).as_posix())
def test_pythonqt_sees_all_that_is_used(path: Path) -> None:
    assert not problems(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("ui.reviewSection.setCollapsed(True)", "not known to PythonQt"),
        ("self._ui.volumeSelector.setNodeTypes([])", "not known to PythonQt"),
        ("ui.volumeSelector.currentNodeID()", "is a property"),
        ("ui.applyButton.text()", "is a property"),
        ("ui.applyButton.setTextt('x')", "not known to PythonQt"),
        ("ui.reviewSection.setProperty('colapsed', True)", "no property colapsed"),
        ("read(ui.volumeSelector, 'currentNode')", "no property currentNode"),
        ("ui.volumeSelector.nodeCount.connect(f)", "no signal"),
        ("ui.volumeSelector.currentNodeIDChanged()", "is a signal"),
        ("for box, n in ((ui.volumeSelector, 1),):\n    box.setNoneEnabled(True)", "not known to PythonQt"),
        ("box = self.ui.runSection\nbox.setContentsLineWidth(0)", "not known to PythonQt"),
        ("slicer.app.quitNow()", "not known to PythonQt"),
        ("slicer.app.slicerHome()", "is a property"),
        ("m = slicer.app.extensionsManagerModel()\nm.installedExtensions = []", "cannot be written"),
        ("m = slicer.app.extensionsManagerModel()\nm.uninstallExtension('x')", "not known to PythonQt"),
        ("self.scriptedEffect.perSegmentt = True", "no property"),
    ],
)
def test_what_pythonqt_does_not_see_is_found(bad: str, why: str) -> None:
    found = problems(bad)
    assert any(why in each for each in found), found


@pytest.mark.parametrize(
    "good",
    [
        "ui.reviewSection.setProperty('collapsed', True)",
        "ui.volumeSelector.setMRMLScene(scene)\nui.volumeSelector.currentNode()",
        "ui.volumeSelector.currentNodeIDChanged.connect(f)",
        "ui.applyButton.setEnabled(True)\nui.applyButton.clicked.connect(f)",
        "slicer.app.processEvents()\nslicer.app.startupCompleted.connect(f)",
        "m = slicer.app.extensionsManagerModel()\nm.interactive = False\nm.isExtensionInstalled('x')",
        "read(ui.volumeSelector, 'toolTip')",
    ],
)
def test_what_pythonqt_sees_passes(good: str) -> None:
    assert not problems(good)


def test_a_header_is_read_as_pythonqt_reads_the_meta_object() -> None:
    found = read_class(HEADER, "qThing")
    assert found == {
        "extends": "QWidget",
        "properties": {"open": "read, write", "both": "read"},
        "slots": {"show": [0, 1]},
        "signals": {"openChanged": [1, 1]},
        "invokables": {"count": [0, 2], "go": [0, 0]},
    }


def test_the_oldest_supported_version_has_every_member() -> None:
    for path in sources():
        for use in uses_in(path.read_text(encoding="utf-8"), FORM_CLASSES):
            table = classes().get(use.of)
            assert table is None or use.member not in table.since, use


def test_the_oldest_supported_version_has_every_function() -> None:
    rows = [line.split(" | ") for line in page().splitlines() if "| function |" in line]
    assert len(rows) > 10
    for name, _kind, _file, since in rows:
        module = name.strip("|` ").rpartition(".")[0]
        assert module in functions()
        assert since.strip(" |") == OLDEST.removeprefix("v") or module in GUARDED, name


def test_the_header_of_every_class_of_mrml_is_known() -> None:
    unknown = [name for name in mrml_classes(EXTENSION) if name not in nodes()]
    assert not unknown, "run python -m Testing.packaging.slicerapi.read_headers SLICER_CHECKOUT CTK_CHECKOUT"


def test_the_page_of_names_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m Testing.packaging.slicerapi.write_page"
