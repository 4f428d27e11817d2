"""Makes `classes.json` from checkouts of Slicer and CTK: names that PythonQt sees, and since when.

    python -m Testing.packaging.slicerapi.read_headers SLICER_CHECKOUT CTK_CHECKOUT

The oldest version that we support is read first, the stable one after it: a member that the stable one has
lost is left out, one that the oldest lacks is marked with the version that brought it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Oldest supported and stable; what a header declares may differ between them.
VERSIONS = ("v5.10.0", "v5.12.3")
TABLE = Path(__file__).with_name("classes.json")
# Class -> project and header.
HEADERS = {
    "ctkCollapsibleButton": ("CTK", "Libs/Widgets/ctkCollapsibleButton.h"),
    "qMRMLNodeComboBox": ("Slicer", "Libs/MRML/Widgets/qMRMLNodeComboBox.h"),
    "qSlicerCoreApplication": ("Slicer", "Base/QTCore/qSlicerCoreApplication.h"),
    "qSlicerApplication": ("Slicer", "Base/QTGUI/qSlicerApplication.h"),
    "qSlicerExtensionsManagerModel": ("Slicer", "Base/QTCore/qSlicerExtensionsManagerModel.h"),
    "qSlicerModuleManager": ("Slicer", "Base/QTCore/qSlicerModuleManager.h"),
    "qSlicerAbstractModuleWidget": ("Slicer", "Base/QTGUI/qSlicerAbstractModuleWidget.h"),
    "qSlicerScriptedLoadableModuleWidget": ("Slicer", "Base/QTGUI/qSlicerScriptedLoadableModuleWidget.h"),
    "qSlicerSegmentEditorAbstractEffect": (
        "Slicer",
        "Modules/Loadable/Segmentations/EditorEffects/qSlicerSegmentEditorAbstractEffect.h",
    ),
    "qSlicerSegmentEditorScriptedEffect": (
        "Slicer",
        "Modules/Loadable/Segmentations/EditorEffects/qSlicerSegmentEditorScriptedEffect.h",
    ),
    "qMRMLSegmentEditorWidget": (
        "Slicer",
        "Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h",
    ),
    "qSlicerSegmentEditorEffectFactory": (
        "Slicer",
        "Modules/Loadable/Segmentations/EditorEffects/qSlicerSegmentEditorEffectFactory.h",
    ),
}
# Python functions of Slicer that the module calls.
SCRIPTS = {
    "slicer.util": "Base/Python/slicer/util.py",
    "slicer.packaging": "Base/Python/slicer/packaging.py",
    "slicer.i18n": "Base/Python/slicer/i18n.py",
    "slicer.ScriptedLoadableModule": "Base/Python/slicer/ScriptedLoadableModule.py",
}
EXTENSION = Path(__file__).resolve().parents[3] / "MVGSlicerExtension"
_MRML = re.compile(r"\b(vtk(?:MRML|Slicer|Segment|Oriented)\w*[a-z0-9])\b")
_PROPERTY = re.compile(r"Q_PROPERTY\(\s*([\w:<>, ]+?[\s*&]+)(\w+)\s+READ\s+\w+(\s+WRITE\s+\w+)?")
_SECTION = re.compile(r"\b(public|protected|private|signals|Q_SIGNALS)\b\s*(slots|Q_SLOTS)?\s*:(?!:)")
_FUNCTION = re.compile(
    r"([~\w]+)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*(?:const)?\s*(?:override)?\s*(?:=\s*0)?$"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slicer", type=Path, help="checkout of github.com/Slicer/Slicer")
    parser.add_argument("ctk", type=Path, help="checkout of github.com/commontk/CTK")
    arguments = parser.parse_args()
    fixed_voxels = {version: _pinned_ctk(arguments.slicer, version) for version in VERSIONS}
    classes = {}
    for name, (project, header) in HEADERS.items():
        folder = arguments.slicer if project == "Slicer" else arguments.ctk
        revisions = [version if project == "Slicer" else fixed_voxels[version] for version in VERSIONS]
        old, new = (read_class(_show(folder, revision, header), name) for revision in revisions)
        classes[name] = {"header": f"{project} {header}", **_merged(old, new)}
    functions = {
        module: _merged_functions(
            *(_functions(_show(arguments.slicer, version, path)) for version in VERSIONS)
        )
        for module, path in SCRIPTS.items()
    }
    nodes = {name: _declared(arguments.slicer, name) for name in mrml_classes(EXTENSION)}
    table = {
        "versions": VERSIONS,
        "ctk": fixed_voxels,
        "classes": classes,
        "functions": functions,
        "nodes": nodes,
    }
    TABLE.write_text(_text(table), encoding="utf-8")


def mrml_classes(folder: Path) -> list[str]:
    """The classes of MRML and of Slicer's logics that Python files name, in order."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*.py")):
        if "MVGDesktop" not in path.parts:
            found.update(_MRML.findall(path.read_text(encoding="utf-8")))
    return sorted(found)


def _declared(slicer: Path, name: str) -> dict[str, str]:
    """{"header", "since"} of a class of MRML or of a logic."""
    paths = [_path_of(slicer, version, name) for version in VERSIONS]
    if not paths[1]:
        raise SystemExit(f"Slicer {VERSIONS[1]} has no header of {name}.")
    return {"header": f"Slicer {paths[1]}", "since": VERSIONS[0] if paths[0] else VERSIONS[1]}


def _path_of(slicer: Path, version: str, name: str) -> str:
    command = ["git", "-C", str(slicer), "ls-tree", "-r", "--name-only", version]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return next((path for path in listed if path.endswith(f"/{name}.h")), "")


def _text(table: dict[str, Any]) -> str:
    """JSON with one line for each kind of members, so that a change of a header is seen in a diff."""
    whole = json.dumps(table, indent=1)
    for innermost in (r"\[[^\[\]]*\]", r"\{[^{}]*\}"):
        whole = re.sub(innermost, lambda match: " ".join(match[0].split()), whole)
    return whole + "\n"


def read_class(header: str, name: str) -> dict[str, Any]:
    """Returns {"extends", "properties", "slots", "signals", "invokables"} of a class in a header.

    Properties map to "read" or "read, write", methods to [least, most] numbers of arguments.
    """
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", header, flags=re.S)
    found = re.search(rf"class\s+(?:\w+\s+)?{name}\s*(?:final\s*)?:\s*public\s+(\w+)[^{{;]*\{{", text)
    if found is None:
        raise SystemExit(f"The header has no class {name}.")
    body = _body(text, found.end())
    result: dict[str, Any] = {
        "extends": found[1],
        "properties": {},
        "slots": {},
        "signals": {},
        "invokables": {},
    }
    for match in _PROPERTY.finditer(body):
        result["properties"][match[2]] = "read, write" if match[3] else "read"
    access, kind = "private", ""
    for statement in _statements(re.sub(r"Q_PROPERTY\((?:[^()]|\([^()]*\))*\)", "", body)):
        for match in _SECTION.finditer(statement):
            signals = match[1].endswith(("signals", "SIGNALS"))
            access = "public" if signals else match[1]
            kind = "signals" if signals else "slots" if match[2] else ""
        if access == "public":
            _take(result, kind, _SECTION.sub("", statement).strip())
    return result


def _take(result: dict[str, Any], kind: str, declaration: str) -> None:
    """Put a public declaration where PythonQt finds it, if it does."""
    kind = kind or ("invokables" if "Q_INVOKABLE" in declaration else "")
    if not kind:
        return
    match = _FUNCTION.search(declaration)
    if match is None or match[1].startswith("~"):
        return
    arguments = [each for each in _split(match[2]) if each and each != "void"]
    least = sum("=" not in each for each in arguments)
    known = result[kind].get(match[1], [least, len(arguments)])
    result[kind][match[1]] = [min(known[0], least), max(known[1], len(arguments))]


def _statements(body: str) -> Iterator[str]:
    """The declarations of a class, without the bodies of functions."""
    flat, depth, inside = [], 0, 0  # of braces, and of parentheses, where braces are values
    for character in body:
        depth += (character == "{") - (character == "}")
        inside += 0 if depth else (character == "(") - (character == ")")
        if character == "}" and depth == 0 and not inside:
            flat.append(";")
        elif depth == 0 and character != "}":
            flat.append(character)
    text = re.sub(r"\b(Q_OBJECT|Q_GADGET|QVTK_OBJECT)\b", "", "".join(flat))
    for statement in text.split(";"):
        yield " ".join(statement.split())


def _body(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[start:place]
    raise SystemExit("A class has no end.")


def _split(arguments: str) -> list[str]:
    """Arguments at the commas outside of templates and brackets."""
    parts, depth = [""], 0
    for character in arguments:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _functions(source: str) -> set[str]:
    """Public functions and classes of a Python file."""
    return set(re.findall(r"^(?:def|class) ([A-Za-z]\w*)", source, re.M))


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {"extends": new["extends"]}
    since = {}
    for kind in ("properties", "slots", "signals", "invokables"):
        merged[kind] = dict(sorted(new[kind].items()))
        since.update({name: VERSIONS[1] for name in new[kind] if name not in old[kind]})
    return {**merged, "since": dict(sorted(since.items()))}


def _merged_functions(old: set[str], new: set[str]) -> dict[str, str]:
    return {name: VERSIONS[0] if name in old else VERSIONS[1] for name in sorted(new)}


def _pinned_ctk(slicer: Path, version: str) -> str:
    """The revision of CTK that a version of Slicer is built with."""
    script = _show(slicer, version, "SuperBuild/External_CTK.cmake")
    found = re.search(r'_GIT_TAG\s+"([0-9a-f]{40})"', script)
    if found is None:
        raise SystemExit(f"Slicer {version} does not say which CTK it needs.")
    return found[1]


def _show(folder: Path, revision: str, path: str) -> str:
    command = ["git", "-C", str(folder), "show", f"{revision}:{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout  # empty where that version has no such file


if __name__ == "__main__":
    main()
