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
