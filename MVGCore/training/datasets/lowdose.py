"""Low-dose CT of the Mayo Clinic: the AAPM challenge of 2016 and the archive that followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from MVGCore.errors import InputError
from MVGCore.training.datasets.case import DataCase
from MVGCore.training.datasets.folders import check, existing, visible

PATIENT = re.compile(r"[LNC]\d{3}")
ARCHIVE_SERIES = "[LNC][0-9][0-9][0-9]/*/*[Ff]ull [Dd]ose [Ii]mages*"


@dataclass(frozen=True)
class LowDoseCT:
    """Pairs of the full dose and a quarter of it (chest: a tenth), as DICOM.

    Layouts:
        challenge (https://www.aapm.org/GrandChallenge/LowDoseCT/): folders of slices named `full_3mm` and
            `quarter_3mm` (or `_1mm`), either in a folder for each patient, `L067/full_3mm/*.IMA`, or with the
            patients inside, `3mm B30/full_3mm/L067/full_3mm/*.IMA`.
        archive (LDCT-and-Projection-data, https://doi.org/10.7937/9npb-2637):
            `L004/08-21-2018-84608/1.000000-Full Dose Images-59704/1-001.dcm` and a series `Low Dose Images`
            of the same patient. Patients without one (GE scanners) are left out, and so are projections.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        check(folder, "low-dose CT")
        any_case = False
        for case in (*_challenge(folder), *_archive(folder)):
            any_case = True
            yield case
        if not any_case:
            raise InputError(
                f"The folder {folder} is not laid out as low-dose CT: it holds neither full_3mm and "
                "quarter_3mm nor series called Full Dose Images and Low Dose Images; name the folder of the "
                "patients."
            )


def _challenge(folder: Path) -> Iterator[DataCase]:
    for full in visible(folder, "**/full_[0-9]mm*"):
        if not full.is_dir():  # the archive that it came from
            continue
        inside = [path for path in visible(full, "[LNC][0-9][0-9][0-9]") if path.is_dir()]
        if inside:
            for patient in inside:
                yield from _challenge_case(folder, _slices(patient))
        elif not any(path.name.startswith("full_") for path in full.parents if folder in path.parents):
            yield from _challenge_case(folder, full)


def _slices(patient: Path) -> Path:
    """Some archives repeat the name of the folder inside that of the patient."""
    return next(iter(visible(patient, "full_[0-9]mm*")), patient)


def _challenge_case(folder: Path, full: Path) -> Iterator[DataCase]:
    parts = full.relative_to(folder).parts
    low = folder.joinpath(*(part.replace("full_", "quarter_") for part in parts))
    name = "_".join(dict.fromkeys(part.replace("full_", "").replace(" ", "-") for part in parts))
    patient = next((part for part in (*reversed(parts), folder.name) if PATIENT.fullmatch(part)), name)
    yield _pair(name if patient in name else f"{patient}_{name}", patient, full, existing(low, full))


def _archive(folder: Path) -> Iterator[DataCase]:
    for depth in ("", "*/", "*/*/"):
        for full in visible(folder, depth + ARCHIVE_SERIES):
            person = full.parents[1]
            low = visible(person, "*/*[Ll]ow [Dd]ose [Ii]mages*")
            if low:
                yield _pair(person.name, person.name, full, low[0])


def _pair(name: str, patient: str, full: Path, low: Path) -> DataCase:
    images = {"full": full, "low": low}
    return DataCase(
        f"ldct_{name}", "ldct", "train", "CT", images, task="denoising", patient=f"ldct_{patient}"
    )
