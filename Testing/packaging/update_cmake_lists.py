"""Rewrites the list of Python files in MVGCore/CMakeLists.txt from the tree.

Slicer silently leaves out a file that is not listed, so run this after adding or removing a module:
`python Testing/packaging/update_cmake_lists.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "MVGCore"
CMAKE_LISTS = PACKAGE / "CMakeLists.txt"
LIST = re.compile(r"(?<=set\(MVGCore_SCRIPTS\n)(?P<files>.*?)(?=  \)\n)", re.DOTALL)


def scripts_in_tree() -> list[str]:
    """Returns the package's Python files relative to MVGCore, sorted."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def scripts_listed() -> list[str]:
    """Returns the files named in MVGCore/CMakeLists.txt, in their order.

    Raises:
        ValueError: the file has no `set(MVGCore_SCRIPTS` block.
    """
    match = LIST.search(CMAKE_LISTS.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(f"{CMAKE_LISTS} has no block 'set(MVGCore_SCRIPTS ... )'.")
    return match["files"].split()


def main() -> None:
    listing = "".join(f"  {name}\n" for name in scripts_in_tree())
    text = CMAKE_LISTS.read_text(encoding="utf-8")
    CMAKE_LISTS.write_text(LIST.sub(lambda _: listing, text, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
