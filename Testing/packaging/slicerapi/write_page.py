"""Writes docs/slicer-names.md: every name of Slicer, CTK and qMRML that is used, and where it is declared.

python -m Testing.packaging.slicerapi.write_page
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from Testing.packaging.slicerapi.read_headers import EXTENSION, mrml_classes
from Testing.packaging.slicerapi.tables import OLDEST, STABLE, find, functions, nodes
from Testing.packaging.slicerapi.uses import form_classes, uses_in

PAGE = EXTENSION.parent / "docs" / "slicer-names.md"
FORM = EXTENSION / "MVG" / "Resources" / "UI" / "MVG.ui"
_HEAD = """# Names of 3D Slicer in use

Every name of Slicer, CTK and qMRML that the module uses, the file that declares it, and the first of the
supported versions ({oldest} to {stable}) that has it. Python sees properties, public slots, signals and
`Q_INVOKABLE` methods of such a class, and nothing else; `Testing/packaging/test_slicer_names.py` refuses
other uses.
This page is made by `python -m Testing.packaging.slicerapi.write_page`, its table of headers by
`python -m Testing.packaging.slicerapi.read_headers SLICER_CHECKOUT CTK_CHECKOUT`.

"""

Row = tuple[str, str, str, str]


def sources() -> list[Path]:
    """The files that run inside Slicer."""
    return [
        path for folder in ("MVG", "SegmentEditorMVG") for path in sorted((EXTENSION / folder).rglob("*.py"))
    ]


def page() -> str:
    """The page as it has to be."""
    parts = [_HEAD.format(oldest=OLDEST.removeprefix("v"), stable=STABLE.removeprefix("v"))]
    for title, rows in (
        ("Members of classes", _members()),
        ("Functions of Python", _functions()),
        ("Classes of MRML and of logics", _nodes()),
    ):
        parts.append(f"## {title}\n\n| name | what | declared in | since |\n|---|---|---|---|\n")
        parts += [f"| {' | '.join(row)} |\n" for row in sorted(set(rows))]
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def _members() -> Iterator[Row]:
    form = form_classes(FORM)
    for path in sources():
        for use in uses_in(path.read_text(encoding="utf-8"), form):
            owner = find(use.of, use.member)
            if owner is not None:
                name = f"`{owner.name}.{use.member}`"
                yield name, owner.kind(use.member), owner.header, owner.version(use.member)
    for class_name, properties in _form_properties().items():
        for member in properties:
            owner = find(class_name, member)
            if owner is not None:
                name = f"`{owner.name}.{member}`"
                yield name, owner.kind(member), owner.header, owner.version(member)


def _form_properties() -> dict[str, set[str]]:
    """Class of Slicer or CTK -> the properties that the form sets."""
    from xml.etree import ElementTree

    found: dict[str, set[str]] = {}
    for widget in ElementTree.parse(FORM).iter("widget"):
        names = {each.get("name", "") for each in widget.findall("property")}
        found.setdefault(widget.get("class", ""), set()).update(names)
    return found


def _functions() -> Iterator[Row]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources())
    for module, known in functions().items():
        file = f"Slicer Base/Python/{module.replace('.', '/')}.py"
        short = module.rpartition(".")[2]
        imported = re.findall(rf"^\s*from {re.escape(module)} import \(?([\w\s,]+)\)?$", text, re.M)
        used = {name for each in imported for name in re.findall(r"\w+", each)}
        used |= set(re.findall(rf"\b(?:slicer\.)?{short}\.(\w+)\(", text))
        for name in sorted(used & set(known)):
            yield f"`{module}.{name}`", "function", file, known[name].removeprefix("v")


def _nodes() -> Iterator[Row]:
    for name in mrml_classes(EXTENSION):
        record = nodes().get(name)
        if record is not None:
            yield f"`{name}`", "class", record["header"], record["since"].removeprefix("v")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
