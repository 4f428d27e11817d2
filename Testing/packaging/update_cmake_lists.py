"""Rewrites the lists of files in the CMake files from the tree.

Slicer silently leaves out a file that is not listed, so run this after adding or removing a file of MVGCore
or of the Slicer modules: `python Testing/packaging/update_cmake_lists.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "MVGSlicerExtension"


@dataclass(frozen=True)
class Listing:
    """One `set(NAME ... )` block of a CMake file and the files that belong in it.

    Attributes:
        variable: name of the list.
        folder: folder of the CMakeLists.txt; files are named relative to it.
        patterns: which files are listed.
    """

    variable: str
    folder: Path
    patterns: tuple[str, ...]

    @property
    def cmake_file(self) -> Path:
        """The file that has the list."""
        return self.folder / "CMakeLists.txt"

    def in_tree(self) -> list[str]:
        """Returns the files that are there, sorted."""
        found = {path for pattern in self.patterns for path in self.folder.glob(pattern) if path.is_file()}
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    def listed(self) -> list[str]:
        """Returns the files that the CMake file names, in its order.

        Raises:
            ValueError: it has no such block.
        """
        match = self._block().search(self.cmake_file.read_text(encoding="utf-8"))
        if match is None:
            raise ValueError(f"{self.cmake_file} has no block 'set({self.variable} ... )'.")
        return match["files"].split()

    def update(self) -> None:
        """Writes the files of the tree into the block."""
        lines = "".join(f"  {name}\n" for name in self.in_tree())
        text = self.cmake_file.read_text(encoding="utf-8")
        self.cmake_file.write_text(self._block().sub(lambda _: lines, text, count=1), encoding="utf-8")

    def _block(self) -> re.Pattern[str]:
        return re.compile(rf"(?<=set\({self.variable}\n)(?P<files>.*?)(?=  \)\n)", re.DOTALL)


MODULE_RESOURCES = tuple(
    f"Resources/{pattern}" for pattern in ("UI/*.ui", "Icons/*.png", "Icons/*.svg", "SampleData/*")
)
LISTINGS = (
    Listing("MVGCore_SCRIPTS", ROOT / "MVGCore", ("**/*.py",)),
    Listing("MVG_SCRIPTS", EXTENSION / "MVG", ("MVG.py", "MVGLib/**/*.py")),
    Listing("MVG_RESOURCES", EXTENSION / "MVG", MODULE_RESOURCES),
    Listing("SegmentEditorMVG_SCRIPTS", EXTENSION / "SegmentEditorMVG", ("**/*.py",)),
    Listing("SegmentEditorMVG_RESOURCES", EXTENSION / "SegmentEditorMVG", ("**/*.png",)),
)


def main() -> None:
    for listing in LISTINGS:
        listing.update()


if __name__ == "__main__":
    main()
