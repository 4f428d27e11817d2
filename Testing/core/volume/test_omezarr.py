from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import MVGCore.volume.omezarr as omezarr
from MVGCore.errors import InputError
from MVGCore.volume import read_volume

zarr = pytest.importorskip("zarr")
ARRAY = np.arange(4 * 6 * 8, dtype=np.uint16).reshape(4, 6, 8)


def image(path: Path, array: np.ndarray = ARRAY, axes: str = "zyx", version: str = "0.4") -> Path:
    """An image of two levels, in micrometres."""
    group = zarr.open_group(str(path), mode="w")
    levels: list[dict[str, Any]] = []
    for number, step in enumerate((1, 2)):
        cut = tuple(slice(None, None, step if name in "zyx" else 1) for name in axes)
        group.create_array(str(number), data=np.ascontiguousarray(array[cut]))
        scale = [
            {"z": 4.0, "y": 2.0, "x": 1.0}.get(name, 1.0) * (step if name in "zyx" else 1) for name in axes
        ]
        moves = [
            {"type": "scale", "scale": scale},
            {"type": "translation", "translation": [{"z": 10.0}.get(name, 0.0) for name in axes]},
        ]
        levels.append({"path": str(number), "coordinateTransformations": moves})
    kinds = [{"name": name, "type": "space", "unit": "micrometer"} for name in axes]
    multiscales = [{"version": version, "axes": kinds, "datasets": levels}]
    group.attrs.update(
        {"multiscales": multiscales} if version == "0.4" else {"ome": {"multiscales": multiscales}}
    )
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_levels(tmp_path: Path, version: str) -> None:
    path = image(tmp_path / "brain.ome.zarr", version=version)
    fine, coarse = read_volume(path), read_volume(path, level=1)
    assert fine.name == "brain" and np.array_equal(fine.array, ARRAY)
    assert np.allclose(fine.geometry.spacing, (0.001, 0.002, 0.004))
    assert np.allclose(fine.geometry.origin, (0, 0, 0.01))
    assert np.array_equal(coarse.array, ARRAY[::2, ::2, ::2])
    assert np.allclose(coarse.geometry.spacing, (0.002, 0.004, 0.008))
    with pytest.raises(InputError, match="no level 2; choose --level 0 to 1"):
        read_volume(path, level=2)


def test_other_axes(tmp_path: Path) -> None:
    path = image(tmp_path / "a.zarr", ARRAY[None, None], "tczyx")
    assert np.array_equal(read_volume(path).array, ARRAY)
    assert np.array_equal(read_volume(image(tmp_path / "b.zarr", ARRAY.T, "xyz")).array, ARRAY)
    with pytest.raises(InputError, match="several channels or time points"):
        read_volume(image(tmp_path / "c.zarr", np.stack([ARRAY, ARRAY]), "czyx"))
    with pytest.raises(InputError, match="needs x, y and z"):
        read_volume(image(tmp_path / "d.zarr", ARRAY[0], "yx"))


def test_what_does_not_fit_into_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = image(tmp_path / "large.ome.zarr")
    monkeypatch.setattr(omezarr, "free_memory", lambda: ARRAY.nbytes // 4)
    with pytest.raises(
        InputError, match="needs 384 bytes of memory, and 96 bytes are free; choose --level 1"
    ):
        read_volume(path)
    assert read_volume(path, level=1).array.size == ARRAY.size // 8


def test_folders_and_files_without_levels(tmp_path: Path, an_image: Any) -> None:
    from MVGCore.volume import write_volume

    zarr.open_group(str(tmp_path / "x.zarr"), mode="w")
    with pytest.raises(InputError, match="without an OME-Zarr image"):
        read_volume(tmp_path / "x.zarr")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_volume(tmp_path / "empty.zarr")
    write_volume(tmp_path / "x.nrrd", an_image)
    with pytest.raises(InputError, match="has no levels"):
        read_volume(tmp_path / "x.nrrd", level=1)
