"""Writing in place of what is there: links, modes, devices, long names, two writers, killed writers."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import InputError, MVGError, OutputError
from MVGCore.volume import Volume, atomic_path, read_volume, write_volume
from MVGCore.volume.atomic import sweep_scratch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such links, modes and pipes.")
ENDINGS = (".nrrd", ".nhdr", ".nii.gz", ".mha", ".mhd")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(mode)
    with atomic_path(path) as scratch:
        scratch.write_bytes(b"new")
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == mode


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path, an_image: Volume) -> None:
    (tmp_path / "store").mkdir()
    target, link = tmp_path / "store" / "0123", tmp_path / "x.nrrd"
    link.symlink_to(target)
    for _ in range(2):  # the first time it leads to nothing yet
        write_volume(link, an_image)
        assert link.is_symlink() and np.array_equal(read_volume(link).array, an_image.array)
        assert [each.name for each in (tmp_path / "store").iterdir()] == ["0123"]


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_a_link_to_a_header_with_data_beside_it_is_refused(
    tmp_path: Path, an_image: Volume, ending: str
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / f"x{ending}").symlink_to(tmp_path / "store" / f"x{ending}")
    with pytest.raises(OutputError, match="it is a link, and its data would lie beside its target"):
        write_volume(tmp_path / f"x{ending}", an_image)
    assert [*(tmp_path / "store").iterdir()] == []


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_a_header_comes_after_its_data(
    tmp_path: Path, an_image: Volume, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"x{ending}"
    write_volume(path, an_image)
    move, moved = os.replace, list[str]()

    def fail_after_one(source: str | Path, target: str | Path) -> None:
        if moved:
            raise OSError(errno.EIO, "the disk is gone")
        moved.append(str(target))
        move(source, target)

    monkeypatch.setattr(os, "replace", fail_after_one)
    with pytest.raises(OutputError, match="the disk is gone"):
        write_volume(path, replace(an_image, array=an_image.array + 1))
    assert len(moved) == 1
    assert np.array_equal(read_volume(path).array, an_image.array)


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with (
        pytest.raises(MVGError, match="'.*a' cannot be written|does not exist"),
        atomic_path(tmp_path / "a") as x,
    ):
        x.write_bytes(b"")
    assert (tmp_path / "a").is_symlink() and (tmp_path / "b").is_symlink()


def test_what_is_write_protected_stays(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"dear")
    path.chmod(0o444)
    with pytest.raises(OutputError, match="is write-protected; choose another name"), atomic_path(path):
        raise AssertionError("nothing is to be written")
    assert path.read_bytes() == b"dear"


def test_pipes_and_devices_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for name in ("pipe", "link"):
        with pytest.raises(InputError, match="is a pipe or a device"), atomic_path(tmp_path / name):
            raise AssertionError("nothing is to be written")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("letter", ["x", "é"])
def test_names_up_to_the_limit_of_the_system(
    tmp_path: Path, an_image: Volume, ending: str, letter: str
) -> None:
    most = (os.pathconf(tmp_path, "PC_NAME_MAX") - len(ending)) // len(letter.encode())
    path = tmp_path / f"{letter * most}{ending}"
    write_volume(path, an_image)
    assert np.array_equal(read_volume(path).array, an_image.array)
    with pytest.raises(OutputError, match="name too long"):
        write_volume(tmp_path / f"{letter}{path.name}", an_image)


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    program = """
import os, sys
from MVGCore.volume import atomic_path
with atomic_path(sys.argv[1]) as scratch:
    scratch.write_bytes(b"half")
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "x")], check=False)
    (left,) = tmp_path.iterdir()
    alive, foreign = (
        left.name.replace(left.name.split("-")[at], new) for at, new in ((2, "1"), (1, "0" * 8))
    )
    for name in (alive, foreign, ".mvg-x.tmp", ".mvg-a-b.tmp", ".x.tmp"):
        (tmp_path / name).mkdir()
    sweep_scratch(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {
        alive,
        foreign,
        ".mvg-x.tmp",
        ".mvg-a-b.tmp",
        ".x.tmp",
    }


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_two_writers_of_one_name_never_mix(tmp_path: Path, an_image: Volume, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    images = [Volume(an_image.array + add, an_image.geometry) for add in (1, 2)]

    def write(image: Volume) -> None:
        for _ in range(6):
            write_volume(path, image)

    threads = [threading.Thread(target=write, args=(image,)) for image in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = read_volume(path).array
    assert any(np.array_equal(read, image.array) for image in images)
