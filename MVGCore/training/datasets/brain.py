"""Brain tumours: BraTS-GLI (four contrasts, for synthesis) and BraTS-Local (for inpainting)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from MVGCore.training.datasets.case import DataCase
from MVGCore.training.datasets.folders import existing, find, visible

CONTRASTS = ("t1n", "t1c", "t2w", "t2f")
TUMOUR = {1: "necrotic core", 2: "oedema", 3: "enhancing tumour"}
HOLES = {1: "healthy tissue to be filled in", 2: "tumour that is cut out"}


@dataclass(frozen=True)
class BratsGli:
    """BraTS-GLI 2023: T1, T1 with contrast medium, T2 and FLAIR of gliomas on one grid, and the tumour.

    Layout (https://www.synapse.org/#!Synapse:syn51156910, ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData):
    a folder for each examination, `BraTS-GLI-00000-000/BraTS-GLI-00000-000-t1n.nii.gz`, also `-t1c`, `-t2w`,
    `-t2f` and `-seg`. Examinations without `-seg` are the published validation part (here: test).
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        for exam in _exams(folder, "BraTS-GLI"):
            first = _part(exam, "t1n")
            images = {name: existing(_part(exam, name), first) for name in CONTRASTS}
            seg = _part(exam, "seg")
            labels, split = ((seg,), "train") if seg.exists() else ((), "test")
            yield DataCase(
                exam.name, "brats-gli", split, "MR", images, labels, TUMOUR, patient=_patient(exam)
            )


@dataclass(frozen=True)
class BratsLocal:
    """BraTS-Local 2023 (local synthesis): T1 with a piece of healthy tissue to be filled in.

    Layout (https://www.synapse.org/#!Synapse:syn51156910 and https://arxiv.org/abs/2305.08992): folders as in
    BraTS-GLI with `-t1n` (the answer), `-mask-healthy` (where there is one) and `-mask-unhealthy` (the
    tumour). `-t1n-voided` and `-mask` follow from these and are left out; the validation part has nothing
    else, so its examinations have no answer and are left out too.
    """

    def cases(self, folder: Path) -> Iterator[DataCase]:
        for exam in _exams(folder, "BraTS-Local"):
            image = _part(exam, "t1n")
            if not image.exists():
                continue
            masks = tuple(existing(_part(exam, f"mask-{name}"), image) for name in ("healthy", "unhealthy"))
            yield DataCase(
                f"{exam.name}-local",
                "brats-local",
                "train",
                "MR T1",
                {"t1n": image},
                masks,
                HOLES,
                task="inpainting",
                patient=_patient(exam),
            )


def _exams(folder: Path, dataset: str) -> list[Path]:
    root = find(folder, "BraTS-*-[0-9]*-[0-9]*", dataset).parent
    return [path for path in visible(root, "BraTS-*-[0-9]*-[0-9]*") if path.is_dir()]


def _part(exam: Path, name: str) -> Path:
    return exam / f"{exam.name}-{name}.nii.gz"


def _patient(exam: Path) -> str:
    """The same for both data sets, which show the same people, and for all their examinations."""
    return exam.name.rpartition("-")[0]
