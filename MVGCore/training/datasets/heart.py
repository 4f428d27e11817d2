"""The heart: ACDC's cine MR and the left atrium of 2018's challenge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from MVGCore.training.datasets.case import DataCase
from MVGCore.training.datasets.folders import existing, find, visible
from MVGCore.volume.formats import stem

ACDC_CLASSES = {1: "right ventricle", 2: "myocardium", 3: "left ventricle"}


@dataclass(frozen=True)
class Acdc:
    """ACDC: short-axis cine MR, the frames at the end of diastole and of systole, each one a case.

    Layout (https://www.creatis.insa-lyon.fr/Challenge/acdc/databases.html): in `training` and `testing`
    `patient001/patient001_frame01.nii.gz` with `patient001_frame01_gt.nii.gz`; the whole film
    (`patient001_4d.nii.gz`) has no labels and is left out.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        root = find(folder, "training/patient*", "ACDC").parents[1]
        for part, split in (("training", "train"), ("testing", "test")):
            for label in visible(root / part, "patient*/patient*_frame*_gt.nii.gz"):
                image = existing(label.with_name(label.name.replace("_gt", "")), label)
                yield DataCase(
                    f"acdc_{stem(image)}",
                    "acdc",
                    split,
                    "MR",
                    {"cine": image},
                    (label,),
                    ACDC_CLASSES,
                    patient=f"acdc_{label.parent.name}",
                )


@dataclass(frozen=True)
class LeftAtrium:
    """LA: late gadolinium enhanced MR of the 2018 Atrial Segmentation Challenge.

    Layout (https://www.cardiacatlas.org/atriaseg2018-challenge/atria-seg-data/): a folder for each patient in
    `Training Set` and `Testing Set` with the image `lgemri.nrrd` and the cavity `laendo.nrrd` (255 inside).
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        root = find(folder, "Training*Set/*/lgemri.nrrd", "LA").parents[2]
        for part, split in (("Training*Set", "train"), ("Testing*Set", "test")):
            for image in visible(root, f"{part}/*/lgemri.nrrd"):
                label = existing(image.with_name("laendo.nrrd"), image)
                name = f"la_{image.parent.name}"
                yield DataCase(name, "la", split, "MR", {"LGE": image}, (label,), {255: "left atrium"})
