"""The volumes of the benchmark: real cases with a truth, and the brain template that nilearn carries.

The cases lie in the folder that the environment variable MVG_DATA names; its `index.json` lists them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.prompts import PromptSet
from MVGCore.volume import (
    Geometry,
    LabelMap,
    SegmentClass,
    Volume,
    match_labels,
    read_labelmap,
    read_volume,
)

DATA_VARIABLE = "MVG_DATA"
DEMO_ID = "t1_template"
TISSUES = {1: "grey matter", 2: "white matter"}

# Of several contrasts, the one in which the labelled structure stands out (and was drawn).
_CONTRAST_OF = {"white matter lesion": "flair", "enhancing tumour": "t1c"}
# A template voxel belongs to the brain when its tissue probabilities add up to at least this.
_BRAIN_PROBABILITY = 0.5


@dataclass(frozen=True)
class BenchmarkExample:
    """A case in memory: an image and what is true of it, on one grid.

    Attributes:
        image: The image.
        truth: Its label map, complete.
        axis: The array axis along which slices are labelled.
    """

    image: Volume
    truth: LabelMap
    axis: int

    @property
    def planes(self) -> NDArray[np.integer]:
        """(K, H, W) the labels of its slices."""
        return np.moveaxis(self.truth.array, self.axis, 0)


@dataclass(frozen=True)
class Case:
    """One entry of the index.

    Attributes:
        id: Unique name.
        group: The data set it belongs to.
        role: "bench" or "train".
        modality: As the index says, such as "CT" or "MR T1".
        images: (contrast, path) pairs.
        label: Path of the label map; None without one.
        classes: (label value, name) pairs, empty when only numbers are known.
        axis: The array axis along which slices are labelled.
    """

    id: str
    group: str
    role: str
    modality: str
    images: tuple[tuple[str, Path], ...]
    label: Path | None
    classes: tuple[tuple[int, str], ...]
    axis: int

    @property
    def contrast(self) -> str:
        """The contrast to segment: the only one, or the one in which the labelled structure was drawn."""
        contrasts = [name for name, _ in self.images]
        preferred = (_CONTRAST_OF.get(name) for _, name in self.classes)
        return next((name for name in preferred if name in contrasts), contrasts[0])

    def load(self) -> BenchmarkExample:
        """Reads the image and its label map, brought to the image's grid.

        Raises:
            InputError: A file is missing or unreadable, or the case has no label map.
        """
        if self.label is None:
            raise InputError(f"The case {self.id} has no label map: only cases with labels can be scored.")
        image = read_volume(dict(self.images)[self.contrast])
        image = replace(image, name=self.id, modality=self.modality.partition(" ")[0])
        truth = match_labels(read_labelmap(self.label, image.geometry), image.geometry)
        names = dict(self.classes)
        named = tuple(replace(c, name=names.get(c.id, c.name)) for c in truth.classes)
        return BenchmarkExample(image, replace(truth, classes=named), self.axis)


@dataclass(frozen=True)
class DemoCase:
    """The brain template as a case of the benchmark."""

    id: str = DEMO_ID
    group: str = "brain_template"

    def load(self) -> BenchmarkExample:
        """See `demo_case`."""
        image, truth = demo_case()
        return BenchmarkExample(image, truth, axis=0)


def data_folder() -> Path:
    """The folder that MVG_DATA names.

    Raises:
        InputError: The variable is not set, or the folder has no index.json.
    """
    value = os.environ.get(DATA_VARIABLE, "")
    if not value:
        raise InputError(
            f"The environment variable {DATA_VARIABLE} is not set: "
            "let it name the folder with the cases' index.json."
        )
    folder = Path(value)
    if not (folder / "index.json").is_file():
        raise InputError(f"{DATA_VARIABLE} names {folder}, which has no index.json: name the cases' folder.")
    return folder


def read_cases(role: str, folder: Path | None = None) -> tuple[Case, ...]:
    """The cases of one role, in the order of the index.

    Args:
        role: "bench" or "train"; cases of the other role are not even looked at.
        folder: Where index.json lies; the folder of MVG_DATA when None.

    Raises:
        InputError: The role is unknown, or the index is missing or damaged.
    """
    if role not in ("bench", "train"):
        raise InputError(f"There is no role {role!r}: ask for 'bench' or 'train'.")
    folder = folder or data_folder()
    path = folder / "index.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["cases"]
        return tuple(_case(entry, folder) for entry in entries if entry["role"] == role)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"The index {path} cannot be used ({error!r}): restore it.") from error


def labelled_slices(
    labels: LabelMap | np.ndarray, axis: int, count: int, rng: np.random.Generator | None = None
) -> tuple[int, ...]:
    """The slices that a user is taken to have labelled.

    The slices that show any foreground are numbered, cut into `count` parts of equal length, and the middle
    of each part (the lower of two middles) is labelled: evenly spaced, half a gap away from both ends. With a
    generator, one slice of each part is drawn instead.

    Args:
        labels: The complete truth, (K, J, I).
        axis: Array axis of the slices.
        count: How many slices to label.
        rng: Draws another choice; deterministic without it.

    Returns:
        Ascending indices.

    Raises:
        InputError: Fewer slices than `count` + 1 show foreground: none would be left to score.
    """
    array = labels.array if isinstance(labels, LabelMap) else labels
    with_truth = np.flatnonzero(array.any(axis=tuple(a for a in range(3) if a != axis)))
    if not 0 < count < len(with_truth):
        raise InputError(
            f"{count} slices cannot be labelled: {len(with_truth)} slices show foreground, "
            "and at least one must be left to score."
        )
    bounds = np.linspace(0, len(with_truth), count + 1)
    if rng is None:
        chosen = np.ceil((bounds[:-1] + bounds[1:]) / 2 - 1).astype(int)
    else:
        edges = np.round(bounds).astype(int)
        chosen = rng.integers(edges[:-1], edges[1:])
    return tuple(int(index) for index in with_truth[chosen])


def keep_slices(labels: LabelMap, axis: int, slices: Sequence[int]) -> LabelMap:
    """The label map as a user hands it in: only these slices filled, only their classes listed."""
    array = np.zeros_like(labels.array)
    given = (slice(None),) * axis + (list(slices),)
    array[given] = labels.array[given]
    present = set(np.unique(array[given]).tolist())
    return replace(labels, array=array, classes=tuple(c for c in labels.classes if c.id in present))


def labelled_prompts(example: BenchmarkExample, slices: Sequence[int]) -> PromptSet:
    """These slices of a case as a user's examples."""
    few = keep_slices(example.truth, example.axis, slices)
    return PromptSet.from_labelmap(example.image, few, axis=example.axis, slices=slices)


def demo_case(resolution_mm: int = 2) -> tuple[Volume, LabelMap]:
    """The real T1 brain template of nilearn with its grey and white matter.

    The template is ICBM 152 2009a nonlinear symmetric (Fonov et al., 2011), an average of 152 people, carried
    inside the nilearn wheel: nothing is downloaded. Truth is the likelier tissue wherever the two
    probabilities add up to at least one half.

    Args:
        resolution_mm: Edge of the voxels; blocks of the 1 mm template are averaged.

    Returns:
        The image, and a label map of classes 1 (grey matter) and 2 (white matter) on the same grid.

    Raises:
        MissingExtraError: nilearn is not installed.
        InputError: The resolution is not a whole number of millimetres from 1 to 8.
    """
    if resolution_mm not in range(1, 9):
        raise InputError(f"There is no template of {resolution_mm} mm: choose 1 to 8 whole millimetres.")
    t1, grey, white = (_block_means(_template(part), resolution_mm) for part in ("t1", "gm", "wm"))
    peak = max(float(grey.array.max()), float(white.array.max()))
    brain = (grey.array + white.array) >= _BRAIN_PROBABILITY * peak
    array = np.where(brain, np.where(grey.array >= white.array, 1, 2), 0).astype(np.uint8)
    classes = (
        SegmentClass(1, TISSUES[1], (0.86, 0.66, 0.40)),
        SegmentClass(2, TISSUES[2], (0.93, 0.93, 0.88)),
    )
    image = replace(t1, name="T1 brain template (ICBM 152 2009a)", modality="MR")
    return image, LabelMap(array, image.geometry, classes)


def _case(entry: dict[str, Any], folder: Path) -> Case:
    classes = entry.get("classes") or {}
    return Case(
        id=entry["id"],
        group=entry["dataset"],
        role=entry["role"],
        modality=entry.get("modality") or "",
        images=tuple((name, folder / path) for name, path in entry["images"].items()),
        label=folder / entry["label"] if entry.get("label") else None,
        classes=tuple((int(value), name) for value, name in classes.items()),
        # Files count their axes i, j, k; arrays are stored k, j, i.
        axis=2 - int(entry["slice_axis"]),
    )


def _template(part: str) -> Volume:
    package = find_spec("nilearn")
    if package is None or package.origin is None:
        raise MissingExtraError('The brain template comes with nilearn: pip install "mvg-slicer[demo]"')
    folder = Path(package.origin).parent / "datasets" / "data"
    path = folder / f"mni_icbm152_{part}_tal_nlin_sym_09a_converted.nii.gz"
    if not path.is_file():
        raise MissingExtraError(
            'This nilearn does not carry the brain template: pip install --upgrade "mvg-slicer[demo]"'
        )
    return read_volume(path)


def _block_means(volume: Volume, factor: int) -> Volume:
    """Averages blocks of factor^3 voxels; voxels that fill no block at the upper ends are dropped."""
    counts = [size // factor for size in volume.array.shape]
    k, j, i = (count * factor for count in counts)
    blocks = volume.array[:k, :j, :i].astype(np.float32)
    blocks = blocks.reshape(counts[0], factor, counts[1], factor, counts[2], factor).mean(axis=(1, 3, 5))
    scaling = np.eye(4)
    scaling[:3, :3] *= factor
    scaling[:3, 3] = (factor - 1) / 2
    geometry = Geometry.from_affine_lps(blocks.shape, volume.geometry.affine_lps @ scaling)
    return replace(volume, array=blocks, geometry=geometry)
