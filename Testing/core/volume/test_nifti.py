"""NIfTI files as they come: both transforms with every code, shear, units, versions, scaled numbers."""

from __future__ import annotations

import gzip
import itertools
import struct
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from MVGCore.errors import InputError
from MVGCore.volume import LabelMap, Volume, read_labelmap, read_volume, write_labelmap, write_volume

SHAPE = (4, 5, 6)  # (K, J, I)
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
SFORM = np.diag([-0.8, -0.8, 2.0, 1.0])
SFORM[:3, 3] = 10, 20, -30
QFORM = np.diag([0.8, 0.8, 2.0, 1.0])
QFORM[:3, 3] = -90, -50, 40
LEFT = np.diag([0.8, -0.8, 2.0, 1.0])
SHEARED = SFORM.copy()
SHEARED[0, 2] = 0.4


def make(
    path: Path,
    sform: np.ndarray,
    codes: tuple[int, int],
    qform: np.ndarray | None = None,
    units: str = "mm",
    kind: Any = nib.Nifti1Image,
    array: np.ndarray | None = None,
) -> np.ndarray:
    array = np.arange(120, dtype=np.int16).reshape(SHAPE) if array is None else array
    image = kind(array.transpose(2, 1, 0), None, dtype=array.dtype)
    image.header.set_xyzt_units(units)
    image.header.set_zooms(np.linalg.norm(sform[:3, :3], axis=0))
    image.set_sform(sform, codes[0])
    image.set_qform(sform if qform is None else qform, codes[1], strip_shears=True)
    nib.save(image, path)
    return array


def itk_affine(path: Path) -> np.ndarray:
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return affine


def quietly(path: Path) -> Volume:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_volume(path)


@pytest.mark.parametrize("codes", list(itertools.product((0, 1, 2, 4), repeat=2)))
@pytest.mark.parametrize("qform", [SFORM, QFORM])
def test_a_result_lies_over_its_image_in_every_program(
    tmp_path: Path, codes: tuple[int, int], qform: np.ndarray
) -> None:
    array = make(tmp_path / "image.nii.gz", SFORM, codes, qform)
    image = quietly(tmp_path / "image.nii.gz")
    write_labelmap(tmp_path / "out.nii.gz", LabelMap.of(array % 3, image.geometry))
    before, after = (nib.load(tmp_path / name).header for name in ("image.nii.gz", "out.nii.gz"))
    for name in ("sform_code", "qform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "qoffset_x"):
        assert np.array_equal(before[name], after[name])
    assert np.allclose(itk_affine(tmp_path / "image.nii.gz"), itk_affine(tmp_path / "out.nii.gz"))
    # What has room for one place only lies where ITK shows the image.
    assert np.allclose(image.geometry.affine_lps, itk_affine(tmp_path / "image.nii.gz"), atol=1e-4)
    write_volume(tmp_path / "out.nrrd", image)
    assert np.allclose(itk_affine(tmp_path / "out.nrrd"), itk_affine(tmp_path / "image.nii.gz"), atol=1e-4)


def test_two_places_and_none_are_told(tmp_path: Path) -> None:
    make(tmp_path / "x.nii", SFORM, (2, 1), QFORM)
    with pytest.warns(UserWarning, match=r"x.nii.* two positions, up to 1\d\d mm apart: sform \(code 2\)"):
        read_volume(tmp_path / "x.nii")
    make(tmp_path / "x.nii", SFORM, (0, 0))
    with pytest.warns(UserWarning, match="no position"):
        read_volume(tmp_path / "x.nii")
    make(tmp_path / "x.nii", SFORM, (2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_volume(tmp_path / "x.nii")


@pytest.mark.parametrize("sform", [SHEARED, LEFT, SHEARED @ LEFT])
@pytest.mark.parametrize("codes", [(1, 0), (1, 1), (2, 1), (4, 2)])
def test_sheared_and_left_handed_axes_stay_what_they_are(
    tmp_path: Path, sform: np.ndarray, codes: tuple[int, int]
) -> None:
    make(tmp_path / "x.nii.gz", sform, codes)
    image = quietly(tmp_path / "x.nii.gz")
    assert np.allclose(image.geometry.affine_ras, sform, atol=1e-5)
    for ending in (".nii", ".nii.gz", ".nrrd", ".mha"):
        write_volume(tmp_path / f"again{ending}", image)
        assert np.allclose(quietly(tmp_path / f"again{ending}").geometry.affine_ras, sform, atol=1e-5)
    assert np.allclose(nib.load(tmp_path / "again.nii").affine, sform, atol=1e-5)


def test_shear_of_another_format_is_kept_by_the_sform_alone(tmp_path: Path) -> None:
    """A straightened qform would put the result beside its image in 3D Slicer, without a word."""
    make(tmp_path / "x.nii", SHEARED, (1, 0))
    write_volume(tmp_path / "x.nrrd", read_volume(tmp_path / "x.nii"))
    write_volume(tmp_path / "again.nii", read_volume(tmp_path / "x.nrrd"))
    header = nib.load(tmp_path / "again.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 0)
    assert np.allclose(header.get_sform(), SHEARED, atol=1e-5)


@pytest.mark.parametrize(("units", "scale"), [("meter", 1000), ("micron", 0.001), ("unknown", 1)])
@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (0, 0)])
def test_units_of_length_are_heeded_and_kept(
    tmp_path: Path, units: str, scale: float, codes: tuple[int, int]
) -> None:
    make(tmp_path / "x.nii", SFORM, codes, units=units)
    image = quietly(tmp_path / "x.nii")
    assert np.allclose(image.geometry.spacing, np.multiply((0.8, 0.8, 2), scale), rtol=1e-5)
    write_volume(tmp_path / "again.nii", image)
    assert nib.load(tmp_path / "again.nii").header.get_xyzt_units()[0] == units
    assert np.allclose(nib.load(tmp_path / "again.nii").affine, nib.load(tmp_path / "x.nii").affine)


def test_version_2_byte_order_and_names_that_lie(tmp_path: Path) -> None:
    array = make(tmp_path / "two.nii", SFORM, (2, 1), kind=nib.Nifti2Image)
    image = read_volume(tmp_path / "two.nii")
    assert np.array_equal(image.array, array) and np.allclose(image.geometry.affine_ras, SFORM)
    big = nib.Nifti1Image(array.transpose(2, 1, 0), SFORM).header.as_byteswapped(">")
    nib.Nifti1Image(array.transpose(2, 1, 0), SFORM, big).to_filename(tmp_path / "big.nii")
    assert np.array_equal(read_volume(tmp_path / "big.nii").array, array)
    (tmp_path / "packed.nii").write_bytes(gzip.compress((tmp_path / "two.nii").read_bytes()))
    (tmp_path / "plain.NII.GZ").write_bytes((tmp_path / "big.nii").read_bytes())
    for name in ("packed.nii", "plain.NII.GZ"):
        assert np.array_equal(read_volume(tmp_path / name).array, array)


def test_scaled_numbers(tmp_path: Path) -> None:
    expected = np.linspace(0, 3, 120).reshape(SHAPE)
    image = nib.Nifti1Image(expected.transpose(2, 1, 0), SFORM)
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "x.nii")
    assert np.allclose(read_volume(tmp_path / "x.nii").array, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(6, 5, 4, 1), (6, 5, 4, 1, 1)])
def test_one_frame_of_four_dimensions(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(120, dtype=np.int16).reshape(SHAPE)
    nib.save(nib.Nifti1Image(array.transpose(2, 1, 0).reshape(shape), SFORM), tmp_path / "x.nii")
    assert np.array_equal(read_volume(tmp_path / "x.nii").array, array)


@pytest.mark.parametrize(
    ("kind", "words"),
    [(np.complex64, "complex"), ([("R", "u1"), ("G", "u1"), ("B", "u1")], "RGB")],
)
def test_other_kinds_of_values_are_named_and_not_called_damage(tmp_path: Path, kind: Any, words: str) -> None:
    nib.save(nib.Nifti1Image(np.zeros((6, 5, 4), kind), SFORM), tmp_path / "x.nii")
    with pytest.raises(InputError, match=words) as caught:
        read_volume(tmp_path / "x.nii")
    assert "truncated" not in str(caught.value)


def test_a_damaged_sum_is_noticed(tmp_path: Path) -> None:
    array = make(tmp_path / "x.nii.gz", SFORM, (1, 1))
    whole = bytearray((tmp_path / "x.nii.gz").read_bytes())
    whole[-6] ^= 1
    (tmp_path / "x.nii.gz").write_bytes(whole)
    with pytest.raises(InputError, match="damaged"):
        read_labelmap(tmp_path / "x.nii.gz")
    assert array.any()


@pytest.mark.parametrize(
    "place, kind, values", [(108, "f", [0]), (108, "f", [348]), (40, "8h", [4, 6, 5, 4, 0, 0, 0, 0])]
)
def test_what_writers_leave_out_of_the_header(
    tmp_path: Path, place: int, kind: str, values: list[int]
) -> None:
    """Where the voxels begin, and the sizes of axes that are not used."""
    array = np.arange(120, dtype=np.int16).reshape(SHAPE)
    data = bytearray(nib.Nifti1Image(array.T, SFORM).to_bytes())
    struct.pack_into(f"<{kind}", data, place, *values)
    for name, content in (("x.nii", bytes(data)), ("x.nii.gz", gzip.compress(bytes(data)))):
        (tmp_path / name).write_bytes(content)
        assert np.array_equal(read_volume(tmp_path / name).array, array)
