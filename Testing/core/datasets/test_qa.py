"""The review page: what it tells, and that it works in a browser."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from MVGCore.cli.main import main
from MVGCore.datasets.manifest import DONE, FAILED, NAME, Manifest, Record
from MVGCore.datasets.qa import ReviewRequest, write_review
from MVGCore.datasets.review import rejected, volume_id
from MVGCore.errors import InputError
from MVGCore.volume import LabelMap, write_segmentation, write_volume
from Testing.core.datasets.browser import Browser, open_browser
from Testing.core.datasets.conftest import tiny_case

COUNT = 10
SECRET = "miller_john"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder of volumes whose names tell who they are; the last one has failed, one is empty."""
    folder = tmp_path / "results"
    (tmp_path / "truth").mkdir()
    folder.mkdir()
    manifest = Manifest(folder / NAME)
    for n in range(COUNT):
        image, labels = tiny_case(n)
        name = f"{SECRET}_{n}"
        write_volume(tmp_path / f"{name}.nrrd", image)
        write_segmentation(tmp_path / "truth" / f"{name}.seg.nrrd", labels)
        moved = np.roll(labels.array, n % 3, axis=2) * (n != 4)
        write_segmentation(folder / f"{name}.seg.nrrd", LabelMap(moved, labels.geometry, labels.classes))
        confidence = 0.9 - 0.02 * n
        report = {
            "axis": "k",
            "classes": [{"id": 3, "confidence": confidence, "expected_dice": {"value": 0.8, "error": 0.1}}],
            "slice_confidence": {str(k): confidence - 0.01 * k for k in range(6)},
            "slices_used": [1] if n == 0 else [],
            "expected_dice": {"value": 0.8, "error": 0.1},
            "notes": ["</script><script>document.title='hacked'</script>"] if n == 1 else [],
        }
        manifest.add(Record(name, DONE, str(tmp_path / f"{name}.nrrd"), f"{name}.seg.nrrd", report=report))
    image_path = str(tmp_path / f"{SECRET}_10.nrrd")
    manifest.add(Record(f"{SECRET}_10", FAILED, image_path, reason=f"'{image_path}' cannot be read."))
    return folder


def data_of(page: Path) -> dict[str, Any]:
    """What the page's script gets."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_the_page_tells_what_was_measured_and_no_name(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    truths = {f"{SECRET}_{n}": tmp_path / "truth" / f"{SECRET}_{n}.seg.nrrd" for n in range(COUNT)}
    assert write_review(ReviewRequest(results, truths, other=results), page) == COUNT + 1
    data = data_of(page)
    assert data["maps"] == ["result", "truth", "other"]
    first, second, *_ = data["volumes"]
    assert (first["dice"], first["agreement"], first["given"]) == (1.0, 1.0, [1])
    assert first["classes"][0] | {"hd95": 0.0, "surface": 1.0} == first["classes"][0]
    assert 0.5 < second["dice"] < 1.0 and second["confidence"] == 0.88
    assert data["volumes"][4]["classes"][0]["unlike"] == ["missing"]
    assert data["volumes"][-1]["reason"] == "'Volume 11' cannot be read."
    text = page.read_text(encoding="utf-8")
    assert SECRET not in text and str(tmp_path) not in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", text)


def test_names_are_shown_when_asked_for(results: Path, tmp_path: Path) -> None:
    write_review(ReviewRequest(results, {}, names=True), tmp_path / "page.html")
    assert data_of(tmp_path / "page.html")["volumes"][2]["label"] == f"{SECRET}_2"


def test_a_volume_whose_files_have_gone_keeps_the_page_going(results: Path, tmp_path: Path) -> None:
    (results / f"{SECRET}_1.seg.nrrd").unlink()
    (tmp_path / f"{SECRET}_2.nrrd").unlink()
    write_review(ReviewRequest(results, {}), tmp_path / "page.html")
    volumes = data_of(tmp_path / "page.html")["volumes"]
    assert volumes[1]["reason"].startswith("There is no file") and not volumes[2]["reason"]


def test_folders_without_results_are_refused(tmp_path: Path, results: Path) -> None:
    with pytest.raises(InputError, match="There are no results"):
        write_review(ReviewRequest(tmp_path, {}), tmp_path / "page.html")
    other = tmp_path / "other"
    other.mkdir()
    Manifest(other / NAME).add(Record("z", FAILED, "z.nrrd"))
    with pytest.raises(InputError, match="has no volume of"):
        write_review(ReviewRequest(results, {}, other), tmp_path / "page.html")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    yield from open_browser(tmp_path / "downloads")


def test_a_review_by_keyboard_and_mouse_comes_back_as_csv(
    browser: Browser, results: Path, tmp_path: Path
) -> None:
    truth = str(tmp_path / "truth")
    assert main(["qa", str(results), "--truth", truth, "--quiet", "--no-surfaces"]) == 0
    browser.show(results / "review.html")
    assert browser.texts("h2")[0] == "Volume 10"  # the least sure one
    assert browser.texts("#counts") == ["11 of 11 volumes shown · 0 accepted · 0 rejected"]
    browser.wait_for("figure svg image")
    assert browser.count(".volume:first-child figure") == 6
    assert browser.count(".volume:first-child path.truth") > 0
    browser.press("ja")  # steps onto the first one
    browser.press("jr")
    browser.press("e")
    browser.press('=leaks, "badly"')
    browser.press_escape()
    browser.press("o")
    assert browser.script("return getComputedStyle(document.querySelector('figure path')).display") == "none"
    browser.click(".volume:nth-child(3) .reject")
    browser.choose("#sort", "dice")
    assert browser.texts("h2")[0] == "Volume 5"  # the empty one
    browser.choose("#show", "rejected")
    assert sorted(browser.texts("h2")) == ["Volume 8", "Volume 9"]
    assert browser.texts("#counts") == ["2 of 11 volumes shown · 1 accepted · 2 rejected"]
    browser.click("#save-rejected")
    saved = browser.download("rejected.csv")
    assert rejected(saved, results) == {f"{SECRET}_7", f"{SECRET}_8"}
    with open(saved, newline="", encoding="utf-8") as stream:
        remarks = {row["volume"]: row["remark"] for row in csv.DictReader(stream)}
    assert remarks[volume_id(f"{SECRET}_8")] == '\'=leaks, "badly"'
    browser.show(results / "review.html")  # the browser has kept the review
    browser.choose("#show", "accepted")
    assert browser.texts("h2") == ["Volume 10"]
    assert browser.script("return document.title") == "Review of the labels"
    assert browser.complaints() == []
    for width in (390, 1400):
        browser.resize(width)
        assert browser.script("return document.documentElement.scrollWidth <= innerWidth")
