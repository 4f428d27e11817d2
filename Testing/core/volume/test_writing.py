from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import MVGCore.volume.metaimage as metaimage
import MVGCore.volume.writing as writing
from MVGCore.errors import InputError, OutputError
from MVGCore.volume import (
    LabelMap,
    Segmentation,
    Volume,
    atomic_path,
    write_labelmap,
    write_segmentation,
    write_volume,
)

ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let every write beyond `size` bytes fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failing_write_keeps_the_earlier_file(tmp_path: Path, an_image: Volume, ending: str) -> None:
    write_volume(tmp_path / f"x{ending}", an_image)
    before = contents(tmp_path)
    with files_up_to(700):
        caught = pytest.raises(OutputError, write_volume, tmp_path / f"x{ending}", an_image)
    assert "disk is full" in str(caught.value) and "x" + ending in str(caught.value)
    assert contents(tmp_path) == before


def test_what_is_no_full_disk_is_not_called_one(
    tmp_path: Path, an_image: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metaimage, "_texts", lambda values: " ".join(f"{2 * value}" for value in values))
    with pytest.raises(OutputError, match="away from their place"):
        write_volume(tmp_path / "x.mha", an_image)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_voxels_that_are_no_numbers_are_not_written(
    tmp_path: Path, an_image: Volume, ending: str, kind: type
) -> None:
    array = an_image.array.astype(kind)
    array[1, 2, 3:6] = np.nan, np.inf, -np.inf
    with pytest.raises(InputError, match="3 voxels are NaN or infinite"):
        write_volume(tmp_path / f"x{ending}", Volume(array, an_image.geometry))
    assert contents(tmp_path) == {}


def test_a_full_disk_is_named(tmp_path: Path, a_labelmap: LabelMap, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.seg.nrrd"
    write_labelmap(path, a_labelmap)
    before = contents(tmp_path)

    def fail(scratch: Path, *_: object) -> None:
        scratch.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "write_seg_nrrd", fail)
    with pytest.raises(OutputError, match="disk is full"):
        write_labelmap(path, a_labelmap)
    assert contents(tmp_path) == before


def test_atomic_path_replaces_all_files_or_none(tmp_path: Path) -> None:
    target = tmp_path / "x.mhd"
    with atomic_path(target) as scratch:
        scratch.write_text("header")
        scratch.with_suffix(".raw").write_text("data")
        assert not target.exists()
    assert contents(tmp_path) == {"x.mhd": b"header", "x.raw": b"data"}
    with pytest.raises(KeyError), atomic_path(target) as scratch:
        scratch.write_text("other")
        raise KeyError
    assert contents(tmp_path) == {"x.mhd": b"header", "x.raw": b"data"}


def test_senseless_outputs_are_refused(tmp_path: Path, an_image: Volume, a_labelmap: LabelMap) -> None:
    for name in ("x.png", "x", "x.dcm", "x.seg.nrrd", "none/x.nrrd"):
        with pytest.raises(InputError):
            write_volume(tmp_path / name, an_image)
    (tmp_path / "folder.nrrd").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_volume(tmp_path / "folder.nrrd", an_image)
    two = Segmentation.of([a_labelmap.array, a_labelmap.array], a_labelmap.geometry)
    with pytest.raises(InputError, match="overlapping"):
        write_segmentation(tmp_path / "x.nii", two)


def test_half_precision_and_truth_values_can_be_written(tmp_path: Path, an_image: Volume) -> None:
    for kind in (np.float16, np.bool_):
        write_volume(tmp_path / "x.nii", Volume((an_image.array > 100).astype(kind), an_image.geometry))
