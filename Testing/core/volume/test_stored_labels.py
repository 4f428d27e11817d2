"""Labels as people store them: other numeric types, scaled, one mask per class, on other grids."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from MVGCore.errors import GeometryMismatchError, InputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import (
    Geometry,
    LabelMap,
    SliceKey,
    Volume,
    match_labels,
    match_slices,
    read_labelmap,
    read_segmentation,
)

SHAPE = (5, 6, 7)


def drawn(largest: int = 2) -> np.ndarray:
    array = np.zeros(SHAPE, np.int64)
    array[1, 1:4, 1:5] = 1
    array[3, 2:5, 2:6] = largest
    return array


def save(path: Path, kji: np.ndarray, dtype: type | None = None) -> None:
    axes = (2, 1, 0, *range(3, kji.ndim))
    if path.name.endswith(".nii.gz"):
        image = nib.Nifti1Image(kji.transpose(axes), np.diag([-1, -1, 1, 1]), dtype=kji.dtype)
        if dtype is not None:
            image.set_data_dtype(dtype)
        nib.save(image, path)
    elif kji.ndim == 4:
        directions = [[math.nan] * 3, *np.eye(3).tolist()]
        header = {"space": "LPS", "space directions": directions, "kinds": ["list", *["domain"] * 3]}
        nrrd.write(str(path), np.moveaxis(kji.transpose(axes), 3, 0), header)
    else:
        header = {"space": "LPS", "space directions": np.eye(3), "space origin": np.zeros(3)}
        nrrd.write(str(path), kji.transpose(axes), header)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize("largest", [2, 500, 65535])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.uint64, np.int64])
def test_whole_numbers_of_every_type(tmp_path: Path, ending: str, largest: int, kind: type) -> None:
    save(tmp_path / f"x{ending}", drawn(largest).astype(kind))
    labels = read_labelmap(tmp_path / f"x{ending}")
    assert np.array_equal(labels.array, drawn(largest)) and labels.ids == (1, largest)


@pytest.mark.parametrize("largest", [2, 7, 20, 500])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16])
def test_scaled_whole_numbers(tmp_path: Path, largest: int, kind: type) -> None:
    """nibabel spreads the values over all numbers of the type; 1 comes back as .99998."""
    save(tmp_path / "x.nii.gz", drawn(largest).astype(float), kind)
    if largest == 500 and kind is np.uint8:  # in 255 steps: what it was cannot be known
        with pytest.raises(InputError, match="fractional"):
            read_labelmap(tmp_path / "x.nii.gz")
        return
    assert np.array_equal(read_labelmap(tmp_path / "x.nii.gz").array, drawn(largest))
    save(tmp_path / "again.nii.gz", np.asarray(nib.load(tmp_path / "x.nii.gz").get_fdata()).T)
    if kind is not np.uint8 and largest < 100:
        assert np.array_equal(read_labelmap(tmp_path / "again.nii.gz").array, drawn(largest))


def test_truth_values_and_numbers_beyond_all() -> None:
    geometry = Geometry.identity(SHAPE)
    assert LabelMap.of(drawn() > 0, geometry).ids == (1,)
    with pytest.raises(InputError, match="70000; is it an image"):
        LabelMap.of(drawn(70000), geometry)
    with pytest.raises(InputError, match="probabilities"):
        LabelMap.of(drawn() / 3, geometry)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_one_mask_per_class(tmp_path: Path, ending: str, kind: type) -> None:
    numbers = drawn()
    path = tmp_path / f"x{ending}"
    save(path, np.stack([numbers == each for each in range(3)], axis=-1).astype(kind))
    with pytest.warns(UserWarning, match="the first was read as background"):
        assert np.array_equal(read_labelmap(path).array, numbers)
    overlapping = np.stack([numbers == 1, numbers > 0], axis=-1).astype(kind)
    save(path, overlapping)
    with pytest.warns(UserWarning, match="classes 1 to 2"):
        segmentation = read_segmentation(path)
    assert [int(layer.sum()) for layer in segmentation.layers] == overlapping.sum(axis=(0, 1, 2)).tolist()
    save(path, np.stack([numbers, numbers], axis=-1).astype(kind))
    with pytest.raises(InputError, match="2 values per voxel"):
        read_labelmap(path)
    save(path, np.full((*SHAPE, 3), 1 / 3, np.float32))
    with pytest.raises(InputError, match="3 probabilities"):
        read_labelmap(path)


def test_masks_of_meta_images(tmp_path: Path) -> None:
    masks = np.stack([drawn() == each for each in range(3)], axis=-1).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(masks, isVector=True), str(tmp_path / "x.mha"))
    with pytest.warns(UserWarning, match="background"):
        assert np.array_equal(read_labelmap(tmp_path / "x.mha").array, drawn())


IMAGE = Geometry((12, 20, 22), (1.0, 1.0, 2.0), (-10.0, 5.0, 30.0))


def block(shape: tuple[int, int, int], slices: list[int]) -> np.ndarray:
    array = np.zeros(shape, np.uint8)
    for index in slices:
        array[index, 2:-2, 2:-2] = 1
    return array


@settings(max_examples=40, deadline=None)
@given(
    thickness=st.sampled_from([0.5, 1.0, 1.3, 2.0, 3.0, 5.0]),
    in_plane=st.sampled_from([0.5, 1.0, 1.7]),
    shift=st.floats(-6, 6),
    axes=st.permutations([0, 1, 2]),
    flip=st.booleans(),
    data=st.data(),
)
def test_each_labelled_slice_goes_to_the_slice_that_it_shows_or_is_told(
    thickness: float, in_plane: float, shift: float, axes: list[int], flip: bool, data: st.DataObject
) -> None:
    count = round(24 / thickness)
    size = round(20 / in_plane)
    own = Geometry((count, size, size), (in_plane, in_plane, thickness), (-10, 5, 30 + shift))
    slices = sorted(data.draw(st.sets(st.integers(0, (count - 1) // 2), min_size=1, max_size=4)))
    slices = [2 * each for each in slices]
    geometry, array = own.permuted(axes), block(own.shape, slices).transpose(axes)
    if flip:
        geometry, array = geometry.flipped(1), np.flip(array, 1)
    positions = [30 + shift + thickness * each for each in slices]
    assume(all(abs((z - 29) / 2 - round((z - 29) / 2)) > 0.01 for z in positions))  # between two slices
    expected = {min(range(12), key=lambda k: (abs(30 + 2 * k - z), k)) for z in positions if 29 < z < 53}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = match_slices(LabelMap.of(array, geometry), IMAGE, axis=0)
        except InputError:
            assert len([z for z in positions if 29 < z < 53]) < len(positions)
            return
    assert {each.axis for each in found.places} == {0}
    near = {each.index for each in found.places}
    assert near == expected
    for place in found.places:
        assert found.labels.array[place.index].any()
    if len(near) < len(slices):
        assert "not used" in str(told[0].message) and "cut off" in str(told[0].message)
    assert set(np.flatnonzero(found.labels.array.any(axis=(1, 2)))) == near


def test_a_thick_slice_is_one_example_and_not_five() -> None:
    coarse = Geometry((5, 20, 22), (1, 1, 5), (-10, 5, 31))
    found = match_slices(LabelMap.of(block(coarse.shape, [1, 3]), coarse), IMAGE)
    assert found.places == [SliceKey(0, 3), SliceKey(0, 8)]


def turned(degrees: float, shape: tuple[int, int, int]) -> Geometry:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return Geometry(shape, (1, 1, 2), (-10, 5, 30), (1, 0, 0, 0, c, -s, 0, s, c))


def test_slices_turned_against_those_of_the_image() -> None:
    slightly = turned(1.5, IMAGE.shape)
    with pytest.warns(UserWarning, match="at most 0.44 mm away"):
        found = match_slices(LabelMap.of(block(IMAGE.shape, [2, 6]), slightly), IMAGE)
    assert [each.index for each in found.places] == [2, 6]
    much = turned(20, IMAGE.shape)
    with pytest.raises(GeometryMismatchError, match="turned against"):
        match_slices(LabelMap.of(block(IMAGE.shape, [2, 6]), much), IMAGE)
    with pytest.warns(UserWarning, match="cut off"):
        whole = match_slices(LabelMap.of(block(IMAGE.shape, list(range(10))), much), IMAGE, axis=0)
    assert len(whole.places) > 6


@pytest.mark.parametrize("degrees", [3, 30, 90])
def test_labels_turned_within_the_slices_are_turned_with_them(tmp_path: Path, degrees: float) -> None:
    """Equal spacings and sizes do not make the same grid."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    array = np.zeros((6, 40, 40), np.uint8)
    array[2, 16:30, 18:22] = 1
    centre = np.eye(4)
    centre[:2, 3] = -19.5
    straight = np.diag([1.0, 1, 2, 1])
    nib.save(
        nib.Nifti1Image(array.T, np.linalg.inv(centre) @ turn @ centre @ straight), tmp_path / "few.nii.gz"
    )
    nib.save(nib.Nifti1Image(array.T, straight), tmp_path / "image.nii.gz")
    labels, image = (read_labelmap(tmp_path / f"{name}.nii.gz") for name in ("few", "image"))
    found = match_slices(labels, image.geometry)
    assert found.places == [SliceKey(0, 2)]
    assert not np.array_equal(found.labels.array, array)
    seen = image.geometry.index_to_world(np.argwhere(found.labels.array)[:, ::-1]).mean(axis=0)
    drawn = labels.geometry.index_to_world(np.argwhere(array)[:, ::-1]).mean(axis=0)
    assert np.abs(seen - drawn).max() < 0.3


def test_what_is_cut_off_is_told_with_its_share() -> None:
    shifted = Geometry(IMAGE.shape, IMAGE.spacing, (-10, 5, 40))
    labels = LabelMap.of(block(IMAGE.shape, [2, 6, 9]), shifted)
    image = Volume(np.random.default_rng(0).normal(size=IMAGE.shape), IMAGE)
    with pytest.warns(UserWarning, match=r"slice 9 along k \(beyond the image\); 33% of the labelled voxels"):
        prompts = PromptSet.from_labelmap(image, labels)
    assert [each.index for each in prompts.prompts] == [7, 11]
    with pytest.warns(UserWarning, match="33.3% of the labelled voxels lie outside"):
        match_labels(labels, IMAGE)


def test_two_slices_for_one_are_told() -> None:
    fine = Geometry((48, 20, 22), (1, 1, 0.5), IMAGE.origin)
    with pytest.warns(UserWarning, match="slice 9 along k .slice 8 lies nearer to slice 2"):
        found = match_slices(LabelMap.of(block(fine.shape, [8, 9, 27]), fine), IMAGE, axis=0)
    assert [each.index for each in found.places] == [2, 7]


@pytest.mark.parametrize("of_labels", ["sform", "qform"])
def test_labels_with_either_place_of_a_nifti_image(tmp_path: Path, of_labels: str) -> None:
    """nibabel gives new labels the sform alone, ITK the qform."""
    places = {"sform": np.diag([-1.0, -1, 2, 1]), "qform": np.diag([1.0, 1, 2, 1])}
    places["qform"][:3, 3] = 200
    image = nib.Nifti1Image(np.zeros(SHAPE[::-1], np.int16), None, dtype=np.int16)
    image.header.set_zooms((1, 1, 2))
    image.set_sform(places["sform"], 2)
    image.set_qform(places["qform"], 1)
    nib.save(image, tmp_path / "image.nii")
    with pytest.warns(UserWarning, match="two positions"):
        grid = read_labelmap(tmp_path / "image.nii").geometry
    nib.save(
        nib.Nifti1Image(drawn().T.astype(np.int16), places[of_labels], dtype=np.int16), tmp_path / "few.nii"
    )
    assert np.array_equal(match_labels(read_labelmap(tmp_path / "few.nii"), grid).array, drawn())
