"""The pool of stacks on disk: built once from the training cases and from synthetic scenes, read by the
trainer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.errors import InputError
from MVGCore.training.real import LabelledVolume, Region, cut_region
from MVGCore.training.stack import Stack, build_stack, load_stack, save_stack
from MVGCore.training.synthetic import ShapePool, synthetic_region
from MVGCore.volume.contrast import labelled_window
from MVGCore.volume.normalise import CT_WINDOWS, Window, normalise, robust_window

HELD_OUT_EVERY = (
    16  # every 16th training case is held out for decisions, and so is every 16th synthetic stack
)
CONTRASTS_TIMES = 12  # as many stacks of a case with several contrasts: such cases are few


@dataclass(frozen=True)
class TrainCase:
    """One entry of the data folder's index with role `train`."""

    id: str
    dataset: str
    modality: str
    images: tuple[Path, ...]
    label: Path


def train_cases(data: Path) -> list[TrainCase]:
    """Cases with role `train` of a data folder with an `index.json`.

    Raises:
        InputError: if the folder has no readable index.
    """
    try:
        entries = json.loads((data / "index.json").read_text())["cases"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{data} has no readable index.json ({error}); name the data folder with --data or MVG_DATA."
        ) from error
    return [
        TrainCase(
            e["id"],
            e["dataset"],
            e["modality"],
            tuple(data / p for p in e["images"].values()),
            data / e["label"],
        )
        for e in entries
        if e["role"] == "train"
    ]


def _stack(source: str, region: Region, rng: np.random.Generator) -> Stack | None:
    return build_stack(source, region.image, region.labels, region.step, rng, other=region.other)


def _read(path: Path) -> tuple[NDArray[Any], tuple[float, float, float]]:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path))
    i, j, k = image.GetSpacing()
    return sitk.GetArrayFromImage(image), (k, j, i)


def _window(
    case: TrainCase, image: NDArray[Any], labelled: NDArray[np.bool_], rng: np.random.Generator
) -> Window:
    choice = rng.random()
    if choice < 0.6:
        return labelled_window(image[::2], labelled[::2], float(rng.uniform(0.5, 2.0)))
    if choice < 0.8 and case.modality == "CT":
        return CT_WINDOWS[str(rng.choice(sorted(CT_WINDOWS)))]
    return robust_window(image)


class PoolBuilder:
    """Makes stacks of the training cases and synthetic ones, into two folders: `train` and `held_out`."""

    def __init__(self, data: Path | None, folder: Path, seed: int) -> None:
        self.cases, self.folder, self.seed = train_cases(data) if data else [], folder, seed
        for name in ("train", "held_out"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def build(
        self, per_case: int, synthetic: int, progress: Callable[[float, str], None] | None = None
    ) -> None:
        """Make what is not there yet: `per_case` stacks of every real case and `synthetic` synthetic ones."""
        total = per_case * len(self.cases) + synthetic
        for n, name in enumerate(self._make(per_case, synthetic)):
            if progress:
                progress((n + 1) / total, name)

    def _make(self, per_case: int, synthetic: int) -> Iterator[str]:
        real = [c for c in self.cases if c.images]
        for number, case in enumerate(real):
            count = per_case * (CONTRASTS_TIMES if len(case.images) > 1 else 1)
            yield from self._real(case, "held_out" if number % HELD_OUT_EVERY == 0 else "train", count)
        shapes: ShapePool | None = None
        for number in range(synthetic):
            held_out = number % HELD_OUT_EVERY == 0
            path = self.folder / ("held_out" if held_out else "train") / f"synthetic_{number:05d}.npz"
            if not path.exists():
                shapes = shapes or self._shapes()
                rng = np.random.default_rng([self.seed, 1, number])
                region = synthetic_region(shapes, rng)
                self._save(_stack(path.stem, region, rng), path)
            yield path.stem

    def _real(self, case: TrainCase, split: str, per_case: int) -> Iterator[str]:
        paths = [self.folder / split / f"{case.id}_{n}.npz" for n in range(per_case)]
        missing = [p for p in paths if not p.exists()]
        if missing:
            labels, spacing = _read(case.label)
            images = [_read(p)[0] for p in case.images]
        for path in missing:
            rng = np.random.default_rng([self.seed, 2, *path.stem.encode()])
            order = rng.permutation(len(images))
            image = images[int(order[0])]
            scaled = normalise(image, _window(case, image, labels > 0, rng))
            other = None
            if len(order) > 1:
                other = normalise(images[int(order[1])], robust_window(images[int(order[1])]))
            region = cut_region(LabelledVolume(case.id, scaled, labels, spacing, other), rng)
            if region is not None:
                self._save(_stack(case.id, region, rng), path)
            yield path.stem

    @staticmethod
    def _save(stack: Stack | None, path: Path) -> None:
        if stack is not None:
            save_stack(stack, path)

    def _shapes(self) -> ShapePool:
        """Heads without images, and every labelled organ of the training cases that are not held out."""
        heads, organs = [], []
        for number, case in enumerate(c for c in self.cases if not c.images):
            labels, _ = _read(case.label)
            heads.append(_compact_ids(labels))
            if number < 4:
                organs += list(_organs(heads[-1], (1.0, 1.0, 1.0), minimum=1500))
        for number, case in enumerate(c for c in self.cases if c.images):
            if number % HELD_OUT_EVERY and number % 3 == 1:
                organs += list(_organs(*_read(case.label), minimum=150))
        return ShapePool(tuple(heads), tuple(organs))


def _compact_ids(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Label numbers replaced by their rank, so that up to 256 of them fit a byte."""
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.uint8)


def _organs(
    labels: NDArray[Any], spacing: tuple[float, float, float], minimum: int
) -> Iterator[NDArray[np.bool_]]:
    """Each structure's mask, cropped and resampled to isotropic voxels."""
    ids = labels.astype(np.int32)
    for number, box in enumerate(ndimage.find_objects(ids), start=1):
        if box is None:
            continue
        mask = ids[box] == number
        if mask.sum() < minimum or mask.mean() < 0.02:
            continue
        zoom = np.array(spacing) / min(spacing)
        yield ndimage.zoom(mask.astype(np.uint8), zoom, order=0).astype(bool)


def stack_paths(folder: Path, split: str) -> list[Path]:
    """The files of all stacks of a split, in a stable order."""
    return [path for path in sorted((folder / split).glob("*.npz")) if ".part." not in path.name]


def load_stacks(paths: Sequence[Path]) -> list[Stack]:
    """The stacks in some files."""
    return [load_stack(path) for path in paths]
