"""The entry for Slicer's Extensions Index keeps the rules by which the index checks what is submitted.

The rules are those of the checker in github.com/Slicer/ExtensionsIndex and of the schema that entries name,
as far as they can be checked without a network.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD_FILE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
ENTRIES = sorted(path for path in (ROOT / "docs").glob("*.json"))
# The index knows more; these are the ones that fit a module such as ours.
CATEGORIES = {"Segmentation", "Filtering", "Image Synthesis", "Active Learning"}
SCHEMA_KEYS: dict[str, type] = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "build_subdirectory": str,
    "enabled": bool,
    "tier": int,
}
REQUIRED = {"$schema", "category", "scm_url"}
LICENCES = ("LICENSE", "LICENCE", "LICENSE.txt", "COPYING")


def broken_rules(name: str, entry: dict[str, Any]) -> list[str]:
    """What the index would say of an entry; nothing if it takes it.

    Args:
        name: Of the extension, which is the name of the file without its ending.
        entry: The content of the file.
    """
    said = [f"{key} is missing" for key in sorted(REQUIRED - set(entry))]
    said += [f"{key} is not in the schema" for key in sorted(set(entry) - set(SCHEMA_KEYS))]
    said += [
        f"{key} is no {kind.__name__}"
        for key, kind in SCHEMA_KEYS.items()
        if key in entry and type(entry[key]) is not kind
    ]
    if said:
        return said
    address = urlsplit(entry["scm_url"].strip().strip("/"))
    repository = Path(address.path).name.removesuffix(".git")
    if not repository.startswith("Slicer"):
        said.append("the repository name should start with 'Slicer'")
    if name.lower().startswith("slicer"):
        said.append("the name of the extension should not start with 'Slicer'")
    if address.scheme not in ("git", "https") or not address.netloc:
        said.append("scm_url has no scheme that is supported")
    if entry["category"] not in CATEGORIES:
        said.append("the category is unknown")
    if entry.get("tier", 1) not in range(1, 6):
        said.append("the tier is not 1 to 5")
    if not all(isinstance(each, str) and each for each in entry.get("build_dependencies", [])):
        said.append("a dependency is no name")
    return said


@pytest.fixture(params=ENTRIES, ids=lambda path: path.stem)
def entry_file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_there_is_an_entry() -> None:
    assert [path.stem for path in ENTRIES] == ["MVG"]


def test_the_index_takes_the_entry(entry_file: Path) -> None:
    assert broken_rules(entry_file.stem, json.loads(entry_file.read_text(encoding="utf-8"))) == []


def test_its_lines_end_as_the_index_wants(entry_file: Path) -> None:
    assert b"\r" not in entry_file.read_bytes()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"scm_url": "https://github.com/someone/MVG.git"}, "should start with 'Slicer'"),
        ({"scm_url": "SlicerMVG"}, "no scheme"),
        ({"scm_url": "ssh://git@github.com/someone/SlicerMVG.git"}, "no scheme"),
        ({"category": "Magic"}, "category"),
        ({"tier": 6}, "tier"),
        ({"tier": "1"}, "no int"),
        ({"build_dependencies": "PyTorch"}, "no list"),
        ({"colour": "blue"}, "not in the schema"),
    ],
)
def test_what_breaks_a_rule_is_told(change: dict[str, Any], why: str) -> None:
    entry = json.loads(ENTRIES[0].read_text(encoding="utf-8"))
    assert any(why in each for each in broken_rules("MVG", {**entry, **change}))
    assert "category is missing" in broken_rules("MVG", {k: v for k, v in entry.items() if k != "category"})
    assert any("should not start" in each for each in broken_rules("SlicerMVG", entry))


def test_the_build_file_is_of_that_extension(entry_file: Path) -> None:
    project = re.search(r"project\s*\(\s*([^\s)]+)", BUILD_FILE)
    assert project is not None and project[1] == entry_file.stem
    for name in ("ICONURL", "SCREENSHOTURLS"):
        found = re.search(rf'set\s*\(EXTENSION_{name}\s*"([^"]+)"\s*\)', BUILD_FILE)
        assert found is not None
        for address in found[1].split():
            assert address.startswith("https://") and address.endswith((".png", ".jpg", ".jpeg", ".gif"))


def test_the_licence_lies_at_the_root() -> None:
    assert any((ROOT / name).is_file() for name in LICENCES)


def test_every_address_names_the_same_repository(entry_file: Path) -> None:
    repository = json.loads(entry_file.read_text(encoding="utf-8"))["scm_url"].removesuffix(".git")
    owner_and_name = urlsplit(repository).path.strip("/")
    owner = owner_and_name.partition("/")[0]
    for path in (ROOT / "CMakeLists.txt", ROOT / "MVGSlicerExtension" / "MVG" / "MVG.py", ROOT / "README.md"):
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(rf"github(?:usercontent)?\.com/({owner}/[\w-]+)", text))
        assert named <= {owner_and_name}, path.name
