"""First looks at training cases that are labelled as people do, kept in a folder.

What is fitted to them (`ends`, `confidence`) is then a matter of seconds, and a run into the same folder goes
on where an interrupted one stopped. Each case is taken as it is, in other thicknesses and along other axes,
and labelled by every protocol.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
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
from MVGCore.prompts import Prompt
from MVGCore.segmentation import Propagator
from MVGCore.segmentation.fuse.extents import GroupPredictions
from MVGCore.segmentation.plan.plan import slice_spacing
from MVGCore.segmentation.plan.selection import in_batches
from MVGCore.volume import atomic_path

CASES = {"heart": 7, "hippocampus": 8, "head_neck_ct": 5}  # so many of each data set
COUNTS = (3, 5)  # labelled slices of a case as it is, and once more as many as are drawn
MOST = 6  # labelled slices
THICKEST = 6  # so many slices become one
DRAWS = 2  # other thicknesses and axes for each case


@dataclass(frozen=True)
class Setting:
    """A case as it is labelled: thinned along an axis, some slices labelled.

    Attributes:
        case: where it comes from.
        example: the volume, as thick as its slices are taken to be.
        protocol: how slices were labelled.
        slices: which.
    """

    case: Case
    example: BenchmarkExample
    protocol: str
    slices: tuple[int, ...]

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
        return np.moveaxis(self.example.truth.array, self.example.axis, 0)

    @property
    def depth(self) -> int:
        """Slices of the volume."""
        return len(self.planes)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between slices, and along rows and columns."""
        return slice_spacing(self.example.image.geometry.array_spacing, self.example.axis)


def fit_cases() -> list[Case]:
    """The training cases that constants are fitted to: the first ones of each data set."""
    of_group: dict[str, list[Case]] = defaultdict(list)
    for case in read_cases("train"):
        if case.label is not None and case.images:
            of_group[case.group].append(case)
    return [case for group, count in CASES.items() for case in of_group[group][:count]]


def settings(case: Case) -> Iterator[Setting]:
    """A case as it is and in some thicknesses along some axes, labelled by each protocol."""
    example, rng = case.load(), np.random.default_rng(zlib.crc32(case.id.encode()))
    seen = set()
    for draw in range(DRAWS + 1):
        thinner, counts = example, [*COUNTS, int(rng.integers(1, MOST + 1))]
        if draw:
            axis = int(rng.integers(3))
            spacing = example.image.geometry.array_spacing
            thick = spacing[axis] > 2 * min(spacing)
            thinner = thinned(example, axis, 1 if thick else int(rng.integers(1, THICKEST + 1)))
            counts = counts[-1:]
        for protocol in PROTOCOLS:
            for count in counts:
                try:
                    slices = choose_slices(protocol, thinner.truth.array, thinner.axis, count, rng)
                except InputError:  # too few slices show anything
                    continue
                setting = Setting(case, thinner, protocol, slices)
                if (setting.name, protocol) not in seen:
                    seen.add((setting.name, protocol))
                    yield setting


def first_look(setting: Setting, model: InContextModel, folder: Path) -> dict[int, GroupPredictions]:
    """Index of a slice -> what the groups say of it before anything is made of it; kept in the folder."""
    path = folder / f"{setting.name}.npz"
    if not path.exists():
        found = _look(setting, model)
        indices = sorted(found)
        stacks = [np.stack([found[index][n] for index in indices]) for n in range(len(found[indices[0]]))]
        with atomic_path(path) as part, part.open("wb") as file:
            np.savez_compressed(file, indices, *stacks)
    with np.load(path) as kept:
        indices, *stacks = kept.values()
    return {int(index): tuple(stack[n] for stack in stacks) for n, index in enumerate(indices)}


def propagator_of(setting: Setting, model: InContextModel) -> Propagator:
    """What looks at a setting."""
    return Propagator(model, select_device("cpu"), setting.example.image, setting.prompts, [])


def _look(setting: Setting, model: InContextModel) -> dict[int, GroupPredictions]:
    propagator = propagator_of(setting, model)
    wanted = [index for index in range(setting.depth) if index not in setting.slices]
    batches = in_batches(wanted, setting.slices, propagator.batch)
    propagator.contexts(lambda: False)
    answers = propagator.answers(batches, lambda: False)
    return {
        index: answer
        for batch, found in zip(batches, answers, strict=True)
        for index, answer in zip(batch, found, strict=True)
    }


def all_settings(cases: Sequence[Case]) -> Iterator[Setting]:
    """Those of all cases."""
    for case in cases:
        yield from settings(case)
