from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MVGCore.errors import InputError
from MVGCore.volume import (
    Geometry,
    LabelMap,
    Volume,
    check_image,
    read_labelmap,
    read_segmentation,
    read_volume,
    write_labelmap,
    write_volume,
)

ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".seg.nrrd")


def image_of(array: np.ndarray) -> Volume:
    return Volume(array, Geometry.identity(array.shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_nan_and_infinite_voxels_are_counted(bad: float) -> None:
    array = np.arange(27.0).reshape(3, 3, 3)
    array[1, 1, :2] = bad
    with pytest.raises(InputError, match="2 voxels that are NaN or infinite"):
        check_image(image_of(array))


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz", ".mha"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_nan_in_a_file_is_noticed(tmp_path: Path, ending: str, kind: type) -> None:
    array = np.arange(27, dtype=kind).reshape(3, 3, 3)
    array[1, 1, :2] = np.nan, np.inf
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"x{ending}"))
    with pytest.raises(InputError, match="2 voxels that are NaN or infinite"):
        read_volume(tmp_path / f"x{ending}")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones((3, 3, 3)), "constant"),
        (np.arange(9.0).reshape(1, 1, 9), "less than a slice"),
        (np.ones((1, 1, 1)), "less than a slice"),
        (np.ones((3, 3, 3), complex), "complex"),
    ],
)
def test_useless_images_are_refused(array: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_image(image_of(array))


def test_odd_types_and_layouts_are_made_plain() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    for odd in (array.astype(np.float16), array.astype(">i2"), np.asfortranarray(array), array > 3):
        plain = check_image(image_of(odd)).array
        assert (
            plain.flags.c_contiguous
            and plain.dtype.isnative
            and plain.dtype.itemsize != 2
            or plain.dtype == "i2"
        )
        assert np.array_equal(plain, odd)


def test_array_and_geometry_must_agree() -> None:
    with pytest.raises(InputError, match="geometry"):
        Volume(np.ones((2, 2, 2)), Geometry.identity((2, 2, 3)))
    with pytest.raises(InputError, match="dimensions"):
        Volume(np.ones((2, 2)), Geometry.identity((2, 2, 3)))


@pytest.mark.parametrize("name", ["rgb.nrrd", "rgb.mha", "rgb.nii"])
def test_rgb_is_refused(tmp_path: Path, name: str) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(colour, isVector=True), str(tmp_path / name))
    with pytest.raises(InputError, match="RGB"):
        read_volume(tmp_path / name)


@pytest.mark.parametrize("name", ["x.nrrd", "x.nii.gz", "x.mha"])
def test_two_and_four_dimensions(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    array = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=False), str(path))
    with pytest.raises(InputError, match="3-D|time"):
        read_volume(path)
    sitk.WriteImage(sitk.GetImageFromArray(array[0, 0]), str(path))
    with pytest.raises(InputError, match="3-D"):
        read_volume(path)
    sitk.WriteImage(sitk.GetImageFromArray(array[:1], isVector=False), str(path))
    assert np.array_equal(read_volume(path).array, array[0])


def test_unknown_missing_and_empty(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    for name, words in (("x.txt", "unknown format"), ("none.nrrd", "no file"), (".", "no DICOM")):
        with pytest.raises(InputError, match=words):
            read_volume(tmp_path / name)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.97])
def test_truncated_files_are_refused(tmp_path: Path, an_image: Volume, ending: str, part: float) -> None:
    path = tmp_path / f"x{ending}"
    if ending == ".seg.nrrd":
        write_labelmap(path, LabelMap.of(an_image.array.astype(int), an_image.geometry))
    else:
        write_volume(path, an_image)
    for file in list(tmp_path.iterdir()):
        whole = file.read_bytes()
        file.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(InputError):
            read_segmentation(path) if ending == ".seg.nrrd" else read_volume(path)
        file.write_bytes(whole)


@pytest.mark.parametrize(
    ("values", "words"),
    [((0.5,), "fractional"), ((-1,), "outside"), ((70000,), "outside"), ((np.nan,), "NaN")],
)
def test_what_is_no_label_map(tmp_path: Path, values: tuple[float, ...], words: str) -> None:
    array = np.zeros((3, 4, 5), np.float32)
    array[0, 0, : len(values)] = values
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "x.nii"))
    with pytest.raises(InputError, match=words) as caught:
        read_labelmap(tmp_path / "x.nii")
    assert "x.nii" in str(caught.value)


def test_more_than_255_classes() -> None:
    array = np.arange(7 * 7 * 7).reshape(7, 7, 7)
    with pytest.raises(InputError, match="342 classes"):
        LabelMap.of(array, Geometry.identity(array.shape))
    LabelMap.of(array % 256, Geometry.identity(array.shape))


def dicom_series(folder: Path, uid: str, count: int) -> None:
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index in range(count):
        image = sitk.GetImageFromArray(np.full((4, 5), index, np.int16) + np.arange(5, dtype=np.int16))
        tags = {
            "0008|0060": "CT",
            "0020|000d": "1.2.3",
            "0020|000e": uid,
            "0020|0013": str(index),
            "0008|0018": f"{uid}.{index}",
            "0020|0032": f"-5\\6\\{2.5 * index}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}_{index}.dcm"))
        writer.Execute(image)


def test_a_series_is_chosen_where_there_are_several(tmp_path: Path) -> None:
    dicom_series(tmp_path, "1.2.3.4", 4)
    volume = read_volume(tmp_path)
    assert volume.array[:, 0, 0].tolist() == [0, 1, 2, 3]
    assert (volume.modality, volume.geometry.spacing[2], volume.geometry.origin) == ("CT", 2.5, (-5, 6, 0))
    dicom_series(tmp_path, "1.2.3.5", 3)
    assert read_volume(tmp_path / "1.2.3.5_1.dcm").array.shape == (3, 4, 5)
    with pytest.raises(InputError, match="several series"):
        read_volume(tmp_path)
    assert read_volume(tmp_path, series="1.2.3.5").array.shape == (3, 4, 5)


def test_import_is_light() -> None:
    code = "import sys, MVGCore; print({'torch', 'scipy', 'SimpleITK', 'numpy'} & set(sys.modules))"
    code += (
        "; import MVGCore.volume, MVGCore.prompts; print({'torch', 'scipy', 'SimpleITK'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["set()", "set()"]
