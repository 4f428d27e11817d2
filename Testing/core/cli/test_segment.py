"""`mvg segment`: the files it writes, the input it refuses, and what stays untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import CancelledError, MVGError
from MVGCore.volume import LabelMap, Volume, read_labelmap, read_segmentation, read_volume, write_volume

Mvg = Callable[..., tuple[int, str, str]]
EXAMPLES = [3, 8]


def test_writes_a_segmentation_with_the_names_and_colours_of_the_examples(
    scene, fake_session, mvg: Mvg
) -> None:
    out = scene.folder / "out.seg.nrrd"
    code, printed, complaint = mvg("segment", scene.image_path, "--labels", scene.few_path, "-o", out)
    assert (code, complaint) == (0, "")
    written = read_segmentation(out)
    assert [each.class_.name for each in written.segments] == ["liver", "spleen"]
    np.testing.assert_allclose(written.segments[0].class_.color, (0.8, 0.3, 0.2), atol=0.01)
    assert written.geometry.is_close(scene.image.geometry)
    assert "liver" in printed and "3, 8 along k" in printed and "A note of the session." in printed
    assert fake_session.made_with == {
        "model": "compact",
        "device": "auto",
        "quality": "standard",
        "precision": "auto",
    }


@pytest.mark.parametrize("name", ["out.nrrd", "out.nii.gz", "out.mha"])
def test_writes_a_label_map_by_the_ending(scene, fake_session, mvg: Mvg, name: str) -> None:
    out = scene.folder / name
    assert mvg("segment", scene.image_path, "--labels", scene.few_path, "-o", out)[0] == 0
    written = read_labelmap(out)
    assert written.ids == (1, 7)
    np.testing.assert_array_equal(written.array[EXAMPLES], scene.truth.array[EXAMPLES])


def test_report_and_confidence_say_what_was_done(scene, fake_session, mvg: Mvg) -> None:
    out, confidence, report = (scene.folder / name for name in ("o.nrrd", "c.nrrd", "r.json"))
    words = ["segment", scene.image_path, "--labels", scene.few_path, "-o", out, "--axis", "k", "--quiet"]
    code, printed, _ = mvg(*words, "--confidence", confidence, "--report", report, "--device", "cpu")
    assert (code, printed) == (0, "")
    assert float(read_segmentation(out).layers[0].max()) == 7
    # A constant image is refused by read_volume, so the file is read through its other door.
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["slices_used"] == EXAMPLES and content["axis"] == "k" and content["device"] == "cpu"
    assert set(content["seconds"]) == {"read", "load model", "propagate", "write"}
    assert content["peak_memory_mb"] > 10
    liver = content["classes"][0]
    labels = read_labelmap(out).array
    assert liver["voxels"] == np.count_nonzero(labels == 1)
    assert liver["millilitres"] == pytest.approx(liver["voxels"] * 1.0 * 1.5 * 3.0 / 1000, abs=1e-3)
    assert liver["confidence"] == 0.75
    assert confidence.stat().st_size > 0


def test_quality_and_precision_are_chosen(scene, fake_session, mvg: Mvg) -> None:
    words = ["segment", scene.image_path, "--labels", scene.few_path, "-o", scene.folder / "out.nrrd"]
    assert mvg(*words, "--quality", "draft", "--precision", "float32")[0] == 0
    assert fake_session.made_with["quality"] == "draft"
    assert fake_session.made_with["precision"] == "float32"
    assert mvg(*words, "--precision", "float8")[0] != 0


def test_all_axes_are_looked_along_unless_told_otherwise(scene, fake_session, mvg: Mvg) -> None:
    words = ["segment", scene.image_path, "--labels", scene.few_path, "-o", scene.folder / "out.nrrd"]
    assert mvg(*words)[0] == 0 and fake_session.all_axes is True
    assert mvg(*words, "--one-axis")[0] == 0 and fake_session.all_axes is False


def test_saved_examples_are_used_alone_and_with_labels(scene, fake_session, mvg: Mvg) -> None:
    from MVGCore.prompts import PromptSet

    saved = scene.folder / "examples.mvgprompts"
    PromptSet.from_labelmap(scene.image, scene.truth, axis=0, slices=[5]).save(saved)
    out, report = scene.folder / "out.nrrd", scene.folder / "report.json"
    words = ["segment", scene.image_path, "--prompts", saved, "-o", out, "--report", report]
    assert mvg(*words)[0] == 0
    assert json.loads(report.read_text())["slices_used"] == [5]
    assert mvg(*words, "--labels", scene.few_path)[0] == 0
    assert json.loads(report.read_text())["slices_used"] == [3, 5, 8]


def test_without_examples_it_says_which_options_to_give(scene, fake_session, mvg: Mvg) -> None:
    code, _, complaint = mvg("segment", scene.image_path, "-o", scene.folder / "out.nrrd")
    assert code == 2
    assert "--labels" in complaint and "--prompts" in complaint


@pytest.mark.parametrize("option", ["-o", "--confidence", "--report"])
def test_refuses_to_write_over_an_input(scene, fake_session, mvg: Mvg, option: str) -> None:
    link = scene.folder / "link.nrrd"
    link.symlink_to(scene.image_path)
    before = scene.image_path.read_bytes()
    outputs = {"-o": scene.folder / "out.nrrd"} | {option: link}
    words = [word for pair in outputs.items() for word in pair]
    code, _, complaint = mvg("segment", scene.image_path, "--labels", scene.few_path, *words)
    assert code == 2 and "one of the inputs" in complaint
    assert scene.image_path.read_bytes() == before


def test_refuses_one_file_for_two_outputs(scene, fake_session, mvg: Mvg) -> None:
    out = scene.folder / "out.nrrd"
    words = ["segment", scene.image_path, "--labels", scene.few_path, "-o", out, "--confidence", out]
    code, _, complaint = mvg(*words)
    assert code == 2 and "named twice" in complaint


@pytest.mark.parametrize(
    ("out", "confidence"),
    [
        ("out.png", "c.nrrd"),
        ("out.jpg", "c.nrrd"),
        ("nowhere/out.nrrd", "c.nrrd"),
        ("out.nrrd", "c.seg.nrrd"),
        ("out.nrrd", "c.txt"),
        (".", "c.nrrd"),
    ],
)
def test_refuses_unusable_outputs_before_any_work(
    scene, fake_session, mvg: Mvg, out: str, confidence: str
) -> None:
    fake_session.failure = AssertionError("the session must not run")
    words = ["--labels", scene.few_path, "-o", scene.folder / out, "--confidence", scene.folder / confidence]
    code, _, complaint = mvg("segment", scene.image_path, *words)
    assert code == 2
    assert complaint.startswith("mvg: ") and complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (CancelledError("Stopped."), 1),
        (KeyboardInterrupt(), 1),
        (MVGError("It failed; try less."), 1),
        (RuntimeError("odd"), 1),
    ],
)
def test_a_failure_leaves_an_earlier_output_as_it_was(
    scene, fake_session, mvg: Mvg, failure: BaseException, code: int
) -> None:
    out = scene.folder / "out.seg.nrrd"
    out.write_bytes(b"earlier")
    files = sorted(scene.folder.iterdir())
    fake_session.failure = failure
    got, printed, complaint = mvg("segment", scene.image_path, "--labels", scene.few_path, "-o", out)
    assert (got, printed) == (code, "")
    assert "Traceback" not in complaint and complaint.count("\n") == 1
    assert out.read_bytes() == b"earlier"
    assert sorted(scene.folder.iterdir()) == files


def test_debug_shows_the_traceback(scene, fake_session, mvg: Mvg) -> None:
    fake_session.failure = RuntimeError("odd")
    words = [
        "segment",
        scene.image_path,
        "--labels",
        scene.few_path,
        "-o",
        scene.folder / "o.nrrd",
        "--debug",
    ]
    assert "Traceback" in mvg(*words)[2]


def broken_image(kind: str, image: Volume, path: Path) -> None:
    """Writes an image that nobody can segment."""
    array = image.array.copy()
    if kind == "nan":  # which our own writer refuses
        import nrrd

        nrrd.write(str(path), np.full((4, 5, 6), np.nan, np.float32))
        return
    if kind == "constant":
        array[:] = 3
    write_volume(path, Volume(array, image.geometry))
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:-500])


@pytest.mark.parametrize("kind", ["nan", "constant", "truncated"])
def test_refuses_a_broken_image_in_one_sentence(scene, fake_session, mvg: Mvg, kind: str) -> None:
    broken_image(kind, scene.image, scene.image_path)
    out = scene.folder / "out.nrrd"
    code, _, complaint = mvg("segment", scene.image_path, "--labels", scene.few_path, "-o", out)
    assert code == 2
    assert "Traceback" not in complaint and complaint.count("\n") == 1
    assert not out.exists()


def test_refuses_an_empty_label_map(scene, fake_session, mvg: Mvg) -> None:
    from MVGCore.volume import write_labelmap

    empty = LabelMap.of(np.zeros_like(scene.truth.array), scene.truth.geometry)
    write_labelmap(scene.folder / "empty.nrrd", empty)
    words = ["--labels", scene.folder / "empty.nrrd", "-o", scene.folder / "out.nrrd"]
    assert mvg("segment", scene.image_path, *words)[0] == 2


def test_refuses_a_missing_image(scene, fake_session, mvg: Mvg) -> None:
    words = ["--labels", scene.few_path, "-o", scene.folder / "out.nrrd"]
    code, _, complaint = mvg("segment", scene.folder / "missing.nrrd", *words)
    assert code == 2 and "missing.nrrd" in complaint


def test_end_to_end_with_the_bundled_model(scene, mvg: Mvg) -> None:
    out, confidence, report = (scene.folder / name for name in ("o.seg.nrrd", "c.nii.gz", "r.json"))
    words = ["segment", scene.image_path, "--labels", scene.few_path, "-o", out, "--device", "cpu"]
    code, printed, complaint = mvg(*words, "--confidence", confidence, "--report", report)
    assert code == 0, complaint
    labels = read_labelmap(out)
    np.testing.assert_array_equal(labels.array[EXAMPLES], scene.truth.array[EXAMPLES])
    assert labels.geometry.is_close(scene.image.geometry)
    values = read_volume(confidence).array
    assert values.min() >= 0 and values.max() <= 1
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["slices_used"] == EXAMPLES
    assert all(seconds >= 0 for seconds in content["seconds"].values())
