"""Draws the house from its own import statements: which part of MVGCore and of the hosts knows which.

    python Testing/packaging/draw_house.py

rewrites the picture in docs/architecture.md; a test compares it with the tree.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- house -->", "<!-- /house -->"
# Where a package lies, and how many names make a part of it: MVGCore.volume, MVGLib.panel, MVGDesktop.
PLACES = {
    "MVGCore": (ROOT / "MVGCore", 2),
    "MVGLib": (ROOT / "MVGSlicerExtension" / "MVG" / "MVGLib", 2),
    "MVGDesktop": (ROOT / "MVGSlicerExtension" / "MVGDesktop", 1),
}


def parts_of(package: str) -> dict[str, set[str]]:
    """Returns part -> the dotted names that its files import."""
    folder, depth = PLACES[package]
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        own = (package, *path.relative_to(folder).with_suffix("").parts)
        names = found.setdefault(".".join(own[:depth]), set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def part_named(dotted: str) -> str:
    """Returns the part that a dotted name belongs to, or an empty text for other people's packages."""
    package = dotted.split(".")[0]
    return ".".join(dotted.split(".")[: PLACES[package][1]]) if package in PLACES else ""


def edges() -> dict[str, set[str]]:
    """Returns part -> the parts that it knows, each only if no part between knows it as well."""
    known = {
        part: {part_named(name) for name in names} - {part, ""}
        for package in PLACES
        for part, names in parts_of(package).items()
        if len(part.split(".")) == PLACES[package][1] and not part.endswith("__init__")
    }
    known = {part: {target for target in targets if target in known} for part, targets in known.items()}

    def implied(target: str, targets: set[str]) -> bool:
        return any(target in reached(known, other) for other in targets - {target})

    return {part: {each for each in targets if not implied(each, targets)} for part, targets in known.items()}


def reached(known: dict[str, set[str]], start: str) -> set[str]:
    """Returns all parts that one reaches from a part."""
    found, ahead = set(), [start]
    while ahead:
        fresh = known.get(ahead.pop(), set()) - found
        found |= fresh
        ahead += fresh
    return found


def picture() -> str:
    """Returns the picture as a Mermaid flow chart."""
    lines = ["```mermaid", "flowchart TD"]
    drawn = edges()
    for part in sorted(drawn):
        lines += [f"    {part} --> {target}" for target in sorted(drawn[part])]
    return "\n".join([*lines, "```"])


def with_picture(text: str) -> str:
    """Returns the page with the picture of today between its marks."""
    pattern = re.compile(f"(?<={BEGIN}\n).*?(?={END})", re.DOTALL)
    return pattern.sub(lambda _: f"{picture()}\n", text)


if __name__ == "__main__":
    PAGE.write_text(with_picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
