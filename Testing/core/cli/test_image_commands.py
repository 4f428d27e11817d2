"""`mvg denoise`, `mvg inpaint` and `mvg synthesize`, from files to files, with small untrained weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MVGCore.volume import LabelMap, Volume, read_volume, write_segmentation, write_volume
from Testing.core.cli.conftest import Scene

Mvg = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ct_path(scene: Scene) -> Path:
    """The scene's image in whole Hounsfield units."""
    path = scene.folder / "ct.nrrd"
    array = np.rint(scene.image.array * 4 - 1000).astype(np.int16)
    write_volume(path, replace(scene.image, array=array))
    return path


@pytest.fixture
def t2(scene: Scene) -> Volume:
    """Another contrast of the scene: fewer for more, in uint16."""
    return replace(scene.image, array=np.rint(900 - 3 * scene.image.array).clip(0).astype(np.uint16))


def test_denoise_keeps_geometry_units_and_type(mvg: Mvg, ct_path: Path, small_weights: Path) -> None:
    out = ct_path.parent / "out.nii.gz"
    code, printed, _ = mvg("denoise", ct_path, "-o", out, "--model", small_weights, "--axis", "k")
    assert code == 0
    before, after = read_volume(ct_path), read_volume(out)
    assert after.geometry.is_close(before.geometry) and after.array.dtype == np.int16
    assert 0 < np.abs(after.array.astype(float) - before.array).mean() < 60
    assert "Generated 12 slices along k." in printed and "Noise: " in printed and f"Wrote {out}" in printed


def test_denoise_with_another_volume_as_example(mvg: Mvg, ct_path: Path, small_weights: Path) -> None:
    clean, out = ct_path.parent / "clean.nrrd", ct_path.parent / "out.nrrd"
    image = read_volume(ct_path)
    write_volume(clean, replace(image, array=np.rint(image.array / 40).astype(np.int16) * np.int16(40)))
    words = ("denoise", ct_path, "-o", out, "--examples-from", ct_path, "--examples-to", clean)
    code, _, complaint = mvg(*words, "--model", small_weights, "--slices", 4, 6, "--quiet")
    assert (code, complaint) == (0, "")
    changed = (read_volume(out).array != image.array).any((1, 2))
    assert changed[4:7].all() and not changed[:4].any() and not changed[7:].any()


def test_inpaint_changes_nothing_outside_the_mask(mvg: Mvg, ct_path: Path, small_weights: Path) -> None:
    image = read_volume(ct_path)
    hole = np.zeros(image.array.shape, np.uint8)
    hole[5:8, 6:14, 4:11] = 1
    mask, out = ct_path.parent / "mask.seg.nrrd", ct_path.parent / "out.nrrd"
    write_segmentation(mask, LabelMap.of(hole, image.geometry))
    code, printed, _ = mvg("inpaint", ct_path, "--mask", mask, "-o", out, "--model", small_weights)
    result = read_volume(out)
    assert code == 0 and result.array.dtype == np.int16 and result.geometry.is_close(image.geometry)
    assert np.array_equal(result.array[hole == 0], image.array[hole == 0])
    assert (result.array[hole > 0] != image.array[hole > 0]).any()
    assert "Generated 3 slices along k." in printed


def test_synthesize_keeps_the_given_slices(mvg: Mvg, scene: Scene, t2: Volume, small_weights: Path) -> None:
    few, out = scene.folder / "t2_few.nrrd", scene.folder / "t2.nrrd"
    array = np.zeros_like(t2.array)
    array[[2, 6, 9]] = t2.array[[2, 6, 9]]
    write_volume(few, replace(t2, array=array))
    code, printed, _ = mvg(
        "synthesize", scene.image_path, "--target", few, "-o", out, "--model", small_weights
    )
    result = read_volume(out)
    assert code == 0 and result.array.dtype == np.uint16 and result.geometry.is_close(scene.image.geometry)
    assert np.array_equal(result.array[[2, 6, 9]], t2.array[[2, 6, 9]])
    error = np.abs(result.array.astype(float) - t2.array).mean()
    assert error < 0.2 * (t2.array.max() - t2.array.min())
    assert "Kept as given: slices 2, 6, 9." in printed


def test_synthesize_from_another_patient(mvg: Mvg, scene: Scene, t2: Volume, small_weights: Path) -> None:
    source, expected, out = (scene.folder / name for name in ("a.nrrd", "b.nrrd", "t2.nrrd"))
    write_volume(source, replace(scene.image, array=np.flip(scene.image.array, 2) + np.float32(1)))
    write_volume(expected, replace(t2, array=np.flip(t2.array, 2)))
    words = ("synthesize", scene.image_path, "-o", out, "--examples-from", source, "--examples-to", expected)
    code, printed, _ = mvg(*words, "--model", small_weights)
    result = read_volume(out)
    assert code == 0 and result.array.dtype == np.uint16
    assert "Generated 12 slices along k." in printed and "Kept" not in printed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("synthesize", "IMAGE", "-o", "out.nrrd"), "no example of the wanted contrast"),
        (("denoise", "IMAGE", "-o", "out.nrrd", "--examples-from", "IMAGE"), "Examples need both"),
        (("denoise", "IMAGE", "-o", "out.seg.nrrd"), "not .seg.nrrd"),
        (("denoise", "IMAGE", "-o", "out.jpg"), "cannot be written in the format"),
        (("denoise", "IMAGE", "-o", "IMAGE"), "is one of the inputs"),
        (("denoise", "IMAGE", "-o", "out.nrrd", "--slices", "3", "12"), "choose within 0 to 11"),
        (("denoise", "missing.nrrd", "-o", "out.nrrd"), "There is no file"),
        (("inpaint", "IMAGE", "--mask", "EMPTY", "-o", "out.nrrd"), "mask is empty"),
        (("inpaint", "IMAGE", "-o", "out.nrrd"), "--mask"),
    ],
)
def test_errors_say_what_to_do_and_write_nothing(
    mvg: Mvg, scene: Scene, small_weights: Path, words: tuple[str, ...], complaint: str
) -> None:
    empty = scene.folder / "empty.nrrd"
    write_segmentation(empty, LabelMap.of(np.zeros(scene.image.array.shape, np.uint8), scene.image.geometry))
    known = {"IMAGE": scene.image_path, "EMPTY": empty, "out.nrrd": scene.folder / "out.nrrd"}
    known |= {name: scene.folder / name for name in ("out.seg.nrrd", "out.jpg", "missing.nrrd")}
    before = sorted(scene.folder.iterdir())
    code, printed, said = mvg(*(known.get(word, word) for word in words), "--model", small_weights)
    assert (code, printed) == (2, "") and complaint in said
    assert sorted(scene.folder.iterdir()) == before
