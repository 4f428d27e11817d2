"""One flipped bit in what MVG wrote is noticed, wherever it is; what others save again is not refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MVGCore.errors import InputError
from MVGCore.volume import LabelMap, Segmentation, Volume, read_segmentation, write_segmentation
from MVGCore.volume.arrayfile import read_arrays, write_arrays

ENDINGS = (".seg.nrrd", ".seg.nhdr", ".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
TRIALS = 80


def same(one: Segmentation, other: Segmentation) -> bool:
    layers = all(np.array_equal(a, b) for a, b in zip(one.layers, other.layers, strict=True))
    affines = np.array_equal(one.geometry.affine_lps, other.geometry.affine_lps)
    return layers and affines and one.segments == other.segments


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_flipped_bit_is_noticed_or_says_nothing(tmp_path: Path, a_labelmap: LabelMap, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    write_segmentation(path, a_labelmap)
    written = read_segmentation(path)
    rng = np.random.default_rng(len(ending))
    for file in sorted(tmp_path.iterdir()):
        whole = file.read_bytes()
        for place in rng.integers(0, 8 * len(whole), TRIALS):
            damaged = bytearray(whole)
            damaged[place // 8] ^= 1 << place % 8
            file.write_bytes(bytes(damaged))
            try:
                read = read_segmentation(path)
            except InputError:
                continue
            assert same(read, written), f"bit {place} of {file.name}"
        file.write_bytes(whole)


@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".nii", ".mha", ".mhd"])
def test_what_itk_saves_again_is_read(tmp_path: Path, a_labelmap: LabelMap, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    write_segmentation(path, a_labelmap)
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), a_labelmap.array)
    image.SetOrigin((7.0, 8.0, 9.0))
    sitk.WriteImage(image, str(path), useCompression=True)
    assert read_segmentation(path).geometry.origin == (7.0, 8.0, 9.0)


def test_a_header_that_was_edited_says_what_to_do(tmp_path: Path, a_labelmap: LabelMap) -> None:
    path = tmp_path / "x.nhdr"
    write_segmentation(path, a_labelmap)
    text = path.read_text().replace("space origin: (-12.3", "space origin: (-22.3")
    path.write_text(text)
    with pytest.raises(InputError, match="by damage or by hand.* remove the line 'MVG checksum"):
        read_segmentation(path)
    path.write_text("\n".join(line for line in text.split("\n") if "MVG checksum" not in line))
    assert read_segmentation(path).geometry.origin != a_labelmap.geometry.origin


@pytest.mark.parametrize("ending", [".nhdr", ".mhd"])
def test_header_and_data_of_two_writers_are_told_apart(tmp_path: Path, a_labelmap: LabelMap, ending) -> None:
    other = LabelMap.of(np.roll(a_labelmap.array, 1), a_labelmap.geometry)
    headers = []
    for labels in (a_labelmap, other):
        write_segmentation(tmp_path / f"x{ending}", labels)
        headers.append((tmp_path / f"x{ending}").read_bytes())
    (tmp_path / f"x{ending}").write_bytes(headers[0])
    with pytest.raises(InputError):
        read_segmentation(tmp_path / f"x{ending}")


@pytest.mark.parametrize("ending", ENDINGS)
def test_equal_results_give_equal_files(tmp_path: Path, a_labelmap: LabelMap, ending: str) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        write_segmentation(folder / f"x{ending}", a_labelmap)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_flipped_bit_in_named_arrays_is_noticed(tmp_path: Path, an_image: Volume) -> None:
    path = tmp_path / "x.safetensors"
    write_arrays(path, {"a": an_image.array, "b": np.arange(3)}, {"name": "x"})
    whole = path.read_bytes()
    for place in np.random.default_rng(3).integers(0, 8 * len(whole), 300):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(bytes(damaged))
        try:
            read = read_arrays(path)
        except InputError:
            continue
        assert read.description == {"name": "x"} and np.array_equal(read.arrays["a"], an_image.array)
        assert np.array_equal(read.arrays["b"], np.arange(3)), f"bit {place}"
