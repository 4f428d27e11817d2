"""Names of files: endings in upper case, odd letters, data files beside a header."""

from __future__ import annotations

import errno
import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MVGCore.cli.console import check_outputs
from MVGCore.errors import InputError, OutputError
from MVGCore.volume import LabelMap, Volume, read_labelmap, read_volume, write_labelmap, write_volume
from MVGCore.volume.datafiles import files_of
from MVGCore.volume.trial import try_to_write

ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".seg.nrrd", ".seg.nhdr")
NAMES = ("plain", "two words", "größe ü", "-x", "x#1", "[1]*?", "50%", "%d", "list", "local", "a'b\"c", "x.y")


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("ending", ENDINGS)
def test_names_of_every_kind(tmp_path: Path, a_labelmap: LabelMap, ending: str) -> None:
    for number, name in enumerate(NAMES):
        for each in (ending, ending.upper()):
            folder = tmp_path / f"{number}{each}"
            folder.mkdir()
            path = folder / f"{name}{each}"
            try_to_write(path)
            write_labelmap(path, a_labelmap)
            assert np.array_equal(read_labelmap(path).array, a_labelmap.array), path
            if not ending.startswith(".seg") and path.name.endswith(ending):
                by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
                assert np.array_equal(by_itk, a_labelmap.array), path
            assert {file.name for file in files_of(path)} == names(folder)


@pytest.mark.parametrize("ending", [*ENDINGS, ".json"])
def test_a_trial_leaves_nothing_and_says_what_is_wrong(tmp_path: Path, ending: str) -> None:
    try_to_write(tmp_path / f"out{ending}")
    assert names(tmp_path) == set()
    with pytest.raises(InputError, match="cannot be written .*File name too long"):
        try_to_write(tmp_path / ("x" * 300 + ending))


def test_a_full_disk_is_told_as_such_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("MVGCore.volume.trial.write_file", full)
    with pytest.raises(OutputError, match="The disk is full: .*; free some space"):
        try_to_write(tmp_path / "out.nrrd")


def test_equal_images_give_equal_files(
    tmp_path: Path, an_image: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ending in ENDINGS[:6]:
        write_volume(tmp_path / f"x{ending}", an_image)
        first = (tmp_path / f"x{ending}").read_bytes()
        with monkeypatch.context() as later:
            later.setattr(time, "time", lambda: 1e9)  # the file tells no time
            write_volume(tmp_path / f"x{ending}", an_image)
        assert (tmp_path / f"x{ending}").read_bytes() == first


def detached(folder: Path, data: str, header: str = "scan_fixed.nhdr") -> Path:
    (folder / header).write_text(
        "NRRD0005\ntype: int16\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 4 3\n"
        "space directions: (0.8,0,0) (0,0.8,0) (0,0,2)\nkinds: domain domain domain\nendian: little\n"
        f"encoding: gzip\nspace origin: (0,0,0)\ndata file: {data}\n\n"
    )
    return folder / header


def test_a_data_file_of_an_input_is_never_replaced(tmp_path: Path, an_image: Volume) -> None:
    voxels = gzip.compress(np.arange(48, dtype=np.int16).tobytes())
    (tmp_path / "scan.raw.gz").write_bytes(voxels)
    header = detached(tmp_path, "scan.raw.gz")
    check_outputs((tmp_path / "scan.nhdr",), (header,))
    with pytest.raises(InputError, match="is one of the inputs"):
        check_outputs((header,), (header,))
    write_volume(tmp_path / "scan.nhdr", an_image)
    assert (tmp_path / "scan.raw.gz").read_bytes() == voxels


@pytest.mark.parametrize("ending", [".nhdr", ".mhd"])
def test_earlier_data_go_when_no_header_needs_them(tmp_path: Path, an_image: Volume, ending: str) -> None:
    other = Volume(an_image.array + 1, an_image.geometry)
    for image in (an_image, other, an_image):
        write_volume(tmp_path / f"x{ending}", image)
        assert len(names(tmp_path)) == 2
    header = (tmp_path / f"x{ending}").read_bytes()
    (tmp_path / f"copy{ending}").write_bytes(header)  # it names the same data
    write_volume(tmp_path / f"x{ending}", other)
    assert np.array_equal(read_volume(tmp_path / f"copy{ending}").array, an_image.array)
    assert np.array_equal(read_volume(tmp_path / f"x{ending}").array, other.array)
    assert len(names(tmp_path)) == 4


@pytest.mark.parametrize("ending", [".nhdr", ".mhd"])
def test_a_kill_between_data_and_header_leaves_the_earlier_pair(
    tmp_path: Path, an_image: Volume, ending: str
) -> None:
    path = tmp_path / f"x{ending}"
    write_volume(path, an_image)
    before = names(tmp_path)
    program = """
import os, sys
from MVGCore.volume import Volume, atomic, read_volume, write_volume
image, replace = read_volume(sys.argv[1]), os.replace
def killed(source, target):
    if str(target) == sys.argv[1]:
        os.kill(os.getpid(), 9)
    replace(source, target)
atomic.os.replace = killed
write_volume(sys.argv[1], Volume(image.array + 1, image.geometry))
"""
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert len(names(tmp_path)) == 4  # the earlier pair, the new data, and the folder of the new header
    assert np.array_equal(read_volume(path).array, an_image.array)
    write_volume(tmp_path / "y.nrrd", an_image)
    assert names(tmp_path) == before | {"y.nrrd"}


def test_data_files_in_lists_and_patterns(tmp_path: Path) -> None:
    slices = np.arange(48, dtype=np.int16).reshape(3, 4, 4)
    for number, each in enumerate(slices):
        (tmp_path / f"s{number + 1:03}.raw").write_bytes(gzip.compress(each.tobytes()))
        (tmp_path / f"s{number + 1:03}.bin").write_bytes(each.tobytes())
    expected = {f"s{number:03}.raw" for number in (1, 2, 3)}
    for data in ("s%03d.raw 1 3 1", "LIST\ns001.raw\ns002.raw\ns003.raw"):
        header = detached(tmp_path, data)
        if data.startswith("LIST"):  # nothing follows a list
            header.write_text(header.read_text().rstrip("\n") + "\n")
        assert {each.name for each in files_of(header)} >= expected
        assert np.array_equal(read_volume(header).array, slices)
    for data in ("s%03d.bin 1 3 1", "LIST\ns001.bin\ns002.bin\ns003.bin"):
        header = tmp_path / "scan.mhd"
        header.write_text(
            "ObjectType = Image\nNDims = 3\nDimSize = 4 4 3\nElementSpacing = 1 1 2\n"
            f"ElementType = MET_SHORT\nElementDataFile = {data}\n"
        )
        assert {f"s{number:03}.bin" for number in (1, 2, 3)} <= {each.name for each in files_of(header)}
        assert np.array_equal(read_volume(header).array, slices)
    assert files_of(tmp_path / "s001.raw") == (tmp_path / "s001.raw",)
