"""The documents beside the README keep their promises: links lead somewhere, the panel has what they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from MVGDesktop import qtcompat

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "MVGSlicerExtension"
DOCUMENTS = [ROOT / "CONTRIBUTING.md", EXTENSION / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TUTORIAL = (ROOT / "docs" / "tutorial-slicer.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_panel_has_what_the_tutorial_tells_to_press() -> None:
    sources = [EXTENSION / "MVG" / "Resources" / "UI" / "MVG.ui", *(EXTENSION / "MVG").rglob("*.py")]
    shown = " ".join(path.read_text(encoding="utf-8") for path in sources).replace("\u2026", "...")
    pressed = set(re.findall(r"\*\*([^*]+)\*\*", TUTORIAL))
    assert len(pressed) >= 10
    assert not {each for each in pressed if each not in shown}


def test_the_tutorial_says_where_its_data_come_from() -> None:
    from MVGLib.host import sampledata

    for name, files in sampledata.SAMPLES.items():
        assert f"**{name}**" in TUTORIAL
        if files[0].address:
            assert f"SHA256:{files[0].sha256[:8]}" in TUTORIAL


def test_the_keys_are_the_modules_keys() -> None:
    qtcompat.install()
    from MVGLib.panel.shortcuts import EFFECT_KEYS, MODULE_KEYS

    key = r"((?:Ctrl\+|Shift\+)?(?:[A-Z]|Space|Esc|Enter))"
    told = set(re.findall(rf"\((?:key )?{key}(?: goes there)?\)", TUTORIAL))
    assert told == {keys[-1] for keys in MODULE_KEYS.values()}
    in_editor = set(re.findall(rf"with {key}\b", TUTORIAL.partition("## In the Segment Editor")[2]))
    assert told | in_editor >= {keys[-1] for keys in EFFECT_KEYS.values()}
