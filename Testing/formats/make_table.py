"""Writes docs/formats.md anew: `python Testing/formats/make_table.py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "formats.md"
MARK = "<!-- made by Testing/formats/make_table.py; what follows is what MVG did -->"


def tables() -> str:
    """Tries every situation in a folder of its own and returns the tables as Markdown."""
    from Testing.formats import dicom_situations
    from Testing.formats.situations import SITUATIONS, outcome

    parts = []
    for title, situations in {**SITUATIONS, **dicom_situations.SITUATIONS}.items():
        rows = [f"## {title}", "", "| what you have | what happens |", "|---|---|"]
        for each in situations:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(f"| {each.name} | {outcome(each, Path(folder))} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


def page() -> str:
    """The page: its text as it stands, its tables anew."""
    return f"{PAGE.read_text(encoding='utf-8').partition(MARK)[0]}{MARK}\n\n{tables()}"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(page(), encoding="utf-8")
