"""The review of results that `mvg qa` exports as CSV: which volumes a person accepts or rejects."""

from __future__ import annotations

import csv
from pathlib import Path

from MVGCore.datasets.checksums import together
from MVGCore.datasets.manifest import read_results
from MVGCore.errors import InputError

COLUMNS = ("volume", "verdict", "remark")
ACCEPTED, REJECTED = "accepted", "rejected"


def volume_id(name: str) -> str:
    """A short name of a volume that tells nothing of the patient, as its file name might."""
    return together([name])[:10]


def rejected(review: Path, folder: Path) -> frozenset[str]:
    """The names of the items of a results folder that a review rejects.

    Args:
        review: CSV with the columns of `COLUMNS`; a volume is named as in the data set or by its `volume_id`.
        folder: with the manifest.

    Raises:
        InputError: the file is missing or of another kind, or names a volume that the folder does not have.
    """
    known = {key: name for name in read_results(folder) for key in (name, volume_id(name))}
    names = set()
    for row in _rows(review):
        volume = (row["volume"] or "").strip()
        if (row["verdict"] or "").strip().lower() != REJECTED:
            continue
        if volume not in known:
            raise InputError(
                f"'{review}' rejects '{volume}', of which '{folder}' has no result; is it another's?"
            )
        names.add(known[volume])
    return frozenset(names)


def _rows(review: Path) -> list[dict[str, str]]:
    try:
        with open(review, newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"'{review}' cannot be read as a CSV ({error}); export the review again.") from error
    missing = {"volume", "verdict"} - set(reader.fieldnames or ())
    if missing:
        raise InputError(
            f"'{review}' has no column '{min(missing)}'; give the CSV that the review page exports."
        )
    return rows
