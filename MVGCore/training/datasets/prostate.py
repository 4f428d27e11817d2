"""The prostate: MicroSegNet's micro-ultrasound and PROMISE12's MR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from MVGCore.training.datasets.case import DataCase
from MVGCore.training.datasets.folders import find, pairs
from MVGCore.volume.formats import stem

PROSTATE = {1: "prostate"}


@dataclass(frozen=True)
class MicroSegNet:
    """Micro-ultrasound of the prostate, 55 patients to train on and 20 to test on.

    Layout (https://zenodo.org/records/10475293, https://github.com/mirthAI/MicroSegNet):
    `train/micro_ultrasound_scans/microUS_train_01.nii.gz` with
    `train/expert_annotations/expert_annotation_train_01.nii.gz`, the same under `test`. The annotations of
    non-experts are left out.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        root = find(folder, "train/micro_ultrasound_scans", "MicroSegNet").parents[1]
        for split in ("train", "test"):
            scans, experts = root / split / "micro_ultrasound_scans", root / split / "expert_annotations"
            for image, label in pairs(scans, experts, "microUS_*.nii.gz", _expert):
                yield DataCase(stem(image), "microsegnet", split, "US", {"US": image}, (label,), PROSTATE)


def _expert(name: str) -> str:
    return name.replace("microUS", "expert_annotation")


@dataclass(frozen=True)
class Promise12:
    """PROMISE12: transversal T2 MR of the prostate, 50 cases to train on and 30 to test on.

    Layout (https://zenodo.org/records/8026660): `training_data/Case00.mhd` with
    `training_data/Case00_segmentation.mhd` (and their .raw), the same under `test_data`.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        root = find(folder, "training_data", "PROMISE12").parent
        for part, split in (("training_data", "train"), ("test_data", "test")):
            inside = root / part
            for image, label in pairs(inside, inside, "Case[0-9][0-9].mhd", _segmentation):
                name = stem(image).replace("Case", f"promise12_{split}_")
                yield DataCase(name, "promise12", split, "MR T2", {"T2": image}, (label,), PROSTATE)


def _segmentation(name: str) -> str:
    return name.replace(".mhd", "_segmentation.mhd")
