"""First looks at training cases that are labelled as people do, kept in a folder.

What is fitted to them (`ends`, `confidence`) is then a matter of seconds, and a run into the same folder goes
on where an interrupted one stopped. Each case is taken as it is, in other thicknesses and along other axes,
and labelled by every protocol.
"""

from __future__ import annotations

import argparse
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.evaluation.cases import BenchmarkExample, Case, labelled_prompts, read_cases
from MVGCore.evaluation.protocols import PROTOCOLS, choose_slices, thinned
from MVGCore.models.base import InContextModel
from MVGCore.models.device import select_device
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.segmentation import Propagator, SliceResult
from MVGCore.segmentation.fuse.ends import SHIPPED_END_MODEL, EndModel
from MVGCore.segmentation.fuse.extents import GroupPredictions
from MVGCore.segmentation.plan.claims import Claims
from MVGCore.segmentation.plan.plan import slice_spacing
from MVGCore.segmentation.plan.selection import blocks_of, in_batches
from MVGCore.segmentation.result import Result, ResultCanvas
from MVGCore.volume import Volume, atomic_path

CASES = {"heart": 7, "hippocampus": 6, "head_neck_ct": 4}  # so many of each data set are looked at
COUNTS = (3, 5)  # labelled slices of a case as it is, and once more as many as are drawn
MOST_LABELLED = 6  # labelled slices
THICKEST = 6  # so many slices become one
DRAWS = 2  # other thicknesses and axes for each case
DEEPEST = 52  # slices of a volume; of deeper ones only every so manieth is taken


@dataclass(frozen=True)
class Setting:
    """A case as it is labelled: thinned along an axis, some slices labelled.

    Attributes:
        case: where it comes from.
        example: the volume, as thick as its slices are taken to be.
        protocol: how slices were labelled.
        slices: which.
        draw: 0 for the case as it is, then one for each thickness and axis.
    """

    case: Case
    example: BenchmarkExample
    protocol: str
    slices: tuple[int, ...]
    draw: int = 0

    @property
    def name(self) -> str:
        """Says all of it but the protocol."""
        shape = "x".join(str(size) for size in self.example.truth.array.shape)
        slices = "-".join(str(index) for index in self.slices)
        return f"{self.case.id}-{self.example.axis}-{shape}-{slices}"

    @cached_property
    def prompts(self) -> list[Prompt]:
        """The labelled slices."""
        return labelled_prompts(self.example, self.slices).prompts

    @property
    def planes(self) -> NDArray[np.integer]:
        """(K, H, W) true labels of the slices."""
        return self.example.planes

    @cached_property
    def areas(self) -> NDArray[np.intp]:
        """(K, C) true pixels of each class on the slices, background first."""
        size = int(self.planes.max()) + 1
        return np.stack([np.bincount(plane.ravel(), minlength=size) for plane in self.planes])

    @property
    def depth(self) -> int:
        """Slices of the volume."""
        return len(self.planes)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between slices, and along rows and columns."""
        return slice_spacing(self.example.image.geometry.array_spacing, self.example.axis)


def model_and_folder(argv: Sequence[str] | None, description: str) -> tuple[InContextModel, Path]:
    """What a command that fits to first looks is told: the model, and the folder in which looks are kept."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", default="compact")
    parser.add_argument("--out", type=Path, default=Path("mvg-looks"))
    options = parser.parse_args(argv)
    from MVGCore.models.registry import load

    options.out.mkdir(parents=True, exist_ok=True)
    return load(options.model, "cpu"), options.out


def fit_cases(counts: Mapping[str, int] = CASES) -> list[Case]:
    """The training cases that constants are fitted to: so many first ones of each data set."""
    of_group: dict[str, list[Case]] = defaultdict(list)
    for case in read_cases("train"):
        if case.label is not None and case.images:
            of_group[case.group].append(case)
    return [case for group, count in counts.items() for case in of_group[group][:count]]


def settings(case: Case, seed: int = 0) -> Iterator[Setting]:
    """A case as it is and in some thicknesses along some axes, labelled by each protocol."""
    example, rng = case.load(), np.random.default_rng(zlib.crc32(case.id.encode()) + seed)
    usual = _not_too_deep(example, example.axis, 1)
    seen = set()
    for draw in range(DRAWS + 1):
        thinner, counts = usual, [*COUNTS, int(rng.integers(1, MOST_LABELLED + 1))]
        if draw:
            axis = int(rng.integers(3))
            spacing = example.image.geometry.array_spacing
            thick = spacing[axis] > 2 * min(spacing)
            thinner = _not_too_deep(example, axis, 1 if thick else int(rng.integers(1, THICKEST + 1)))
            counts = counts[-1:]
        for protocol in PROTOCOLS:
            for count in counts:
                try:
                    slices = choose_slices(protocol, thinner.truth.array, thinner.axis, count, rng)
                except InputError:  # too few slices show anything
                    continue
                setting = Setting(case, thinner, protocol, slices, draw)
                if (setting.name, protocol) not in seen:
                    seen.add((setting.name, protocol))
                    yield setting


def _not_too_deep(example: BenchmarkExample, axis: int, every: int) -> BenchmarkExample:
    depth = example.truth.array.shape[axis]
    return thinned(example, axis, max(every, -(-depth // DEEPEST)))


def first_look(setting: Setting, model: InContextModel, folder: Path) -> dict[int, GroupPredictions]:
    """Index of a slice -> what the groups say of it before anything is made of it; kept in the folder."""
    path = folder / f"{setting.name}.npz"
    if not path.exists():
        predicted = _look(setting, model)
        indices = sorted(predicted)
        stacks = [
            np.stack([predicted[index][n] for index in indices]) for n in range(len(predicted[indices[0]]))
        ]
        with atomic_path(path) as part, part.open("wb") as file:
            np.savez_compressed(file, indices, *stacks)
    with np.load(path) as kept:
        indices, *stacks = kept.values()
    return {int(index): tuple(stack[n] for stack in stacks) for n, index in enumerate(indices)}


def propagator_of(
    setting: Setting,
    model: InContextModel,
    end_model: EndModel = SHIPPED_END_MODEL,
    claims: Claims | None = None,
) -> Propagator:
    """What looks at a setting."""
    image = setting.example.image
    return Propagator(
        model, select_device("cpu"), image, setting.prompts, [], end_model=end_model, claims=claims
    )


@dataclass
class KeptSession:
    """Does what a session does with its examples, by the first look that is kept of a setting.

    Attributes:
        setting: what was labelled.
        predicted: what the first look found (see `first_look`).
        model: what found it.
        end_model: how probable it is that classes go on.
    """

    setting: Setting
    predicted: dict[int, GroupPredictions]
    model: InContextModel
    end_model: EndModel = SHIPPED_END_MODEL
    prompts: PromptSet | None = None

    def set_image(self, image: Volume) -> None:
        """The image is that of the setting."""

    def set_prompts(self, prompts: PromptSet) -> None:
        """Take other claims about ends; the labelled slices are those of the setting."""
        self.prompts = prompts

    def propagate(self, all_axes: bool = False) -> Result:
        """The result of the first look; there is no second one."""
        assert self.prompts is not None
        image, axis = self.setting.example.image, self.setting.example.axis
        claims = Claims.of(self.prompts, image, axis)
        propagator = propagator_of(self.setting, self.model, self.end_model, claims)
        canvas = ResultCanvas.of(image, axis, self.setting.prompts, propagator.settled)
        for done in self._revised(propagator):
            canvas.put(done)
        return canvas.result(self.prompts, self.setting.slices, {}, "cpu", ())

    def done(self) -> list[SliceResult]:
        """The slices, of which the user says nothing."""
        return list(self._revised(propagator_of(self.setting, self.model, self.end_model)))

    def _revised(self, propagator: Propagator) -> Iterator[SliceResult]:
        predicted = {index: each for index, each in self.predicted.items() if index not in propagator.settled}
        return propagator.revised(predicted, False, lambda fraction, text: None, lambda: False)


def _look(setting: Setting, model: InContextModel) -> dict[int, GroupPredictions]:
    propagator = propagator_of(setting, model)
    unlabelled = [index for index in range(setting.depth) if index not in setting.slices]
    blocks = blocks_of(setting.slices, unlabelled)
    batches = in_batches(unlabelled, setting.slices, blocks, propagator.batch)
    propagator.contexts(lambda: False)
    generated = propagator.predictor.generated(batches, lambda: False)
    return {
        index: answer
        for batch, predicted in zip(batches, generated, strict=True)
        for index, answer in zip(batch, predicted, strict=True)
    }
