"""Voxels from plain and compressed bytes: sizes are compared before memory is taken, checksums at the end."""

from __future__ import annotations

import bz2
import gzip
import os
import resource
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.volume import limits, read_volume
from MVGCore.volume.decoding import Encoding, read_voxels
from MVGCore.volume.limits import free_memory, open_regular, size_text

ARRAY = np.random.default_rng(1).integers(0, 40, (5, 60, 70)).astype("<i2")
PACKERS: list[tuple[Encoding, Callable[[bytes], bytes]]] = [
    (Encoding.RAW, bytes),
    (Encoding.ZLIB, zlib.compress),
    (Encoding.ZLIB, gzip.compress),
    (Encoding.GZIP, gzip.compress),
    (Encoding.BZIP2, bz2.compress),
]
COMPRESSED = PACKERS[1:]


def decoded(path: Path, data: bytes, encoding: Encoding, **options) -> np.ndarray:
    path.write_bytes(b"head" + data)
    with open_regular(path) as stream:
        stream.seek(4)
        kind, shape = options.pop("kind", ARRAY.dtype), options.pop("shape", ARRAY.shape)
        return read_voxels(stream, path, shape, np.dtype(kind), encoding, **options)


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_voxels_come_back_in_either_byte_order(tmp_path: Path, encoding: Encoding, pack) -> None:
    path, swapped = tmp_path / "x", ARRAY.astype(">i2")
    assert np.array_equal(decoded(path, pack(ARRAY.tobytes()), encoding), ARRAY)
    array = decoded(path, pack(swapped.tobytes()), encoding, kind=">i2")
    assert np.array_equal(array, ARRAY) and array.dtype.isnative
    assert np.array_equal(decoded(path, pack(b"12345" + ARRAY.tobytes()), encoding, skip=5), ARRAY)


@pytest.mark.parametrize(("encoding", "pack"), COMPRESSED)
def test_too_few_and_too_many_voxels_are_told(tmp_path: Path, encoding: Encoding, pack) -> None:
    path, raw = tmp_path / "x", ARRAY.tobytes()
    for data in (pack(raw[:-1]), pack(raw + b"1"), pack(raw)[:-1], pack(raw)[: len(raw) // 3], pack(b"")):
        with pytest.raises(InputError, match="damaged"):
            decoded(path, data, encoding)
    assert np.array_equal(decoded(path, pack(raw + b"1"), encoding, surplus=1), ARRAY)


def test_joined_members_and_zeros_behind_them(tmp_path: Path) -> None:
    raw = ARRAY.tobytes()
    joined = gzip.compress(raw[:1000]) + gzip.compress(raw[1000:])
    assert np.array_equal(decoded(tmp_path / "x", joined + bytes(512), Encoding.GZIP), ARRAY)
    with pytest.raises(InputError, match="damaged"):
        decoded(tmp_path / "x", joined + b"rest", Encoding.GZIP)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1 << 30), bit=st.integers(0, 7), packer=st.sampled_from(COMPRESSED))
def test_a_flipped_bit_never_changes_a_voxel(tmp_path: Path, place: int, bit: int, packer) -> None:
    data = bytearray(packer[1](ARRAY.tobytes()))
    data[place % len(data)] ^= 1 << bit
    try:
        array = decoded(tmp_path / "x", bytes(data), packer[0])
    except InputError:
        return
    assert np.array_equal(array, ARRAY)  # a name or a time in the header of the member


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_what_cannot_be_there_is_refused_before_memory_is_taken(tmp_path: Path, encoding, pack) -> None:
    with pytest.raises(InputError, match="promises 2,251,800 GB|promises .*GB"):
        decoded(tmp_path / "x", pack(bytes(2000)), encoding, shape=(1 << 20, 1 << 20, 1 << 10))


def test_small_files_that_become_huge_are_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(limits, "MOST_OF_SMALL", 1000)
    with pytest.raises(InputError, match="would unpack to 4 kB"):
        decoded(tmp_path / "x", gzip.compress(bytes(4000)), Encoding.GZIP, shape=(4000,), kind="u1")


def test_what_the_memory_cannot_hold_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(limits, "free_memory", lambda: 100)
    with pytest.raises(InputError, match="needs 42 kB of memory, and 100 bytes are free; close"):
        decoded(tmp_path / "x", ARRAY.tobytes(), Encoding.RAW)


def test_the_limit_of_the_process_counts_as_memory() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = free_memory()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    try:
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), hard))
        assert free_memory() <= 64 << 20 < before
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("name", ["pipe.nrrd", "pipe.nii.gz", "pipe.mha", "pipe"])
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="no file but a pipe"):
        read_volume(tmp_path / name)
    (tmp_path / "link.nrrd").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="no file but a pipe, a device"):
        read_volume(tmp_path / "link.nrrd")


@pytest.mark.parametrize("header", ["x.nhdr", "x.mhd"])
def test_pipes_as_data_files_are_refused_at_once(tmp_path: Path, header: str) -> None:
    os.mkfifo(tmp_path / "data.raw")
    texts = {
        "x.nhdr": "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: data.raw\n\n",
        "x.mhd": "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = data.raw\n",
    }
    (tmp_path / header).write_text(texts[header])
    with pytest.raises(InputError, match="no file but a pipe"):
        read_volume(tmp_path / header)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (42_000, "42 kB"), (3_210_000_000, "3.21 GB")]
)
def test_sizes_are_said_as_people_do(size: int, text: str) -> None:
    assert size_text(size) == text
