"""Pictures are images of one slice; labels come back from them number by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from MVGCore.errors import InputError
from MVGCore.volume import (
    Geometry,
    LabelMap,
    Volume,
    labelled_slices,
    read_labelmap,
    read_volume,
    write_labelmap,
    write_volume,
)
from MVGCore.volume.picturefile import LUMINANCE

PIXELS = np.random.default_rng(0).integers(0, 250, (9, 11)).astype(np.uint8)


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp"])
def test_a_picture_is_an_image_of_one_slice(tmp_path: Path, ending: str) -> None:
    Image.fromarray(PIXELS).save(tmp_path / f"x{ending}")
    image = read_volume(tmp_path / f"x{ending}")
    assert np.array_equal(image.array, PIXELS[None]) and image.name == "x"
    assert image.geometry == Geometry.identity((1, 9, 11)) and image.geometry.flat_axis == 0


def test_colours_become_their_luminance(tmp_path: Path) -> None:
    colours = np.random.default_rng(1).integers(0, 255, (9, 11, 3)).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "x.png")
    expected = np.rint(colours @ np.array(LUMINANCE))
    assert np.abs(read_volume(tmp_path / "x.png").array[0] - expected).max() <= 1


@pytest.mark.parametrize("largest", [200, 60000])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_labels_come_back_number_by_number(tmp_path: Path, ending: str, largest: int) -> None:
    array = np.where(PIXELS > 200, largest, PIXELS % 3)[None]
    labels = LabelMap.of(array, Geometry.identity(array.shape))
    write_labelmap(tmp_path / f"x{ending}", labels)
    again = read_labelmap(tmp_path / f"x{ending}")
    assert np.array_equal(again.array, array) and again.array.dtype == labels.array.dtype


def test_a_palette_gives_label_numbers(tmp_path: Path) -> None:
    picture = Image.fromarray((PIXELS % 4).astype(np.uint8))
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save(tmp_path / "x.png")
    assert np.array_equal(read_labelmap(tmp_path / "x.png").array[0], PIXELS % 4)


def test_a_slice_across_any_axis_is_written_as_it_is_seen(tmp_path: Path) -> None:
    for axis in range(3):
        array = np.expand_dims(PIXELS, axis)
        write_volume(tmp_path / "x.png", Volume(array, Geometry.identity(array.shape)))
        assert np.array_equal(read_volume(tmp_path / "x.png").array[0], PIXELS)
        labels = LabelMap.of(array % 2, Geometry.identity(array.shape))
        assert [(key.axis, key.index) for key in labelled_slices(labels)] == [(axis, 0)]


def test_pages_of_a_tiff_are_slices(tmp_path: Path) -> None:
    stack = np.stack([PIXELS, PIXELS[::-1], PIXELS[:, ::-1]])
    write_volume(tmp_path / "x.tif", Volume(stack, Geometry.identity(stack.shape)))
    assert np.array_equal(read_volume(tmp_path / "x.tif").array, stack)


def test_what_would_lose_something_is_refused(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "x.jpg")
    with pytest.raises(InputError, match="stored with losses"):
        read_labelmap(tmp_path / "x.jpg")
    Image.fromarray(PIXELS).convert("RGB").save(tmp_path / "x.png")
    with pytest.raises(InputError, match="in colours"):
        read_labelmap(tmp_path / "x.png")
    several = Volume(np.stack([PIXELS] * 3), Geometry.identity((3, 9, 11)))
    with pytest.raises(InputError, match="holds one slice and there are 3"):
        write_volume(tmp_path / "y.png", several)
    with pytest.raises(InputError, match="format of its name"):
        write_volume(tmp_path / "y.jpg", several)
    floats = Volume(PIXELS[None].astype(np.float32), Geometry.identity((1, 9, 11)))
    with pytest.raises(InputError, match="float32"):
        write_volume(tmp_path / "y.png", floats)
    assert not (tmp_path / "y.png").exists()


def test_a_damaged_picture_gets_a_sentence(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "x.png")
    whole = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="x.png"):
        read_volume(tmp_path / "x.png")
