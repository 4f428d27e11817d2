"""One's own data: a folder with an `index.json`, or folders of pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from MVGCore.errors import InputError
from MVGCore.training.datasets.case import DataCase
from MVGCore.training.datasets.folders import existing, find, visible
from MVGCore.volume.formats import Format, stem

CONTRASTS_TIMES = 12  # cases with several contrasts are few in such folders, and synthesis has no others
READABLE = tuple(end for each in Format if each is not Format.DICOM for end in each.value)


@dataclass(frozen=True)
class IndexFolder:
    """A folder whose `index.json` lists the cases: {"cases": [{"id", "dataset", "role", "modality", "images",
    "label"}, ...]}, paths relative to the folder.

    Optional: "classes" (label value -> name), "slice_axis" (file axis i, j, k = 0, 1, 2 of the slices),
    "patient", "task". Role "train" is trained on.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        try:
            entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))["cases"]
            listed = [_case(folder, entry) for entry in entries]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{folder} has no readable index.json ({error!r}); name a folder with one, or put the name "
                "of a reader before it, as in amos:DIR."
            ) from error
        yield from listed


def _case(folder: Path, entry: dict[str, Any]) -> DataCase:
    images = {name: folder / path for name, path in entry["images"].items()}
    task = entry.get("task", "")
    return DataCase(
        id=entry["id"],
        dataset=entry["dataset"],
        split="train" if entry["role"] == "train" else "test",
        modality=entry.get("modality") or "",
        images=images,
        labels=(folder / entry["label"],) if entry.get("label") else (),
        classes={int(value): name for value, name in (entry.get("classes") or {}).items()},
        # Files count their axes i, j, k; arrays are stored k, j, i.
        axis=2 - int(entry.get("slice_axis", 2)),
        task=task,
        patient=entry.get("patient", ""),
        repeat=CONTRASTS_TIMES if len(images) > 1 and task != "denoising" else 1,
    )


@dataclass(frozen=True)
class PreparedPairs:
    """Noisy and clean images of the same names: `low/NAME.nii.gz` and `full/NAME.nii.gz` (or any other format
    that MVG reads)."""

    def cases(self, folder: Path) -> Iterator[DataCase]:
        full = find(folder, "full", "prepared pairs")
        for image in visible(full, "*"):
            if not image.name.lower().endswith(READABLE):
                continue
            low = existing(full.parent / "low" / image.name, image)
            name = stem(image)
            yield DataCase(
                f"pairs_{name}", "pairs", "train", "", {"full": image, "low": low}, task="denoising"
            )
