"""MetaImage: what ITK reads is read alike, and what harms ITK is refused with a sentence."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.volume import Geometry, Volume, read_volume, write_volume
from MVGCore.volume.metaimage import read_meta

SHAPE = (2, 3, 4)
HEADER = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "DimSize": "4 3 2",
    "ElementSpacing": "1 2 3",
    "ElementType": "MET_SHORT",
}
DATA = np.arange(24, dtype="<i2").reshape(SHAPE)


def write(
    path: Path, data: bytes | None = None, place: str = "LOCAL", mark: str = " = ", **fields: str
) -> Path:
    """A file with some fields of the header changed; those that are empty are left out."""
    lines = {**HEADER, **fields, "ElementDataFile": place}
    text = "".join(f"{name}{mark}{value}\n" for name, value in lines.items() if value)
    path.write_bytes(text.encode() + (DATA.tobytes() if data is None else data))
    return path


def both(path: Path) -> tuple[Volume, Volume]:
    """What we read, and what ITK reads."""
    image = sitk.ReadImage(str(path), imageIO="MetaImageIO")
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    array = sitk.GetArrayFromImage(image)
    read = read_meta(path)
    return Volume(read.array, read.geometry), Volume(array, Geometry.from_affine_lps(array.shape, affine))


SAME_AS_ITK = [
    {},
    {"Offset": "4 5 6"},
    {"Position": "4 5 6"},
    {"Origin": "-4 5.5 1e2"},
    {"TransformMatrix": "0 1 0 1 0 0 0 0 -1"},
    {"Rotation": "0 0 1 1 0 0 0 1 0"},
    {"Orientation": "0.6 0.8 0 -0.8 0.6 0 0 0 1"},
    {"ElementSpacing": "", "ElementSize": "2 2 2"},
    {"ElementSpacing": ""},
    {"ElementSpacing": "-1 1 1"},
    {"AnatomicalOrientation": "LPS"},
    {"ElementToIntensityFunctionSlope": "2"},
    {"Comment": "hello = 3"},
    {"mark": ": "},
    {"ObjectType": ""},
    {"BinaryData": "true"},
    {"BinaryDataByteOrderMSB": "True"},
    {"BinaryDataByteOrderMSB": "", "ElementByteOrderMSB": "True"},
    {"ElementType": "MET_USHORT"},
    {"HeaderSize": "-1"},
]


@pytest.mark.parametrize("fields", SAME_AS_ITK, ids=str)
def test_headers_mean_what_they_mean_to_itk(tmp_path: Path, fields: dict[str, str]) -> None:
    ours, itks = both(write(tmp_path / "x.mha", **fields))
    assert np.array_equal(ours.array, itks.array) and ours.array.dtype == itks.array.dtype
    assert np.allclose(ours.geometry.affine_lps, itks.geometry.affine_lps, atol=1e-9)


TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["x.mha", "x.mhd", "LOCAL x.mhd", "50%d.mhd", "X.MHA"])
def test_what_itk_writes_is_read_and_the_other_way(tmp_path: Path, kind: str, name: str) -> None:
    array = (np.arange(24).reshape(SHAPE) * 3).astype(kind)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.1, 2, 3))
    image.SetOrigin((4, -5, 6.7))
    image.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, -1))
    for compressed in (False, True):
        sitk.WriteImage(image, str(tmp_path / "itk.mhd"), useCompression=compressed)
        ours, itks = both(tmp_path / "itk.mhd")
        assert np.array_equal(ours.array, array) and ours.geometry.is_close(itks.geometry)
    write_volume(tmp_path / name, Volume(array, ours.geometry))
    again, itks = both(tmp_path / name)
    for read in (again, itks):
        assert np.array_equal(read.array, array) and read.array.dtype == array.dtype
        assert np.allclose(read.geometry.affine_lps, ours.geometry.affine_lps, atol=1e-12)


def test_several_values_per_voxel_come_last(tmp_path: Path) -> None:
    data = np.arange(48, dtype=np.uint8).tobytes()
    array = read_meta(
        write(tmp_path / "x.mha", data, ElementType="MET_UCHAR", ElementNumberOfChannels="2")
    ).array
    assert array.shape == (*SHAPE, 2) and array[0, 0, 1].tolist() == [2, 3]


HARMFUL = [
    ({"NDims": "-1"}, "dimensions"),
    ({"NDims": "2147483647"}, "says NDims|dimensions"),
    ({"NDims": "3 3"}, "says NDims"),
    ({"DimSize": "4 3"}, "not 3 numbers"),
    ({"DimSize": "4 0 2"}, "header is damaged"),
    ({"DimSize": "4 3 -2"}, "header is damaged"),
    ({"DimSize": "nan 3 2"}, "not 3 numbers"),
    ({"DimSize": "100000 100000 100000"}, "promises 2,000,000 GB of voxels"),
    ({"ElementNumberOfChannels": "0"}, "header is damaged"),
    ({"ElementNumberOfChannels": "100000000"}, "promises"),
    ({"ElementType": "MET_NONE"}, "not known"),
    ({"ElementType": "MET_STRING"}, "not known"),
    ({"BinaryData": "False"}, "are text"),
    ({"BinaryData": "maybe"}, "not True or False"),
    ({"HeaderSize": "99999"}, "promises"),
    ({"HeaderSize": "x"}, "says HeaderSize"),
    ({"ElementSpacing": "0 1 1"}, "spacing of zero"),
    ({"ElementSpacing": "inf 1 1"}, "not 3 numbers"),
    ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "one plane"),
    ({"place": "/etc/passwd"}, "outside its folder"),
    ({"place": "../x.raw"}, "outside its folder"),
    ({"place": "%s"}, "No such file|cannot be read"),
    ({"place": "%n %n"}, "No such file|cannot be read"),
    ({"place": "%2000000000d 1 5 0"}, "No such file|cannot be read"),
    ({"place": "s%d.raw 1 5 0"}, "without end"),
    ({"place": "s%d.raw 1 5 1"}, "5 files for 2 slices|cannot be read"),
    ({"place": "."}, "a folder|cannot be read"),
    ({"place": "a\x00b"}, "outside its folder|cannot be read"),
    ({"place": ""}, "no MetaImage header"),
]


@pytest.mark.parametrize(("fields", "told"), HARMFUL, ids=str)
def test_headers_that_harm_itk_are_told(tmp_path: Path, fields: dict[str, str], told: str) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match=told):
        read_volume(write(tmp_path / "in" / "x.mha", **fields))


def test_data_may_lie_below_the_header_but_not_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "h" / "parts").mkdir(parents=True)
    (tmp_path / "h" / "parts" / "x.raw").write_bytes(DATA.tobytes())
    path = write(tmp_path / "h" / "x.mhd", b"", "parts/x.raw")
    assert np.array_equal(read_volume(path).array, DATA)
    (tmp_path / "elsewhere.raw").write_bytes(DATA.tobytes())
    (tmp_path / "h" / "link.raw").symlink_to(tmp_path / "elsewhere.raw")
    with pytest.raises(InputError, match="outside its folder"):
        read_volume(write(path, b"", "link.raw"))


@pytest.mark.parametrize("place", ["s%02d.raw 1 2 1", "LIST"])
def test_voxels_in_several_files(tmp_path: Path, place: str) -> None:
    for number, part in enumerate(DATA, start=1):
        (tmp_path / f"s{number:02d}.raw").write_bytes(part.tobytes())
    path = write(tmp_path / "x.mhd", b"s01.raw\ns02.raw\n" if place == "LIST" else b"", place)
    ours, itks = both(path)
    assert np.array_equal(ours.array, DATA) and np.array_equal(itks.array, DATA)
    with pytest.raises(InputError, match="names no file|cannot be read|outside"):
        read_volume(
            write(path, b"../x\n" if place == "LIST" else b"", "LIST" if place == "LIST" else "../%d 1 2 1")
        )


def test_one_flipped_bit_in_compressed_voxels_is_noticed(tmp_path: Path) -> None:
    whole = zlib.compress(DATA.tobytes())
    path = tmp_path / "x.mha"
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        write(path, bytes(damaged), CompressedData="True")
        try:
            array = read_volume(path).array
        except InputError:
            continue
        assert np.array_equal(array, DATA)  # a bit of zlib's header that says nothing of the voxels


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_mutation_is_read_or_told(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(
        write(tmp_path / "x.mha", zlib.compress(DATA.tobytes()), CompressedData="True").read_bytes()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        length = data.draw(st.sampled_from((0, 1, 1, 4)))
        whole[place : place + length] = data.draw(
            st.binary(max_size=4) | st.sampled_from((b"-1", b"%s", b"9" * 9))
        )
    (tmp_path / "y.mha").write_bytes(whole)
    try:
        read_volume(tmp_path / "y.mha")
    except InputError as error:
        assert "y.mha" in str(error) and str(error).endswith(".")
