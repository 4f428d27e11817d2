"""Arrays through files in memory or on the disk: exact, once, and never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from MVGCore.errors import InputError, OutputError
from MVGCore.worker.wire import exchange
from MVGCore.worker.wire.exchange import (
    ArrayLayout,
    Exchange,
    Parcel,
    make_folders,
    memory_folder,
    remove_folders,
    sweep,
)
from MVGCore.worker.wire.handshake import ProtocolError
from Testing.core.worker.waiting import leftovers

numbers = (
    npst.boolean_dtypes()
    | npst.integer_dtypes(endianness="?")
    | npst.unsigned_integer_dtypes(endianness="?")
    | npst.floating_dtypes(endianness="?")
)
arrays = npst.arrays(numbers, npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exchange")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(exchange, "CHUNK", 1000)
    yield


@given(given=st.lists(arrays, max_size=3))
def test_arrays_arrive_bit_for_bit(folder: Path, given: list[np.ndarray]) -> None:
    there = Exchange([folder], "w")
    parcel = Exchange([folder], "h").put(given)
    for one, other in zip(there.take(parcel), given, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        assert one.tobytes() == np.ascontiguousarray(other).tobytes()
    assert list(folder.iterdir()) == []
    with pytest.raises(ProtocolError):
        there.take(parcel)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_large_arrays_go_in_slabs(folder: Path, small_chunks: None, order: tuple[int, int, int]) -> None:
    array = np.arange(3 * 50 * 40, dtype=np.int16).reshape(3, 50, 40).transpose(order)[::-1]
    (taken,) = Exchange([folder], "w").take(Exchange([folder], "h").put([array]))
    np.testing.assert_array_equal(taken, array)


def test_another_folder_serves_when_the_first_is_full(folder: Path, tmp_path: Path) -> None:
    array = np.arange(10.0)
    folders = [tmp_path / "gone", folder]
    parcel = Exchange(folders, "h").put([array])
    assert parcel.folder == 1
    np.testing.assert_array_equal(Exchange(folders, "w").take(parcel)[0], array)
    with pytest.raises(OutputError, match="no room"):
        Exchange([tmp_path / "gone", tmp_path / "too"], "h").put([array])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="There is no device that is always full.")
def test_a_file_that_cannot_be_completed_is_removed(folder: Path, tmp_path: Path) -> None:
    class Full(Exchange):
        pass

    full = tmp_path / "full"
    full.mkdir()
    side = Full([full, folder], "h")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    program = (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"{limited}"
        "import sys, numpy as np; from pathlib import Path\n"
        "from MVGCore.errors import OutputError; from MVGCore.worker.wire.exchange import Exchange\n"
        "try: Exchange([Path(sys.argv[1])], 'h').put([np.zeros(10_000)])\n"
        "except OutputError as error: print(error)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program, str(full)], cwd=root, capture_output=True, text=True, check=True
    )
    assert "no room" in done.stdout and list(full.iterdir()) == []
    assert side.put([np.zeros(3)]).folder == 0


def test_only_numbers_are_taken(folder: Path) -> None:
    for array in (np.array(["a"]), np.array([None]), np.array([1j]), np.zeros(2, "M8[s]")):
        with pytest.raises(InputError, match="type"):
            Exchange([folder], "h").put([array])
    assert list(folder.iterdir()) == []


def test_odd_parcels_are_refused(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(8))
    side = Exchange([folder], "w")
    item = ArrayLayout("<f8", (1,))
    (folder / "h0").write_bytes(bytes(8))
    sound = Parcel(0, "h0", (item,))
    for parcel in (
        replace(sound, folder=1),
        replace(sound, folder=-1),
        replace(sound, name="../secret"),
        replace(sound, name=str(secret)),
        replace(sound, name=""),
        replace(sound, name="h1"),
        replace(sound, items=(item, item)),
        replace(sound, items=()),
        *(replace(sound, items=(ArrayLayout(kind, (1,)),)) for kind in ("O", "|V8", "nonsense", "i4,i4", "")),
        replace(sound, items=(ArrayLayout("<f8", (-1,)),)),
        replace(sound, items=(ArrayLayout("<f8", (1 << 62,)),)),
        replace(sound, items=(ArrayLayout("<f8", (1 << 30, 1 << 30)),)),
    ):
        with pytest.raises(ProtocolError):
            side.take(parcel)
    assert secret.exists()
    (taken,) = side.take(sound)
    assert taken == 0


def test_folders_are_private_and_swept_when_nobody_is_left(temp_folder: Path) -> None:
    mine = make_folders()
    assert (len(mine) == 2) == (memory_folder() is not None) and len(make_folders(in_memory=False)) == 1
    assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in mine if os.name == "posix")
    program = "from MVGCore.worker.wire.exchange import make_folders; print(len(make_folders()))"
    environment = {**os.environ, "TMPDIR": tempfile.gettempdir()}
    root = Path(__file__).resolve().parents[3]
    other = subprocess.Popen([sys.executable, "-c", program], cwd=root, env=environment)
    other.wait()
    assert leftovers(temp_folder, other.pid)
    sweep()
    assert not leftovers(temp_folder, other.pid) and all(folder.is_dir() for folder in mine)
    remove_folders(leftovers(temp_folder))
    assert not leftovers(temp_folder)
