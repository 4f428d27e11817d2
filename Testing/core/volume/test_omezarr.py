from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import MVGCore.volume.omezarr as omezarr
from MVGCore.errors import InputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import Geometry, LabelMap, read_volume
from MVGCore.volume.region import labelled_box

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


def test_only_the_part_around_the_labels_is_read_of_what_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.random.default_rng(0).integers(0, 999, (60, 70, 80)).astype(np.uint16)
    path = image(tmp_path / "large.ome.zarr", array)
    whole = read_volume(path)
    labels = np.zeros(array.shape, np.uint8)
    labels[20:31:5, 30:40, 50:60] = 1
    few = LabelMap.of(labels, whole.geometry)
    box = labelled_box(few)
    assert read_volume(path, near=box).array.shape == array.shape  # there is room for all of it
    monkeypatch.setattr(omezarr, "free_memory", lambda: 4 * 200_000)
    with pytest.warns(UserWarning, match=r"alone, 42 x 42 x 43 voxels \(152 kB\).* needs 672 kB .* 200 kB"):
        part = read_volume(path, near=box)
    # Half a length, or 16 voxels, on each side of voxels 20 to 30, 30 to 39 and 50 to 59.
    assert np.array_equal(part.array, array[4:47, 14:56, 34:76])
    assert np.allclose(part.geometry.origin, whole.geometry.index_to_world((34, 14, 4)))
    examples = PromptSet.from_labelmap(part, few, axis=0)
    assert [each.index for each in examples.prompts] == [16, 21, 26]
    assert all(each.labels.sum() == 100 for each in examples.prompts)
    with pytest.raises(InputError, match="do not lie on the image"):
        read_volume(path, near=Geometry((4, 4, 4), (1, 1, 1), (500, 0, 0)))
    monkeypatch.setattr(omezarr, "free_memory", lambda: 4 * 100_000)
    with pytest.raises(InputError, match=r"part around the labels .* needs 152 kB .* 100 kB.* --level 1"):
        read_volume(path, near=box)


def test_a_damaged_chunk_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.ome.zarr"
    from numcodecs import Blosc

    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    chunks = group.create_array("0", shape=ARRAY.shape, chunks=ARRAY.shape, dtype="u2", compressors=Blosc())
    chunks[:] = ARRAY
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [1, 1, 1]}]
    levels = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
    (chunk,) = (path / "0").glob("0*")
    data = bytearray(chunk.read_bytes())
    data[4:8] = (2_000_000_000).to_bytes(4, "little")  # what it says that it unpacks to
    chunk.write_bytes(bytes(data))
    with pytest.raises(InputError, match="cannot be read .*damaged: copy or export the image again"):
        read_volume(path)


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
