"""The DICOM series of a folder: listing them and choosing one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.errors import InputError
from MVGCore.volume.dicom.files import (
    DIRECTORY,
    SEGMENTATIONS,
    DamagedFile,
    headers,
    is_directory,
    read_header,
    sop_class,
)
from MVGCore.volume.dicom.pixels import same_pixels
from MVGCore.volume.dicom.planes import Plane, is_image, planes_of
from MVGCore.volume.dicom.sources import stands_alone
from MVGCore.volume.dicom.stacks import sort_into_stacks
from MVGCore.volume.formats import is_dicom_file
from MVGCore.volume.normalise import Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_MOST_LISTED = 20


@dataclass(frozen=True)
class Series:
    """Slices that make one volume: a DICOM series, or one phase of it.

    Attributes:
        number: Its place in the list of its folder, from 1: what `--series` takes.
        planes: The slices, in the order of space.
        part: What tells it from other stacks under the same SeriesInstanceUID; empty if there is none.
        notes: What the user has to know, as sentences without a subject.
        damaged: Files in its folders that look like DICOM and cannot be read.
    """

    number: int
    planes: tuple[Plane, ...]
    part: str = ""
    notes: tuple[str, ...] = ()
    damaged: tuple[DamagedFile, ...] = ()

    @property
    def file(self) -> Path:
        """One of its files."""
        return self.planes[0].source.file

    @property
    def count(self) -> int:
        """Number of slices."""
        return len(self.planes)

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return self.planes[0].source.series

    @property
    def description(self) -> str:
        """As the scanner named it, perhaps empty."""
        return self.planes[0].source.description

    @property
    def modality(self) -> str:
        """CT, MR, ..."""
        return self.planes[0].source.modality

    @property
    def date(self) -> str:
        """YYYYMMDD, perhaps empty."""
        return self.planes[0].source.date

    @property
    def name(self) -> str:
        """What the volume is called: nothing that tells who was scanned."""
        number = self.planes[0].source.series_number
        return (
            self.description or f"{self.modality or 'DICOM'} series {number if number >= 0 else ''}".strip()
        )

    @property
    def window(self) -> Window | None:
        """How the scanner would show it; None if it does not say."""
        settings = self.planes[len(self.planes) // 2].source.shown
        return Window(*settings) if settings else None

    @property
    def is_volume(self) -> bool:
        """Whether it may be what a user wants: slices at known places in shades of grey, no localizer."""
        source = self.planes[0].source
        placed = self.count > 1 and self.planes[0].position is not None
        return placed and not (source.localizer or source.film or source.colour or source.mosaic)

    @property
    def text(self) -> str:
        """One line for a list."""
        slices = f"{self.count} slice{'' if self.count == 1 else 's'}"
        parts = [self.description or self.file.parent.name, self.modality, slices, self.part, self.date]
        return "  ·  ".join(part for part in parts if part)


def is_series(path: Path) -> bool:
    """Whether a path is a folder, a DICOM file with pixels that are an image, or a DICOMDIR."""
    if path.is_dir():
        return True
    if not path.is_file() or not is_dicom_file(path):
        return False
    header = read_header(path)
    return sop_class(header) == DIRECTORY or (is_image(header) and sop_class(header) not in SEGMENTATIONS)


def list_series(path: Path) -> tuple[Series, ...]:
    """The series of images in a folder and the folders in it, or those that a file is part of.

    The order is that of the scanner's numbers, so that the same files give the same list.

    Raises:
        InputError: There is none.
    """
    if is_directory(path):
        path = path.parent
    folder, deep = (path, True) if path.is_dir() else (path.parent, False)
    planes: dict[tuple[str, str], list[Plane]] = defaultdict(list)
    damaged: list[DamagedFile] = []
    alone = _picture(path)
    for file, header in headers(folder, deep) if alone is None else [(path, alone)]:
        if isinstance(header, DamagedFile):
            damaged.append(header)
        elif is_image(header) and sop_class(header) not in SEGMENTATIONS:
            try:
                pictured = planes_of(file, header)
            except DamagedFile as error:
                damaged.append(error)
            else:
                # Files that name no series are one per folder.
                key = (pictured[0].source.series, "" if pictured[0].source.series else str(file.parent))
                planes[key] += pictured
    ordered = sorted(planes.items(), key=lambda each: (each[1][0].source.series_number, each[0]))
    series = [each for _, own in ordered for each in _series_of(own, damaged)]
    numbered = [replace(each, number=number) for number, each in enumerate(series, start=1)]
    if not path.is_dir():
        numbered = [
            each for each in numbered if path.name in {plane.source.file.name for plane in each.planes}
        ]
    if not numbered:
        raise _nothing(path, damaged)
    return tuple(numbered)


def is_picture(path: Path) -> bool:
    """Whether a file is DICOM and a picture of its own: an X-ray, a single frame of ultrasound."""
    try:
        return _picture(path) is not None
    except InputError:  # damaged: whoever reads it will say so
        return False


def _picture(path: Path) -> Dataset | None:
    """The header of a file that is a picture of its own, whatever lies beside it; else None."""
    if path.is_dir() or not is_dicom_file(path):
        return None
    header = read_header(path)
    return header if is_image(header) and stands_alone(header) else None


def find_series(path: Path, which: int | str | None = None) -> Series:
    """The series that a folder, or a file of one, stands for.

    Args:
        path: A folder, or one file, which means the series that it belongs to.
        which: Which of them: its number in the list, its SeriesInstanceUID, or a part of its description.

    Raises:
        InputError: There is none, or several and nothing says which.
    """
    series = list_series(path)
    if which is not None:
        matching = _matching(series, which)
        if len(matching) == 1:
            return matching[0]
        raise InputError(
            f"'{path}' holds {len(matching) or 'no'} series '{which}'; it has {_listed(series)}."
        )
    likely = [each for each in series if each.is_volume] or series
    if len(likely) == 1:
        return likely[0]
    raise InputError(
        f"'{path}' holds several series; choose one with --series NUMBER (in Python series=NUMBER): "
        f"{_listed(series)}."
    )


def _series_of(planes: Sequence[Plane], damaged: Sequence[DamagedFile]) -> list[Series]:
    """What lies under one SeriesInstanceUID."""
    series = []
    for stack in sort_into_stacks(planes, same_pixels):
        folders = {plane.source.file.parent for plane in stack.planes}
        beside = tuple(error for error in damaged if error.file.parent in folders)
        series.append(Series(0, stack.planes, stack.part, stack.notes, beside))
    return [replace(each, notes=(*each.notes, *_left_out(each, series))) for each in series]


def _left_out(series: Series, under_the_same: Sequence[Series]) -> list[str]:
    """Localizers and the like; phases are a choice, and nothing is left out."""
    left = [each for each in under_the_same if each is not series and not each.is_volume]
    return [f"left out, though under the same series: {each.text}" for each in left]


def _nothing(path: Path, damaged: Sequence[DamagedFile]) -> InputError:
    for error in damaged:
        if path.is_dir() or path.name == error.file.name:
            return error
    if path.is_dir():
        return InputError(f"The folder '{path}' holds no DICOM series; give the folder of the slices.")
    if sop_class(read_header(path)) in SEGMENTATIONS:
        return InputError(f"'{path}' holds segments and no image: give it as labels.")
    return InputError(f"'{path}' is DICOM without an image; give the folder of the slices.")


def _matching(series: Sequence[Series], which: int | str) -> list[Series]:
    text = str(which).strip()
    if text.isdecimal():
        return [each for each in series if each.number == int(text)]
    exact = [each for each in series if text in (each.uid, each.description)]
    return exact or [each for each in series if text.lower() in each.text.lower()]


def _listed(series: Sequence[Series]) -> str:
    lines = [f"{each.number}: {each.text}" for each in series[:_MOST_LISTED]]
    more = len(series) - _MOST_LISTED
    return "; ".join(lines) + (f"; and {more} more (mvg info lists them)" if more > 0 else "")
