"""A case of a data set, and the data set as a user names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from MVGCore.errors import InputError

TASKS = ("segmentation", "synthesis", "denoising", "inpainting")


Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class SingleImage:
    """One image of a data set of single images.

    Attributes:
        image: file.
        label: its label picture; None where boxes say what there is.
        boxes: (left, top, right, bottom) in pixels, of what was detected; drawn, they are class 1.
        offset: that is taken from the stored numbers.
    """

    image: Path
    label: Path | None = None
    boxes: tuple[Box, ...] = ()
    offset: float = 0.0


@dataclass(frozen=True)
class DataCase:
    """One case; its files are only named, nothing is read.

    Attributes:
        id: unique among all data sets.
        dataset: name of the data set.
        split: "train", or "test" for what its publisher keeps for testing.
        modality: "CT", "MR", "MR T1", "US", ...; empty when unknown.
        images: contrast -> file or DICOM folder, all on one grid. Of a denoising case the wanted image comes
            first and the noisy one second. A case without images lends the shapes of its labels only.
        labels: one label map, or several masks of which the n-th becomes class n; empty without labels. Of an
            inpainting case class 1 is the hole to be filled, class 2 what is missing and has no answer.
        classes: label value -> name.
        axis: array axis of the slices.
        task: the one task that the case serves; empty: whatever its files allow.
        patient: cases of one patient are never shared between training and held-out scores; by default `id`.
        singles: several single images that show the same kind of thing, learned from as if they were
            the slices of one volume; `images` names the first of them, and `labels` is empty.
        repeat: how many times as many stacks as of other cases are made of it.
    """

    id: str
    dataset: str
    split: str
    modality: str
    images: Mapping[str, Path]
    labels: tuple[Path, ...] = ()
    classes: Mapping[int, str] = field(default_factory=dict)
    axis: int = 0
    task: str = ""
    patient: str = ""
    repeat: int = 1
    singles: tuple[SingleImage, ...] = ()

    @property
    def person(self) -> str:
        """The patient, as far as known."""
        return self.patient or self.id


class Reader(Protocol):
    """Knows the folder layout of one data set."""

    def cases(self, folder: Path) -> Iterator[DataCase]:
        """The cases of a folder, one after the other.

        Raises:
            InputError: the folder is not laid out like this, or a file of a pair is missing.
        """


@dataclass(frozen=True)
class DataSet:
    """A data set to train on, as an entry of the settings.

    Attributes:
        reader: name of the layout, one of `readers()`.
        folder: where it was unpacked.
        task: use its cases for this task only; empty: for whatever they allow.
        test: ids of cases that are not trained on, beside those that its publisher keeps.
    """

    reader: str
    folder: Path
    task: str = ""
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.task and self.task not in TASKS:
            raise InputError(f"There is no task {self.task!r}; a data set serves one of {', '.join(TASKS)}.")

    @classmethod
    def parse(cls, words: str) -> DataSet:
        """What `--data` says: "amos:/data/AMOS22", or a folder with an index.json."""
        reader, colon, folder = words.partition(":")
        # A single letter before the colon is a drive of Windows.
        if not colon or len(reader) < 2 or "/" in reader or "\\" in reader:
            return cls("index", Path(words))
        return cls(reader, Path(folder))
