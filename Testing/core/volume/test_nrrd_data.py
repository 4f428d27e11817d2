"""Where a NRRD header may say that its voxels are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MVGCore.cli.main import main
from MVGCore.errors import InputError
from MVGCore.volume import read_volume
from MVGCore.volume.outside import DataElsewhere, data_elsewhere

ARRAY = np.arange(24, dtype="<i2").reshape(2, 3, 4)
FIELDS = {
    "type": "short",
    "dimension": "3",
    "sizes": "4 3 2",
    "endian": "little",
    "encoding": "raw",
}


def write(path: Path, data: bytes = b"", behind: str = "", **fields: str) -> Path:
    lines = {**FIELDS, **{name.replace("_", " "): value for name, value in fields.items()}}
    text = "".join(f"{name}: {value}\n" for name, value in lines.items() if value)
    end = "" if "LIST" in behind else "\n"  # a list has no empty line behind it
    path.write_bytes(f"NRRD0004\n{text}{behind}{end}".encode() + data)
    return path


@pytest.fixture
def slices(tmp_path: Path) -> Path:
    for number, part in enumerate(ARRAY, start=1):
        (tmp_path / f"s{number:02d}.raw").write_bytes(part.tobytes())
    return tmp_path


@pytest.mark.parametrize("name", ["s%02d.raw 1 2 1", "s%02d.raw 2 1 -1", "LIST"])
def test_voxels_in_several_files(slices: Path, name: str) -> None:
    behind = "data file: LIST\ns01.raw\ns02.raw\n" if name == "LIST" else f"data file: {name}\n"
    path = write(slices / "x.nhdr", behind=behind)
    array = read_volume(path).array
    assert np.array_equal(array, ARRAY[::-1] if "-1" in name else ARRAY)
    assert np.array_equal(array, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("text", b" ".join(b"%d" % value for value in ARRAY.ravel())),
        ("hex", ARRAY.tobytes().hex().encode()),
        ("raw", ARRAY.tobytes()),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, data: bytes) -> None:
    path = write(tmp_path / "x.nrrd", data, encoding=encoding)
    assert np.array_equal(read_volume(path).array, ARRAY)
    with pytest.raises(InputError, match="x.nrrd"):
        read_volume(write(path, data[:-8], encoding=encoding))


TYPES = {
    "signed char": "i1",
    "uchar": "u1",
    "uint8_t": "u1",
    "short int": "i2",
    "signed short int": "i2",
    "unsigned short int": "u2",
    "unsigned int": "u4",
    "signed int": "i4",
    "long long int": "i8",
    "unsigned long long int": "u8",
    "ulonglong": "u8",
    "float": "f4",
    "double": "f8",
}


@pytest.mark.parametrize("name", TYPES)
def test_names_of_types(tmp_path: Path, name: str) -> None:
    array = ARRAY.astype(TYPES[name])
    read = read_volume(write(tmp_path / "x.nrrd", array.tobytes(), type=name)).array
    assert np.array_equal(read, array) and read.dtype == array.dtype


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"data_file": "/etc/passwd"}, "outside its folder"),
        ({"datafile": "../x.raw"}, "outside its folder"),
        ({"data_file": "/etc/s%02d 1 2 1"}, "outside its folder"),
        ({"data_file": "s%02d.raw 1 2 0"}, "without end"),
        ({"data_file": "s%02d.raw 1 999999999 1"}, "without end"),
        ({"data_file": "%s%s%n"}, "cannot be read"),
        ({"data_file": "%2000000000d.raw 1 2 1"}, "cannot be read"),
        ({"sizes": "100000 100000 100000"}, "promises 2,000,000 GB"),
        ({"sizes": "4 3"}, "its header is damaged"),
        ({"sizes": "4 3 0"}, "its header is damaged"),
        ({"type": "block"}, "not known"),
        ({"endian": ""}, "byte order"),
        ({"encoding": "magic"}, "unknown encoding"),
        ({"byte_skip": "99999"}, "promises"),
        ({"line_skip": "999999999"}, "promises"),
    ],
    ids=str,
)
def test_harmful_headers_are_told(tmp_path: Path, fields: dict[str, str], told: str) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match=told):
        read_volume(write(tmp_path / "in" / "x.nrrd", ARRAY.tobytes(), **fields))


@pytest.mark.parametrize("centers", ["", "cell cell cell", "node node node"])
@pytest.mark.parametrize("spacings", ["1 2 3", "1 -2 3"])
def test_places_on_axes_of_no_space(tmp_path: Path, centers: str, spacings: str) -> None:
    path = write(
        tmp_path / "x.nrrd", ARRAY.tobytes(), spacings=spacings, axis_mins="10 20 30", centerings=centers
    )
    image, geometry = sitk.ReadImage(str(path)), read_volume(path).geometry
    corner = geometry.index_to_world([(0, 0, 0), (3, 2, 1)])
    assert np.allclose(corner, [image.TransformIndexToPhysicalPoint(each) for each in [(0, 0, 0), (3, 2, 1)]])


def test_a_pattern_may_say_how_many_dimensions_a_file_has(slices: Path) -> None:
    path = write(slices / "x.nhdr", data_file="s%02d.raw 1 2 1 2")
    assert np.array_equal(read_volume(path).array, ARRAY)


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nhdr", data_file="x" * 3000)
    with pytest.raises(InputError, match="cannot be read|missing"):
        read_volume(path)


def test_data_elsewhere_are_read_where_the_user_says_so(slices: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "headers"
    folder.mkdir()
    path = write(folder / "x.nhdr", data_file="../s%02d.raw 1 2 1")
    with pytest.raises(DataElsewhere, match="--data-elsewhere"):
        read_volume(path)
    with data_elsewhere():
        assert np.array_equal(read_volume(path).array, ARRAY)
    with pytest.raises(DataElsewhere):
        read_volume(path)
    assert main(["info", str(path)]) == 2 and main(["info", str(path), "--data-elsewhere"]) == 0
    assert "--data-elsewhere" in capsys.readouterr().err
