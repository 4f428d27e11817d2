"""`--series`: one choice among the series of a DICOM folder, in every command that reads an image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from Testing.core.volume.dicom.builder import ramp, save, stack

Mvg = Callable[..., tuple[int, str, str]]
IMAGE_COMMANDS = ("segment", "adapt", "denoise", "inpaint", "synthesize", "info", "desktop")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "study" / "a", stack(ramp(6)))
    save(tmp_path / "study" / "b", stack(ramp(4), SeriesInstanceUID="1.2.3", SeriesDescription="Lung"))
    return tmp_path / "study"


@pytest.mark.parametrize("command", IMAGE_COMMANDS)
def test_every_command_takes_it(mvg: Mvg, command: str) -> None:
    assert "--series WHICH" in mvg(command, "--help")[1]


def test_info_lists_and_describes(mvg: Mvg, folder: Path) -> None:
    code, printed, _ = mvg("info", folder)
    assert code == 0 and "2 series" in printed and "Lung" in printed
    assert "7 x 5 x 4 voxels" in mvg("info", folder, "--series", "Lung")[1]


def test_without_it_the_choices_are_named(mvg: Mvg, folder: Path) -> None:
    code, _, complaint = mvg("denoise", folder, "-o", folder.parent / "out.nrrd")
    assert code == 2 and "choose one with --series NUMBER" in complaint and "2: Thorax" in complaint


def test_a_dicom_segmentation_of_a_dicom_series(mvg: Mvg, small_weights: Path, tmp_path: Path) -> None:
    import numpy as np

    from MVGCore.volume import LabelMap, read_segmentation, read_volume, write_labelmap

    series = save(tmp_path / "ct", stack(ramp(6, 32, 32)))
    image = read_volume(series)
    labels = np.zeros(image.array.shape, np.uint8)
    labels[[1, 4], 8:20, 8:20] = 2
    few, out = tmp_path / "few.dcm", tmp_path / "out.dcm"
    write_labelmap(few, LabelMap.of(labels, image.geometry), series)
    code, printed, complaint = mvg(
        "segment", series, "--labels", few, "-o", out, "--model", small_weights, "--one-axis"
    )
    assert code == 0, complaint
    back = read_segmentation(out, image.geometry)
    assert np.array_equal(back.layers[0][[1, 4]] > 0, labels[[1, 4]] > 0)
    assert "segmentation of 1 segments" in mvg("info", out)[1]


def test_a_dicom_segmentation_of_another_image_is_refused_before_the_work(mvg: Mvg, scene) -> None:
    out = scene.folder / "out.dcm"
    code, _, complaint = mvg("segment", scene.image_path, "--labels", scene.few_path, "-o", out)
    assert code == 2 and "refers to the DICOM series" in complaint
