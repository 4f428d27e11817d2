"""docs/formats.md says what MVG does with files as they come."""

from __future__ import annotations

from Testing.formats.make_table import PAGE, page


def test_the_table_of_formats_says_what_happens() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert page() == written, "run: python Testing/formats/make_table.py"
    assert "REPLACED" not in written and "DOES NOT" not in written and "| READ" not in written
