"""Abdominal organs: AMOS, WORD and BTCV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from MVGCore.training.datasets.case import DataCase
from MVGCore.training.datasets.folders import find, pairs
from MVGCore.volume.formats import stem

AMOS_ORGANS = (
    "spleen",
    "right kidney",
    "left kidney",
    "gallbladder",
    "oesophagus",
    "liver",
    "stomach",
    "aorta",
    "inferior vena cava",
    "pancreas",
    "right adrenal gland",
    "left adrenal gland",
    "duodenum",
    "bladder",
    "prostate or uterus",
)
WORD_ORGANS = (
    "liver",
    "spleen",
    "left kidney",
    "right kidney",
    "stomach",
    "gallbladder",
    "oesophagus",
    "pancreas",
    "duodenum",
    "colon",
    "intestine",
    "adrenal glands",
    "rectum",
    "bladder",
    "left head of femur",
    "right head of femur",
)
BTCV_ORGANS = (
    "spleen",
    "right kidney",
    "left kidney",
    "gallbladder",
    "oesophagus",
    "liver",
    "stomach",
    "aorta",
    "inferior vena cava",
    "portal and splenic veins",
    "pancreas",
    "right adrenal gland",
    "left adrenal gland",
)
FIRST_AMOS_MR = 500  # "id numbers less than 500 belong to CT data, otherwise they belong to MRI data"


def numbered(names: tuple[str, ...]) -> dict[int, str]:
    """Class 1, 2, ... -> name."""
    return dict(enumerate(names, start=1))


@dataclass(frozen=True)
class Amos:
    """AMOS 2022: 15 organs, CT and MR.

    Layout (readme of the archive, https://amos22.grand-challenge.org and https://zenodo.org/records/7262581):
    `imagesTr/amos_0001.nii.gz`, `labelsTr/` of the same names for training, `imagesVa/`, `labelsVa/` for
    validation (here: test), `imagesTs/` without labels (left out).

    Attributes:
        modality: only its "CT" or "MR" cases; empty for both.
    """

    modality: str = ""

    def cases(self, folder: Path) -> Iterator[DataCase]:
        root = find(folder, "imagesTr", "AMOS").parent
        for part, split in (("Tr", "train"), ("Va", "test")):
            for image, label in pairs(root / f"images{part}", root / f"labels{part}", "amos_*.nii.gz"):
                name = stem(image)
                modality = "CT" if int(name.rpartition("_")[2]) < FIRST_AMOS_MR else "MR"
                if self.modality in ("", modality):
                    classes = numbered(AMOS_ORGANS)
                    yield DataCase(name, "amos", split, modality, {modality: image}, (label,), classes)


@dataclass(frozen=True)
class Word:
    """WORD: 16 organs of the whole abdomen, CT before radiotherapy.

    Layout (https://github.com/HiLab-git/WORD, WORD-V0.1.0): `imagesTr/word_0002.nii.gz` and `labelsTr/` for
    training, `imagesVal/`, `labelsVal/` and, in later releases, `imagesTs/`, `labelsTs/` (here: test).
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        root = find(folder, "imagesTr", "WORD").parent
        for part, split in (("Tr", "train"), ("Val", "test"), ("Ts", "test")):
            labels = root / f"labels{part}"
            if part == "Ts" and not labels.is_dir():
                continue
            for image, label in pairs(root / f"images{part}", labels, "word_*.nii.gz"):
                yield DataCase(
                    stem(image), "word", split, "CT", {"CT": image}, (label,), numbered(WORD_ORGANS)
                )


@dataclass(frozen=True)
class Btcv:
    """BTCV (Beyond the Cranial Vault): 13 organs in portal venous CT.

    Layout (https://www.synapse.org/#!Synapse:syn3193805, Abdomen/RawData.zip):
    `RawData/Training/img/img0001.nii.gz` with `RawData/Training/label/label0001.nii.gz`; `RawData/Testing`
    has no labels (left out). Which of the 30 to test on is up to the user: the `test` entry of the data set.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        images = find(folder, "Training/img", "BTCV")
        labels = images.parent / "label"
        for image, label in pairs(images, labels, "img*.nii.gz", lambda name: name.replace("img", "label")):
            name = stem(image).replace("img", "btcv_")
            yield DataCase(name, "btcv", "train", "CT", {"CT": image}, (label,), numbered(BTCV_ORGANS))
