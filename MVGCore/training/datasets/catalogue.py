"""All readers by name, and the cases of a data set."""

from __future__ import annotations

from dataclasses import replace

from MVGCore.errors import InputError
from MVGCore.training.datasets.abdomen import Amos, Btcv, Word
from MVGCore.training.datasets.brain import BratsGli, BratsLocal
from MVGCore.training.datasets.case import DataCase, DataSet, Reader
from MVGCore.training.datasets.heart import Acdc, LeftAtrium
from MVGCore.training.datasets.index import IndexFolder, PreparedPairs
from MVGCore.training.datasets.lesions import ChestDefects, DeepLesion
from MVGCore.training.datasets.lowdose import LowDoseCT
from MVGCore.training.datasets.prostate import MicroSegNet, Promise12


def readers() -> dict[str, Reader]:
    """Every reader by the name that settings give it."""
    return {
        "index": IndexFolder(),
        "pairs": PreparedPairs(),
        "amos": Amos(),
        "amos-ct": Amos("CT"),
        "amos-mr": Amos("MR"),
        "word": Word(),
        "btcv": Btcv(),
        "microsegnet": MicroSegNet(),
        "promise12": Promise12(),
        "acdc": Acdc(),
        "la": LeftAtrium(),
        "brats-gli": BratsGli(),
        "brats-local": BratsLocal(),
        "ldct": LowDoseCT(),
        "chest-defects": ChestDefects(),
        "deeplesion": DeepLesion(),
    }


def cases_of(dataset: DataSet) -> list[DataCase]:
    """The cases of a data set that are trained on (or held out of training for its scores).

    Raises:
        InputError: there is no such reader, the folder has another layout, or nothing is left to train on.
    """
    known = readers()
    if dataset.reader not in known:
        raise InputError(f"There is no reader {dataset.reader!r}; choose one of {', '.join(known)}.")
    listed = list(known[dataset.reader].cases(dataset.folder))
    unknown = set(dataset.test) - {case.id for case in listed}
    if unknown:
        raise InputError(f"{dataset.folder} has no cases {', '.join(sorted(unknown))} to test on.")
    cases = [case for case in listed if case.split == "train" and case.id not in dataset.test]
    if not cases:
        raise InputError(f"The folder {dataset.folder} has no {dataset.reader} case to train on.")
    return [replace(case, task=dataset.task or case.task) for case in cases]
