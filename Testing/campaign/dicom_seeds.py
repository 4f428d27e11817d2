"""Small DICOM files of every kind that MVG reads, and an OME-Zarr image."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from MVGCore.volume import read_labelmap, read_volume
from Testing.core.volume.dicom.builder import (
    ORIGIN,
    SERIES,
    compressed,
    enhanced,
    ramp,
    save,
    segmentation,
    stack,
    structures,
)

_MASK = np.eye(5, 7, dtype=np.uint8)


def dicom_files() -> Iterator[tuple[str, dict[str, bytes], Callable[[Path], Any]]]:
    """Kind, files by name, and what reads the first of them."""
    yield "DICOM", _saved(stack(ramp(3))), _folder
    yield "DICOM enhanced", _saved([enhanced(ramp(3), [2, 0, 1])]), _folder
    yield "DICOM implicit", _saved(stack(ramp(3)), ImplicitVRLittleEndian), _folder
    yield "DICOM deflated", _saved(stack(ramp(3)), DeflatedExplicitVRLittleEndian), _folder
    for name, syntax in (("RLE", RLELossless), ("JPEG-LS", JPEGLSLossless), ("JPEG 2000", JPEG2000Lossless)):
        yield f"DICOM {name}", _saved(compressed(ramp(3).astype(np.uint16), syntax)), _folder
    binary = segmentation([(2, 2, _MASK), (1, 1, _MASK)])
    yield "DICOM SEG", _saved([binary]), read_labelmap
    yield "DICOM SEG", _saved([segmentation([(1, 1, _MASK * 200)], "FRACTIONAL")]), read_labelmap
    yield "DICOM SEG", _saved([segmentation([(1, 0, _MASK * 3)], "LABELMAP")]), read_labelmap
    contours = structures({"liver": [_square(0), _square(1)]}, SERIES)
    yield "RTSTRUCT", {**_saved([contours], name="A"), **_saved(stack(ramp(3)))}, read_labelmap


def zarr_files() -> dict[str, bytes]:
    """The files of an image with two levels; empty without zarr."""
    try:
        import zarr
    except ImportError:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        group = zarr.open_group(f"{folder}/x.ome.zarr", mode="w", zarr_format=2)
        for level, pixels in enumerate((ramp(4), ramp(4)[::2, ::2, ::2])):
            group.create_array(str(level), shape=pixels.shape, chunks=(2, 3, 4), dtype=pixels.dtype)[:] = (
                pixels
            )
        scales = [{"type": "scale", "scale": [step, step, step]} for step in (1.0, 2.0)]
        datasets = [{"path": str(n), "coordinateTransformations": [each]} for n, each in enumerate(scales)]
        axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
        group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
        return _content(Path(folder))


def _saved(data_sets: Iterable[Any], syntax: str | None = None, name: str = "IM") -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        data_sets = list(data_sets)
        for number, each in enumerate(data_sets):  # the same bytes every time, for a trial is to come again
            each.SOPInstanceUID = each.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
            each.file_meta.TransferSyntaxUID = syntax or each.file_meta.TransferSyntaxUID
        return _content(save(Path(folder), data_sets, name=name))


def _content(folder: Path) -> dict[str, bytes]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def _square(k: int) -> np.ndarray:
    corners = np.array([(0.4, 0.5, 0), (2.1, 0.5, 0), (2.1, 2.4, 0), (0.4, 2.4, 0)])
    return corners + (0, 0, 2.0 * k) + ORIGIN


def _folder(path: Path) -> Any:
    return read_volume(path.parent)
