"""Which images a data set has: a folder, a glob, a CSV or a BIDS tree, each image with a name of its own."""

from __future__ import annotations

import csv
import glob
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from MVGCore.errors import InputError
from MVGCore.volume.dicom import is_picture
from MVGCore.volume.formats import Format, format_by_name, is_dicom_file, stem

BIDS_MARK = "dataset_description.json"
# Of a BIDS tree: what others made of the images, and what they were before.
BIDS_LEFT_OUT = frozenset({"derivatives", "sourcedata", "code", "stimuli"})
IMAGE_FORMATS = frozenset({Format.NRRD, Format.NIFTI, Format.METAIMAGE, Format.PICTURE})
CSV_COLUMNS = ("image", "name", "labels", "truth", "draft")


@dataclass(frozen=True)
class Item:
    """One image of a data set.

    Attributes:
        name: unique in the data set, with slashes where that has folders; the output is named after it.
        image: a file, or the folder of a DICOM series; it may be missing or damaged.
        labels: label map with a few filled slices of this image; None without one.
        truth: label map to compare with; None without one.
        draft: an existing segmentation of the image, a file or a folder of masks; None without one.
    """

    name: str
    image: Path
    labels: Path | None = None
    truth: Path | None = None
    draft: Path | None = None


def read_catalogue(source: str, pattern: str = "*", left_out: Iterable[Path] = ()) -> tuple[Item, ...]:
    """The images of a data set in the order of their names, those of a CSV in its order.

    The names depend on the paths below the folder (or the fixed part of the glob) alone, so that they are the
    same on every machine.

    Args:
        source: a folder, which may be a BIDS tree; a glob; or a CSV with the column `image` and perhaps
            `name`, `labels`, `truth` and `draft`, whose paths are relative to the CSV.
        pattern: which files of a folder count, by their name.
        left_out: files and folders that are no images of the data set (outputs, label maps).

    Raises:
        InputError: there is nothing at `source`, no image in it, or the CSV is unusable.
    """
    path = Path(source)
    if path.is_file() and path.suffix.lower() == ".csv":
        return _of_csv(path)
    if path.is_dir():
        root, items = path, _in_folder(path, pattern)
    elif glob.has_magic(source):
        root, items = _fixed_part(source), (Path(each) for each in glob.iglob(source, recursive=True))
    else:
        raise InputError(f"There is no data set '{source}'; give a folder, a glob in quotes, or a .csv file.")
    apart = tuple(each.resolve() for each in left_out)
    images = sorted(each for each in items if _is_image(each) and not _is_in(each.resolve(), apart))
    if path.is_dir() and pattern == "*":
        images = _without_previews(images)
    if not images:
        raise InputError(
            f"There is no image in '{source}'; give .nrrd, .nii.gz, .mha, .png, .tif, .jpg files, X-rays or "
            "ultrasound as .dcm, or DICOM folders."
        )
    return tuple(Item(name, image) for name, image in zip(_names(images, root), images, strict=True))


def _in_folder(folder: Path, pattern: str) -> Iterator[Path]:
    """Files of a folder and DICOM series of the folders in it; hidden ones are none of the user's images."""
    bids = (folder / BIDS_MARK).is_file()
    if pattern == "*":
        yield folder  # it may be a DICOM series itself
    for path in sorted(folder.rglob(pattern)):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if not hidden and not (bids and parts[0] in BIDS_LEFT_OUT):
            yield path


def _is_image(path: Path) -> bool:
    if path.is_dir():
        return _has_series(path)
    return format_by_name(path) in IMAGE_FORMATS or (_may_be_dicom(path) and is_picture(path))


def _has_series(folder: Path) -> bool:
    """Whether the first file of a folder is of a DICOM series: a look into all files would take long."""
    first = next((each for each in sorted(folder.iterdir()) if each.is_file()), None)
    return first is not None and _may_be_dicom(first) and is_dicom_file(first) and not is_picture(first)


def _may_be_dicom(path: Path) -> bool:
    return format_by_name(path) in (None, Format.DICOM)


def _without_previews(images: list[Path]) -> list[Path]:
    """Pictures beside volumes show these; alone they are the data set."""
    volumes = [each for each in images if format_by_name(each) is not Format.PICTURE]
    return volumes or images


def _is_in(path: Path, folders: Iterable[Path]) -> bool:
    return any(each == path or each in path.parents for each in folders)


def _fixed_part(pattern: str) -> Path:
    """The folder of a glob below which names are made."""
    parts = Path(pattern).parts
    fixed = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:fixed]) if fixed else Path()


def _names(images: list[Path], root: Path) -> list[str]:
    """Paths below the root without their endings, or with them where two images would share a name."""
    relative = [PurePosixPath(image.relative_to(root).as_posix()) for image in images]
    short = [_short(path, image) for path, image in zip(relative, images, strict=True)]
    taken = Counter(short)
    return [name if taken[name] == 1 else str(path) for name, path in zip(short, relative, strict=True)]


def _short(relative: PurePosixPath, image: Path) -> str:
    if image.is_dir():  # also the root itself, if it is a series
        return str(relative) if relative.name else image.resolve().name
    return str(relative.with_name(stem(relative.name)))


def _of_csv(path: Path) -> tuple[Item, ...]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns, rows = tuple(reader.fieldnames or ()), list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"'{path}' cannot be read as a CSV ({error}); save it as UTF-8 with commas."
        ) from error
    if "image" not in columns:
        known = ", ".join(CSV_COLUMNS)
        raise InputError(f"'{path}' has no column 'image'; name its columns in the first line ({known}).")
    items = [_of_row(path, row) for row in rows if (row["image"] or "").strip()]
    if not items:
        raise InputError(f"'{path}' names no image; give one in each line.")
    twice = [name for name, times in Counter(item.name for item in items).items() if times > 1]
    if twice:
        raise InputError(
            f"'{path}' has two images of the name '{twice[0]}'; give each one in the column 'name'."
        )
    return tuple(items)


def _of_row(path: Path, row: dict[str, str]) -> Item:
    cells = {key: (row.get(key) or "").strip() for key in CSV_COLUMNS}
    name = cells["name"] or stem(cells["image"].replace("\\", "/").rstrip("/"))
    parts = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or ".." in parts or not parts:
        raise InputError(f"'{path}' has the name '{name}', which lies outside the output; use a plain name.")
    places = {key: path.parent / cells[key] if cells[key] else None for key in ("labels", "truth", "draft")}
    return Item(name, path.parent / cells["image"], **places)
