"""The documentation as a site: every page is in its navigation, and the picture of the house is of today."""

from __future__ import annotations

import re
from pathlib import Path

from Testing.packaging import draw_house

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    named = set(re.findall(r"[\w/-]+\.md", navigation))
    assert named == {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}


def test_the_picture_of_the_house_follows_the_imports() -> None:
    page = draw_house.PAGE.read_text(encoding="utf-8")
    assert draw_house.with_picture(page) == page, "Run python Testing/packaging/draw_house.py."


def test_the_house_has_no_cycles_between_its_parts() -> None:
    drawn = draw_house.edges()
    assert not [part for part in drawn if part in draw_house.reached(drawn, part)]
