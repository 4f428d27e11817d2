"""The pool of stacks on disk: built once from the training cases and from synthetic scenes, read by the
trainer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.errors import InputError
from MVGCore.training.datasets import DataCase, DataSet, cases_of
from MVGCore.training.reading import LoadedCase, read_labels
from MVGCore.training.real import CropRegion, cut
from MVGCore.training.selflabelling import image_structures
from MVGCore.training.stack import SliceStack, StackConfig, StackFile, build_stack, load_stack, save_stack
from MVGCore.training.synthetic import ShapePool, synthetic_region

HELD_OUT_EVERY = 16  # training cases of each set, and synthetic stacks: one is held out for decisions
SELF_LABELLED = "found"  # in the names of stacks whose structures were found in the image
SETTINGS = "stacks.json"  # what the stacks of a pool were cut like


class PoolBuilder:
    """Makes stacks of the training cases and synthetic ones, into two folders: `train` and `held_out`.

    Args:
        sets: the data sets to train on.
        folder: of the pool.
        seed: of all choices.
        stacks: how stacks are cut.

    Raises:
        InputError: a data set cannot be used, or the pool was built with other settings.
    """

    def __init__(
        self, sets: Sequence[DataSet], folder: Path, seed: int, stacks: StackConfig | None = None
    ) -> None:
        groups = [cases_of(each) for each in sets]
        self.cases = [case for group in groups for case in group]
        self.folder, self.seed, self.stacks = folder, seed, stacks or StackConfig()
        self._real_cases = [case for case in self.cases if case.images]
        self._held_out = held_out_people(groups)
        self._check_settings()
        for name in ("train", "held_out"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def build(
        self,
        per_case: int,
        synthetic: int,
        self_labelled: int = 0,
        progress: Callable[[float, str], None] | None = None,
    ) -> None:
        """Make what is not there: `per_case` stacks of every real case, `self_labelled` more of those that
        segmentation is trained on, with structures found in their images, and `synthetic` synthetic ones."""
        total = sum(len(_names(case, per_case, self_labelled)) for case in self._real_cases) + synthetic
        for n, name in enumerate(self._make(per_case, synthetic, self_labelled)):
            if progress:
                progress((n + 1) / total, name)

    def _make(self, per_case: int, synthetic: int, self_labelled: int) -> Iterator[str]:
        for case in self._real_cases:
            names = _names(case, per_case, self_labelled)
            yield from self._real(case, self._split(case.person in self._held_out), names)
        shapes: ShapePool | None = None
        for number in range(synthetic):
            folder = self.folder / self._split(number % HELD_OUT_EVERY == 0)
            path = folder / f"synthetic_{number:05d}.npz"
            if not path.exists():
                shapes = shapes or self._shapes()
                rng = np.random.default_rng([self.seed, 1, number])
                self._save(path, path.stem, synthetic_region(shapes, rng), rng)
            yield path.stem

    def _real(self, case: DataCase, split: str, names: Mapping[str, bool]) -> Iterator[str]:
        paths = {
            self.folder / split / f"{name}.npz": is_self_labelled for name, is_self_labelled in names.items()
        }
        missing = [path for path in paths if not path.exists()]
        loaded = LoadedCase.read(case, self.stacks.ct_window) if missing else None
        for path, is_self_labelled in paths.items():
            if loaded and path in missing:
                rng = np.random.default_rng([self.seed, 2, *path.stem.encode()])
                volume = loaded.volume(rng)
                if is_self_labelled:
                    structures = image_structures(volume.image, volume.spacing, rng)
                    volume = replace(volume, labels=structures)
                region = cut(volume, rng, self.stacks.side, self.stacks.whole)
                self._save(path, case.id, region, rng, case.task)
            yield path.stem

    def _save(
        self, path: Path, source: str, region: CropRegion | None, rng: np.random.Generator, task: str = ""
    ) -> None:
        if region is None:
            return
        drafts = self.stacks.drafts if _segments(task) else 0
        image, labels, step, other = region.image, region.labels, region.step, region.other
        stack = build_stack(source, image, labels, step, rng, drafts, other, task)
        if stack is not None:
            save_stack(stack, path)

    @staticmethod
    def _split(held_out: bool) -> str:
        return "held_out" if held_out else "train"

    def _check_settings(self) -> None:
        """Stacks of different settings must not be mixed; pools that do not say have the usual ones."""
        path, settings = self.folder / SETTINGS, json.loads(json.dumps(asdict(self.stacks)))
        usual = json.loads(json.dumps(asdict(StackConfig())))
        made = any(self.folder.glob("*/*.npz"))
        there = json.loads(path.read_text()) if path.exists() else usual
        if made and there != settings:
            raise InputError(
                f"The pool {self.folder} was built with other settings of stacks; name another folder with "
                "--set pool=DIR, or delete it."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))

    def _shapes(self) -> ShapePool:
        """Heads without images, and every labelled organ of the training cases that are not held out."""
        heads, organs = [], []
        for number, case in enumerate(c for c in self.cases if not c.images):
            labels, _ = read_labels(case)
            heads.append(_compact_ids(labels))
            if number < 4:
                organs += list(_organs(heads[-1], (1.0, 1.0, 1.0), minimum=1500))
        for number, case in enumerate(self._real_cases):
            whole_organs = case.labels and _segments(case.task)
            if whole_organs and case.person not in self._held_out and number % 3 == 1:
                organs += list(_organs(*read_labels(case), minimum=150))
        return ShapePool(tuple(heads), tuple(organs))


def _segments(task: str) -> bool:
    """Whether what serves this task only (empty: all of them) is segmented."""
    return task in ("", "segmentation")


def _names(case: DataCase, per_case: int, self_labelled: int) -> dict[str, bool]:
    """Name of every stack of a case -> whether its structures are found in the image."""
    names = {f"{case.id}_{n}": False for n in range(per_case * case.repeat)}
    return names | {
        f"{case.id}_{SELF_LABELLED}{n}": True for n in range(self_labelled if _segments(case.task) else 0)
    }


def held_out_people(groups: Sequence[Sequence[DataCase]]) -> set[str]:
    """Every 16th person with images of each group of cases; who is in several is treated alike in all."""
    held: dict[str, bool] = {}
    for group in groups:
        for number, person in enumerate(dict.fromkeys(case.person for case in group if case.images)):
            held.setdefault(person, number % HELD_OUT_EVERY == 0)
    return {person for person, out in held.items() if out}


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


def open_stacks(paths: Sequence[Path]) -> list[StackFile]:
    """The stacks in some files, left there."""
    return [StackFile.of(path) for path in paths]


def load_stacks(paths: Sequence[Path]) -> list[SliceStack]:
    """The stacks in some files."""
    return [load_stack(path) for path in paths]
