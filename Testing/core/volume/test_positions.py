"""Every voxel lies where it lay, for every pair of input and output format, as other libraries see both."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.volume import (
    Geometry,
    LabelMap,
    Volume,
    read_labelmap,
    read_volume,
    write_labelmap,
    write_volume,
)

MM = 1e-3
OUTPUTS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".seg.nrrd")
TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64)
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@st.composite
def grids(draw: st.DrawFn) -> Geometry:
    """Rotated, left-handed and sheared grids."""
    shape = draw(st.tuples(*[st.integers(2, 5)] * 3))
    turn, _ = np.linalg.qr(np.random.default_rng(draw(st.integers(0, 99))).normal(size=(3, 3)))
    shear = np.eye(3)
    if draw(st.booleans()):
        shear[draw(st.sampled_from([(0, 1), (0, 2), (1, 2)]))] = draw(st.sampled_from([-0.5, 0.1, 0.36]))
    affine = np.eye(4)
    affine[:3, :3] = turn @ shear * draw(st.tuples(*[st.floats(0.2, 5)] * 3))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-300, 300)] * 3))
    return Geometry.from_affine_lps(shape, affine)


def corners(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    return Geometry.from_affine_lps(shape, affine).corners()


def by_nibabel(path: Path) -> tuple[np.ndarray, np.ndarray]:
    image = nib.load(path)
    return np.asarray(image.dataobj).T, RAS @ image.affine


def by_pynrrd(path: Path) -> tuple[np.ndarray, np.ndarray]:
    array, header = nrrd.read(str(path), index_order="C")
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.array(header["space directions"]).T, header["space origin"]
    return array, affine


def by_itk(path: Path) -> tuple[np.ndarray, np.ndarray]:
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image), affine


def readers(path: Path, geometry: Geometry) -> list[Callable[[Path], tuple[np.ndarray, np.ndarray]]]:
    if ".nii" in path.name:  # ITK cannot have a sheared grid in NIfTI
        return [by_nibabel, by_itk] if geometry.orthogonal else [by_nibabel]
    # ITK straightens what is sheared in NRRD; MetaImage it takes as it is.
    if "nrrd" in path.name or "nhdr" in path.name:
        return [by_pynrrd, by_itk] if geometry.orthogonal else [by_pynrrd]
    return [by_itk]


def make_nifti(path: Path, array: np.ndarray, geometry: Geometry) -> None:
    nib.save(nib.Nifti1Image(array.T, geometry.affine_ras, dtype=array.dtype), path)


def make_nrrd(path: Path, array: np.ndarray, geometry: Geometry) -> None:
    header = {
        "space": "right-anterior-superior",
        "space directions": geometry.affine_ras[:3, :3].T,
        "space origin": geometry.affine_ras[:3, 3],
    }
    nrrd.write(str(path), array, header, index_order="C")


def make_meta(path: Path, array: np.ndarray, geometry: Geometry) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    sitk.WriteImage(image, str(path), True)


MAKERS = {".nii.gz": make_nifti, ".nrrd": make_nrrd, ".mhd": make_meta}


@pytest.mark.parametrize("to", OUTPUTS)
@pytest.mark.parametrize("of", MAKERS)
@settings(max_examples=4, deadline=None)
@given(geometry=grids(), kind=st.sampled_from(TYPES), seed=st.integers(0, 99))
def test_every_voxel_stays_where_it_is(of: str, to: str, geometry: Geometry, kind: type, seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 100, geometry.shape).astype(kind)
    array[0, 0, 0] = 101  # never constant
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / f"größe 1{of}", Path(folder) / f"again{to}"
        MAKERS[of](source, array, geometry)
        if to == ".seg.nrrd":
            labels = read_labelmap(source)
            write_labelmap(target, labels)
            expected, again = labels.array, read_labelmap(target)
        else:
            image = read_volume(source)
            assert image.name == "größe 1" and image.array.dtype == array.dtype
            write_volume(target, Volume(image.array, image.geometry))
            expected, again = array, read_volume(target)  # type: ignore[assignment]
        assert np.array_equal(expected, array) and np.array_equal(again.array, array)
        assert again.array.dtype == expected.dtype
        expected = geometry.corners()
        assert np.abs(again.geometry.corners() - expected).max() <= MM
        for reader in readers(target, geometry):
            seen, affine = reader(target)
            assert np.array_equal(seen, array)
            assert np.abs(corners(geometry.shape, affine) - expected).max() <= MM


@pytest.mark.parametrize("ending", OUTPUTS)
def test_labels_of_large_values_stay_where_they_are(tmp_path: Path, ending: str, oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, int)
    array[2, 3, 1:4] = (1, 2, 65535)
    write_labelmap(tmp_path / f"x{ending}", LabelMap.of(array, oblique))
    for reader in readers(tmp_path / f"x{ending}", oblique):
        seen, affine = reader(tmp_path / f"x{ending}")
        assert np.array_equal(seen, array)
        assert np.abs(corners(oblique.shape, affine) - oblique.corners()).max() <= MM
