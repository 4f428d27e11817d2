"""`mvg adapt` and `mvg segment --adapt`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest


@pytest.mark.parametrize("seconds", [None, 7])
def test_weights_are_written_when_it_helps(scene, fake_session, mvg, seconds: int | None) -> None:
    weights = scene.folder / "mine.safetensors"
    options = [] if seconds is None else ["--seconds", seconds]
    code, out, _ = mvg("adapt", scene.image_path, "--labels", scene.few_path, "-o", weights, *options)
    assert code == 0 and weights.read_text() == "weights"
    assert "0.850" in out and str(weights) in out
    assert fake_session.adapted_for == (seconds or 60)


def test_nothing_is_written_when_it_does_not(scene, fake_session, mvg, monkeypatch) -> None:
    refused = replace(fake_session.adaptation, kept=False, text="It did not help.")
    monkeypatch.setattr(fake_session, "adaptation", refused)
    weights = scene.folder / "mine.safetensors"
    code, out, error = mvg("adapt", scene.image_path, "--labels", scene.few_path, "-o", weights)
    assert code == 1 and "did not help" in error and not out and not weights.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("-o", "mine.pth", "--labels", "few.seg.nrrd"),
        ("-o", "mine.safetensors"),
        ("-o", "mine.safetensors", "--labels", "few.seg.nrrd", "--seconds", "0"),
        ("-o", "mine.safetensors", "--labels", "few.seg.nrrd", "--seconds", "inf"),
    ],
)
def test_unusable_orders_are_refused(scene, fake_session, mvg, monkeypatch, words) -> None:
    monkeypatch.chdir(scene.folder)
    code, _, error = mvg("adapt", "image.nrrd", *words)
    assert code == 2 and error and fake_session.adapted_for is None


def test_segment_adapts_first_and_reports_it(scene, fake_session, mvg) -> None:
    report = scene.folder / "run.json"
    words = ("--labels", scene.few_path, "-o", scene.folder / "out.nrrd", "--report", report, "--adapt", 20)
    code, out, _ = mvg("segment", scene.image_path, *words)
    assert code == 0 and fake_session.adapted_for == 20 and "0.850" in out
    told = json.loads(report.read_text())
    assert told["adaptation"]["kept"] is True and told["adaptation"]["steps"] == 40
    assert "adapt" in told["seconds"]


def test_segment_tells_the_dice_to_expect(scene, fake_session, mvg) -> None:
    report = scene.folder / "run.json"
    words = ("--labels", scene.few_path, "-o", scene.folder / "out.nrrd", "--report", report)
    code, out, _ = mvg("segment", scene.image_path, *words)
    assert code == 0 and "0.81 ± 0.05" in out and "0.90 ± 0.04" in out
    told = json.loads(report.read_text())
    assert told["expected_dice"] == {"value": 0.8123, "error": 0.05} and told["adaptation"] is None
    assert told["slice_dice"] == {"5": 0.7}
    assert [each["expected_dice"] for each in told["classes"]] == [{"value": 0.9, "error": 0.04}, None]
