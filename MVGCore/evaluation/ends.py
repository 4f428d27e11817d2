"""Fits how probable it is that a class goes on beyond the outermost labelled slices.

    python -m MVGCore.evaluation.ends --out mvg-ends

prints the constants for `MVGCore/segmentation/fuse/ends.py`, and for each data set how good the odds are that
the other ones give. What is found is propagated for some of the cases only (`--every`) and kept in the
folder; a run into the same folder goes on where an interrupted one stopped.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from MVGCore.errors import InputError
from MVGCore.evaluation.cases import BenchmarkExample, Case, labelled_prompts, read_cases
from MVGCore.evaluation.protocols import PROTOCOLS, choose_slices, thinned
from MVGCore.evaluation.tables import table
from MVGCore.prompts import Prompt
from MVGCore.segmentation.fuse.ends import Beyond, beyond, found_traits, weighted
from MVGCore.segmentation.plan.plan import slice_spacing

GROUPS = ("hippocampus", "head_neck_ct", "heart")
MOST = 6  # labelled slices
THICKEST = 6  # so many slices become one
DRAWS = 3  # thicknesses and axes for each case
RIDGE = 1e-3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One side of one class of a case, with some slices labelled.

    Attributes:
        group, case, protocol: where it comes from.
        extent: slices that truly show the class.
        beyond: what the labelled slices tell.
        there: (n,) 1 where the class truly is, else 0.
        areas: (n,) pixels that were found there; None if nothing was propagated.
    """

    group: str
    case: str
    protocol: str
    extent: int
    beyond: Beyond
    there: Floats
    areas: Floats | None = None


@dataclass(frozen=True)
class Setting:
    """A case as it is labelled: thinned along an axis, some slices labelled."""

    case: Case
    example: BenchmarkExample
    protocol: str
    slices: tuple[int, ...]

    @property
    def name(self) -> str:
        """Says all of it but the example."""
        shape = "x".join(str(size) for size in self.example.truth.array.shape)
        slices = "-".join(str(index) for index in self.slices)
        return f"{self.case.id}-{self.example.axis}-{shape}-{slices}"

    @property
    def prompts(self) -> list[Prompt]:
        """The labelled slices."""
        return labelled_prompts(self.example, self.slices).prompts

    def sides(self, found: Callable[[int], Floats] | None = None) -> Iterator[Side]:
        """All sides of all classes; `found` gives (K,) pixels that were found of a class."""
        planes = np.moveaxis(self.example.truth.array, self.example.axis, 0)
        spacing = slice_spacing(self.example.image.geometry.array_spacing, self.example.axis)
        for class_id in (int(each) for each in np.unique(planes[list(self.slices)]) if each):
            there = (planes == class_id).any((1, 2))
            for each in beyond(self.prompts, class_id, spacing, len(planes)):
                areas = None if found is None else found(class_id)[each.slices]
                true = there[each.slices].astype(float)
                yield Side(self.case.group, self.case.id, self.protocol, int(there.sum()), each, true, areas)


def settings(case: Case, rng: np.random.Generator) -> Iterator[Setting]:
    """A case along some axes, in some thicknesses, labelled by each protocol."""
    example = case.load()
    for draw in range(DRAWS):
        axis = example.axis if draw == 0 else int(rng.integers(3))
        thick = example.image.geometry.array_spacing[axis] > 2 * min(example.image.geometry.spacing)
        thinner = thinned(example, axis, 1 if thick else int(rng.integers(1, THICKEST + 1)))
        for protocol in PROTOCOLS:
            count = int(rng.integers(1, MOST + 1))
            try:
                slices = choose_slices(protocol, thinner.truth.array, axis, count, rng)
            except InputError:  # too few slices show anything
                continue
            yield Setting(case, thinner, protocol, slices)


def found_areas(setting: Setting, model: object, folder: Path) -> dict[int, Floats]:
    """Class id -> (K,) pixels that a first look finds of it where it is unsure; kept in the folder."""
    path = folder / f"{setting.name}.npz"
    if not path.exists():
        areas = _propagated(setting, model)
        np.savez(path, ids=list(areas), areas=np.stack(list(areas.values())))
    with np.load(path) as kept:
        return {int(each): kept["areas"][n] for n, each in enumerate(kept["ids"])}


def _propagated(setting: Setting, model: object) -> dict[int, Floats]:
    from MVGCore.models.base import InContextModel
    from MVGCore.models.device import select_device
    from MVGCore.segmentation import Propagator

    assert isinstance(model, InContextModel)
    depth = setting.example.truth.array.shape[setting.example.axis]
    wanted = [index for index in range(depth) if index not in setting.slices]
    propagator = Propagator(model, select_device("cpu"), setting.example.image, setting.prompts, [])
    areas = {class_id: np.zeros(depth) for class_id in propagator.ids}
    seen = set()
    for done in propagator.slices(wanted, lambda fraction, text: None, lambda: False):
        if done.index not in seen:  # as found, before anything is made of it
            for class_id, doubt in done.doubts.items():
                areas[class_id][done.index] = doubt.area
        seen.add(done.index)
    return areas


def fit(traits: Floats, there: Floats, weight: Floats) -> tuple[float, ...]:
    """Offset and weights of a logistic regression; a ridge on the standardised traits keeps them small."""
    center, scale = traits.mean(0), traits.std(0) + 1e-6
    design = np.concatenate((np.ones((len(traits), 1)), (traits - center) / scale), 1)
    share = weight / weight.sum()

    def loss(solution: Floats) -> tuple[float, Floats]:
        odds, small = design @ solution, solution * (np.arange(len(solution)) > 0)
        value = float((share * (np.logaddexp(0, odds) - there * odds)).sum() + RIDGE / 2 * small @ small)
        return value, design.T @ (share * (expit(odds) - there)) + RIDGE * small

    solution = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x
    weights = solution[1:] / scale
    return tuple(round(float(each), 3) for each in (solution[0] - weights @ center, *weights))


def weights_of(sides: Sequence[Side]) -> list[float]:
    """What a slice of each side counts: data sets and protocols alike, and long structures as short ones."""
    sizes = Counter((side.group, side.protocol) for side in sides)
    return [1 / sizes[side.group, side.protocol] / max(side.extent, 1) for side in sides]


def fit_labels(sides: Sequence[Side]) -> tuple[float, ...]:
    """`EndModel.by_labels`."""
    return fit(np.concatenate([side.beyond.traits for side in sides]), *_answers(sides))


def fit_found(sides: Sequence[Side], odds: Sequence[Floats]) -> tuple[float, ...]:
    """`EndModel.by_found`, given the log-odds by the labelled slices of each side, which was propagated."""
    return fit(np.concatenate(_found(sides, odds)), *_answers(sides))


def _found(sides: Sequence[Side], odds: Sequence[Floats]) -> list[Floats]:
    found = []
    for side, each in zip(sides, odds, strict=True):
        assert side.areas is not None
        found.append(found_traits(each, side.areas, side.beyond.area))
    return found


def _answers(sides: Sequence[Side]) -> tuple[Floats, Floats]:
    """(n,) whether the class is there, and what each slice counts."""
    counts = [np.full(len(s.there), weight) for s, weight in zip(sides, weights_of(sides), strict=True)]
    return np.concatenate([side.there for side in sides]), np.concatenate(counts)


def off(sides: Sequence[Side], odds: Sequence[Floats]) -> str:
    """Mean log-loss of odds, and their bias: mean probability less the share of slices that are there."""
    there, weight = _answers(sides)
    stated = np.concatenate(odds)
    loss = np.average(np.logaddexp(0, stated) - there * stated, weights=weight)
    return f"{loss:.3f} ({np.average(expit(stated) - there, weights=weight):+.3f})"


def left_out(sides: Sequence[Side], propagated: Sequence[Side]) -> str:
    """A table: how good the odds are on each data set, with the weights that the others give."""
    lines = []
    for group in sorted({side.group for side in sides}):
        others = fit_labels([side for side in sides if side.group != group])
        cells = [_judged([side for side in sides if side.group == group], others)]
        own = [side for side in propagated if side.group == group]
        rest = [side for side in propagated if side.group != group]
        if own and rest:
            by_labels = [weighted(side.beyond.traits, others) for side in rest]
            second = fit_found(rest, by_labels)
            first = [weighted(side.beyond.traits, others) for side in own]
            cells += [off(own, first), off(own, [weighted(each, second) for each in _found(own, first)])]
        lines.append([group, *cells, *["-"] * (3 - len(cells))])
    return table(["data set", "by labelled slices", "the same, where propagated", "by what was found"], lines)


def _judged(sides: Sequence[Side], weights: Sequence[float]) -> str:
    return off(sides, [weighted(side.beyond.traits, weights) for side in sides])


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the constants and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=40, help="propagate only every so manieth setting")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--out", type=Path, default=Path("mvg-ends"))
    options = parser.parse_args(argv)
    from MVGCore.models.registry import load

    options.out.mkdir(parents=True, exist_ok=True)
    model, rng = load(options.model, "cpu"), np.random.default_rng(0)
    sides: list[Side] = []
    propagated: list[Side] = []
    cases = [case for case in read_cases("train") if case.group in GROUPS and case.label]
    made = 0
    for case in cases:
        for setting in settings(case, rng):
            sides += setting.sides()
            if made % options.every == 0:
                areas = found_areas(setting, model, options.out)
                propagated += setting.sides(areas.__getitem__)
            made += 1
    by_labels = fit_labels(sides)
    print(f"by_labels={by_labels}", flush=True)
    odds = [weighted(side.beyond.traits, by_labels) for side in propagated]
    print(f"by_found={fit_found(propagated, odds)}")
    print(left_out(sides, propagated))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
