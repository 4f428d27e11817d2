"""Writing strokes and whole regions into a segment, each as one action that can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from MVGCore.errors import InputError, MVGError
from MVGDesktop.document import Document
from MVGDesktop.editing import shapes
from MVGDesktop.editing.recorder import Recorder
from MVGDesktop.editing.shapes import FloatArray, Region
from MVGDesktop.editing.voxels import Mode, Others


class Reported:
    """An expected failure inside becomes one sentence for the user."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, MVGError):
            self._tell(str(error))
            return True
        return False


class Stroke:
    """A brush on its way."""

    def __init__(self, document: Document, segment_id: str, mode: Mode, normal: FloatArray | None) -> None:
        self.mode = mode
        self._segment_id, self._normal = segment_id, normal
        self._voxels = document.voxels()
        self._grid = self._voxels.grid
        self._image = document.image() if mode.intensities is not None else None
        self.recorder = recorder_for(document, segment_id, mode)
        self._last: FloatArray | None = None

    def to(self, point: FloatArray, radius: float) -> None:
        """Paint from the last point to this one."""
        start = point if self._last is None else self._last
        region = shapes.brush(self._grid, start, point, radius, self._normal)
        self._last = point
        if not region.empty:
            self.recorder.before(region.box)
            self._voxels.write(self._segment_id, region, self.mode, self._image)


def recorder_for(document: Document, segment_id: str, mode: Mode) -> Recorder:
    """A recorder of what is written into a segment, which has a layer of its own if it may overlap."""
    recorder = Recorder(document.voxels())
    if mode.others is Others.OVERLAP and not mode.erase:
        with document.changing():
            recorder.separate(segment_id)
    return recorder


def apply_region(
    document: Document, segment_id: str, name: str, region_of: Callable[[Any], Region], mode: Mode
) -> None:
    """Write a region of the grid into a segment as one action that can be taken back."""
    voxels = document.voxels()
    region = region_of(voxels.grid)
    if region.empty:
        return
    recorder = recorder_for(document, segment_id, mode)
    recorder.before(region.box)
    voxels.write(segment_id, region, mode, document.image() if mode.intensities is not None else None)
    finish(document, recorder, name)


def take_intensities(
    document: Document,
    limits: tuple[float, float],
    others: Others,
    slice_at: tuple[FloatArray, FloatArray] | None,
) -> None:
    """Take all voxels within two intensities, both included, into the active segment; can be taken back.

    Args:
        document: Whose segment; one is made where there is none.
        limits: The lowest and the highest intensity.
        others: What becomes of other segments.
        slice_at: World position and normal of the only slice that is meant, or None for the volume.

    Raises:
        InputError: The segmentation lies on other voxels than the image.
    """
    segment_id = document.need_segment()
    if document.image() is None:
        raise InputError("The segmentation lies on other voxels than the image; make one of the image.")

    def everything(grid: shapes.VoxelGrid) -> Region:
        box = tuple(slice(0, size) for size in grid.shape)
        if slice_at is not None:
            box = shapes.slice_box(grid, *shapes.slice_region(grid, *slice_at))
        return Region(box, np.ones([each.stop - each.start for each in box], bool))  # type: ignore[arg-type]

    apply_region(document, segment_id, "Threshold", everything, Mode(False, others, limits))


def finish(document: Document, recorder: Recorder, name: str) -> None:
    """Put what was written into the history, draw it and tell everybody; nothing if nothing changed."""
    command = recorder.command(name, document.voxels_of)
    with document.changing() if command is not None else document.changing_display():
        if command is None:
            recorder.join_again()
            return
        document.history.add(command)
        document.voxels().show()
        document.voxels().announce()
