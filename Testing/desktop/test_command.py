"""`mvg desktop` as a user starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PyQt5 import QtGui

from MVGCore.cli.main import main
from MVGCore.volume import Volume, write_volume


@pytest.mark.display
def test_a_picture_of_an_image_is_made_without_a_hand(a_volume: Volume, tmp_path: Path) -> None:
    image, picture = tmp_path / "ball.nrrd", tmp_path / "picture.png"
    write_volume(image, a_volume)
    words = [sys.executable, "-m", "MVGCore.cli.main", "desktop", image, "--screenshot", picture]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    shown = QtGui.QImage(str(picture))
    assert shown.width() >= 1200
    # The ball is bright, in the middle of the axial view; what surrounds it is black.
    colors = {shown.pixelColor(x, 280).name() for x in range(400, 800, 4)}
    light = [QtGui.QColor(each).lightness() for each in colors]
    assert min(light) < 8 and max(light) > 230


@pytest.mark.display
def test_a_damaged_image_is_told_and_no_picture_is_made(tmp_path: Path) -> None:
    image, picture = tmp_path / "bad.nrrd", tmp_path / "picture.png"
    image.write_bytes(b"NRRD0004\n")
    words = [sys.executable, "-m", "MVGCore.cli.main", "desktop", image, "--screenshot", picture]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "bad.nrrd' has the sizes []; its header is damaged" in done.stderr
    assert not picture.exists()


def test_a_missing_file_is_told(capsys: pytest.CaptureFixture) -> None:
    assert main(["desktop", "no such file.nrrd"]) == 2
    assert "There is no file 'no such file.nrrd'" in capsys.readouterr().err


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Only Linux starts programs without a screen."
)
def test_no_screen_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["desktop"]) == 2
    assert "There is no screen" in capsys.readouterr().err
