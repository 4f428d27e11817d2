"""Fits how probable it is that a class goes on beyond the outermost labelled slices.

    python -m MVGCore.evaluation.ends --out mvg-looks

prints the constants for `MVGCore/segmentation/fuse/ends.py`, and for each data set how good the odds are that
the other ones give. The first looks are kept in the folder; a run into the same folder goes on where an
interrupted one stopped.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from MVGCore.evaluation.looks import Setting, all_settings, first_look, fit_cases, propagator_of
from MVGCore.evaluation.tables import table
from MVGCore.models.base import InContextModel
from MVGCore.segmentation.fuse.ends import Beyond, beyond, found_traits, weighted
from MVGCore.segmentation.fuse.extents import found_areas

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
        areas: (n,) pixels that were found there.
    """

    group: str
    case: str
    protocol: str
    extent: int
    beyond: Beyond
    there: Floats
    areas: Floats


def sides(setting: Setting, model: InContextModel, folder: Path) -> Iterator[Side]:
    """All sides of all classes of a setting, of which a first look is kept in a folder."""
    found = first_look(setting, model, folder)
    groups, planes = propagator_of(setting, model).plan.groups, setting.planes
    for number, group in enumerate(groups):
        areas = found_areas(group, number, found, setting.depth)
        for place, class_id in enumerate(group.ids):
            there = (planes == class_id).any((1, 2))
            for each in beyond(setting.prompts, class_id, setting.spacing, setting.depth):
                yield Side(
                    setting.case.group,
                    setting.case.id,
                    setting.protocol,
                    int(there.sum()),
                    each,
                    there[each.slices].astype(float),
                    areas[place][each.slices],
                )


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
    """`EndModel.by_found`, given the log-odds by the labelled slices of each side."""
    return fit(np.concatenate(_found(sides, odds)), *_answers(sides))


def _found(sides: Sequence[Side], odds: Sequence[Floats]) -> list[Floats]:
    pairs = zip(sides, odds, strict=True)
    return [found_traits(each, side.areas, side.beyond.area) for side, each in pairs]


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


def left_out(sides: Sequence[Side]) -> str:
    """A table: how good the odds are on each data set, with the weights that the others give."""
    lines = []
    for group in sorted({side.group for side in sides}):
        own = [side for side in sides if side.group == group]
        rest = [side for side in sides if side.group != group]
        by_labels = fit_labels(rest)
        by_found = fit_found(rest, [weighted(side.beyond.traits, by_labels) for side in rest])
        first = [weighted(side.beyond.traits, by_labels) for side in own]
        second = [weighted(each, by_found) for each in _found(own, first)]
        lines.append([group, off(own, first), off(own, second)])
    return table(["data set", "by labelled slices", "by what was found"], lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the constants and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="compact")
    parser.add_argument("--out", type=Path, default=Path("mvg-looks"))
    options = parser.parse_args(argv)
    from MVGCore.models.registry import load

    options.out.mkdir(parents=True, exist_ok=True)
    model = load(options.model, "cpu")
    all_sides = [side for setting in all_settings(fit_cases()) for side in sides(setting, model, options.out)]
    by_labels = fit_labels(all_sides)
    odds = [weighted(side.beyond.traits, by_labels) for side in all_sides]
    print(f"by_labels={by_labels}, by_found={fit_found(all_sides, odds)}")
    print(left_out(all_sides))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
