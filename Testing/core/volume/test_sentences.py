"""What is said of files that cannot be used: what they are, what to do; damage only where there is some."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from MVGCore.errors import InputError
from MVGCore.volume import Volume, read_volume, write_volume

ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
OTHERS = {
    "PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "ZIP archive": b"PK\x03\x04" + bytes(200),
    "web page": b"<!DOCTYPE html><html>sign in</html>" + b" " * 200,
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "DICOM file": bytes(128) + b"DICM" + bytes(50),
}


def said(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_volume(path)
    text = str(caught.value)
    assert str(path) in text and text.endswith(".") and "\n" not in text
    return text


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", OTHERS)
def test_files_of_another_kind(tmp_path: Path, ending: str, kind: str) -> None:
    (tmp_path / f"x{ending}").write_bytes(OTHERS[kind])
    text = said(tmp_path / f"x{ending}")
    assert kind in text and "damaged" not in text and "truncated" not in text


@pytest.mark.parametrize("ending", ENDINGS)
def test_empty_files(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"x{ending}").touch()
    assert "is empty" in said(tmp_path / f"x{ending}")


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz"])
def test_truncated_files_are_called_so(tmp_path: Path, an_image: Volume, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    write_volume(path, an_image)
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 2])
    assert "truncated" in said(path) or "end too early" in said(path)


@pytest.mark.parametrize("ending", [".nhdr", ".mhd"])
def test_a_missing_data_file_is_named(tmp_path: Path, an_image: Volume, ending: str) -> None:
    write_volume(tmp_path / f"x{ending}", an_image)
    (data,) = (file for file in tmp_path.iterdir() if file.suffix != ending)
    data.unlink()
    text = said(tmp_path / f"x{ending}")
    assert data.name in text and "missing" in text and "damaged" not in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.mgz", "mri_convert"),
        ("x.img", "pair"),
        ("x.zip", "unpack"),
        ("x.mrb", "scene"),
    ],
)
def test_other_formats_get_their_remedy(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"something")
    assert words in said(tmp_path / name)


def test_several_values_per_voxel(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 9, (4, 5, 6, 3)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / "x.nrrd"))
    text = said(tmp_path / "x.nrrd")
    assert "3 values per voxel" in text and "fslroi" in text and "damaged" not in text


def test_impossible_positions_name_their_file(tmp_path: Path) -> None:
    flat = np.diag([1.0, 1, 1, 1])
    flat[:3, 1] = 1, 1e-8, 0  # j as good as along i
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), None, dtype=np.uint8)
    image.set_sform(flat, 1)
    nib.save(image, tmp_path / "x.nii")
    assert "lie in one plane" in said(tmp_path / "x.nii")


def test_half_a_header(tmp_path: Path, an_image: Volume) -> None:
    write_volume(tmp_path / "x.nii", an_image)
    (tmp_path / "x.nii").write_bytes((tmp_path / "x.nii").read_bytes()[:300])
    assert "truncated" in said(tmp_path / "x.nii")


def test_a_nifti_type_that_nobody_reads(tmp_path: Path, an_image: Volume) -> None:
    write_volume(tmp_path / "x.nii", an_image)
    content = bytearray((tmp_path / "x.nii").read_bytes())
    content[70:72] = (1).to_bytes(2, "little")  # one bit per voxel
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(bytes(content)))
    assert "code 1" in said(tmp_path / "x.nii.gz")
