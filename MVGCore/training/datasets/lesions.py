"""Single images: defects in chest X-rays, and DeepLesion, whose lesions are boxes."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from MVGCore.errors import InputError
from MVGCore.training.datasets.case import Box, DataCase, SingleImage
from MVGCore.training.datasets.folders import existing, find, visible

PER_CASE = 12  # single images that are learned from together
SPLITS = {"1": "train", "2": "train", "3": "test"}  # the publisher's training, validation and test
HU_OFFSET = 32768.0  # of the stored numbers


@dataclass(frozen=True)
class ChestDefects:
    """Defects in chest X-rays: pictures and masks of the same names.

    Layout: `images/NAME.png` with `masks/NAME.png` (anything but 0 is the defect); in `train` and `test`
    where there are such folders. The paper does not name its source; this is how such sets come.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        first = find(folder, "images", "chest X-rays with defects").parent
        parts = {"train": first.parent / "train", "test": first.parent / "test"}
        if first.name not in parts:
            parts = {"train": first}
        for split, root in parts.items():
            singles = [
                SingleImage(image, existing(root / "masks" / f"{image.stem}.png", image))
                for image in visible(root / "images", "*.*")
            ]
            yield from _cases("chest-defects", split, "X-ray", singles, {1: "defect", 255: "defect"})


@dataclass(frozen=True)
class DeepLesion:
    """DeepLesion: lesions of all kinds on axial CT slices, each marked by a box.

    Layout (https://nihcc.app.box.com/v/DeepLesion): `DL_info.csv` with the columns `File_name`
    (`000001_01_01_109.png`), `Bounding_boxes`, `Possibly_noisy` and `Train_Val_Test`, and the slices
    `Images_png/000001_01_01/109.png` of 16 bits, 32768 above HU. Lesions marked as noisy are left out, and so
    are slices of parts of the archive that were not unpacked.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        table = find(folder, "DL_info.csv", "DeepLesion")
        images = find(folder, "Images_png", "DeepLesion")
        rows = [row for row in _rows(table) if row["Possibly_noisy"].strip() != "1"]
        rows.sort(key=lambda row: row["File_name"])
        by_role: dict[str, list[SingleImage]] = {"train": [], "test": []}
        for name, same in groupby(rows, key=lambda row: row["File_name"]):
            series, _, number = name.rpartition("_")
            path = images / series / number
            if path.exists():
                own = list(same)
                boxes = tuple(_box(table, row["Bounding_boxes"]) for row in own)
                split = SPLITS.get(own[0]["Train_Val_Test"].strip(), "train")
                by_role[split].append(SingleImage(path, None, boxes, HU_OFFSET))
        for split, singles in by_role.items():
            yield from _cases("deeplesion", split, "CT", singles, {1: "lesion"})


def _cases(
    dataset: str, split: str, modality: str, singles: Sequence[SingleImage], classes: dict[int, str]
) -> Iterator[DataCase]:
    """So many single images each; a last one alone has none to learn it from and is left out."""
    for start in range(0, len(singles), PER_CASE):
        part = tuple(singles[start : start + PER_CASE])
        if len(part) > 1:
            name = f"{dataset}_{split}_{start // PER_CASE:04}"
            images = {modality: part[0].image}
            yield DataCase(
                name, dataset, split, modality, images, (), classes, task="segmentation", singles=part
            )


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with open(table, newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
        columns = ("File_name", "Bounding_boxes", "Possibly_noisy", "Train_Val_Test")
        return [{name: row[name] or "" for name in columns} for row in rows]
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise InputError(f"{table} cannot be read ({error!r}): download it again.") from error


def _box(table: Path, text: str) -> Box:
    try:
        left, top, right, bottom = (float(each) for each in text.split(","))
    except ValueError as error:
        raise InputError(
            f"{table} has the box '{text}', which are not four numbers: download it again."
        ) from error
    return left, top, right, bottom
