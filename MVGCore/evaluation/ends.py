"""Fits how probable it is that a class goes on beyond the outermost labelled slices.

    python -m MVGCore.evaluation.ends --out mvg-looks

prints the constants for `MVGCore/segmentation/fuse/ends.py`, and for each data set how good the odds are that
the other ones give. Each side of a class is taken as it is, and once more as if the volume ended somewhere
before the structures do, as a cord or a vessel goes on to the border. The first looks are kept in the folder;
a run into the same folder goes on where an interrupted one stopped.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from MVGCore.evaluation.firstlooks import (
    Setting,
    first_look,
    fit_cases,
    model_and_folder,
    propagator_of,
    settings,
)
from MVGCore.evaluation.tables import table
from MVGCore.models.base import InContextModel
from MVGCore.segmentation.fuse.ends import SUREST, Beyond, EndModel, beyond, prediction_traits
from MVGCore.segmentation.fuse.extents import predicted_areas

RIDGE = 1e-3
LABELS_OF = {"heart": 7, "hippocampus": 40, "head_neck_ct": 30}  # cases of which only the labels are used
SEEDS = 3  # of the settings of these

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassSide:
    """One side of one class of a case, with some slices labelled.

    Attributes:
        group, case, protocol: where it comes from.
        extent: slices that truly show the class.
        cropped: whether the volume is taken to end before the structures do.
        beyond: what the labelled slices tell.
        there: (n,) 1 where the class truly is, else 0.
        areas: (n,) pixels that were found there; 0 if nothing was looked at.
    """

    group: str
    case: str
    protocol: str
    extent: int
    beyond: Beyond
    there: Floats
    areas: Floats
    cropped: bool = False

    def until(self, count: int) -> ClassSide:
        """The side in a volume that ends after so many slices beyond the outermost labelled one."""
        shorter = replace(self.beyond, slices=self.beyond.slices[:count], traits=self.beyond.traits[:count])
        return replace(self, beyond=shorter, there=self.there[:count], areas=self.areas[:count], cropped=True)


def sides_by_labels(setting: Setting) -> Iterator[ClassSide]:
    """All sides of all classes of a setting, as far as labels tell of them."""
    planes = setting.planes
    for class_id in (int(each) for each in np.unique(planes[list(setting.slices)]) if each):
        yield from _sides(setting, class_id, np.zeros(setting.depth))


def sides_found(setting: Setting, model: InContextModel, folder: Path) -> Iterator[ClassSide]:
    """All sides of all classes of a setting, of which a first look is kept in a folder."""
    predicted = first_look(setting, model, folder)
    for number, group in enumerate(propagator_of(setting, model).plan.groups):
        areas = predicted_areas(group, number, predicted, setting.depth)
        for place, class_id in enumerate(group.ids):
            yield from _sides(setting, class_id, areas[place])


def _sides(setting: Setting, class_id: int, areas: Floats) -> Iterator[ClassSide]:
    case, there = setting.case, (setting.planes == class_id).any((1, 2))
    anything = np.flatnonzero(setting.planes.any((1, 2)))
    rng = np.random.default_rng(zlib.crc32(f"{setting.name} {class_id}".encode()))
    for each in beyond(setting.prompts, class_id, setting.spacing, setting.depth):
        true, predicted = there[each.slices].astype(float), areas[each.slices]
        side = ClassSide(case.group, case.id, setting.protocol, int(there.sum()), each, true, predicted)
        yield side
        within = int(((each.slices >= anything[0]) & (each.slices <= anything[-1])).sum())
        if within:
            yield side.until(int(rng.integers(1, within + 1)))


def fit(traits: Floats, there: Floats, weight: Floats, given: Floats | None = None) -> tuple[float, ...]:
    """Weights of a logistic regression; a ridge on the standardised traits keeps them small.

    Args:
        traits: (n, f) what is known.
        there: (n,) 1 or 0.
        weight: (n,) what each counts.
        given: (n,) log-odds that the traits add to; without them an offset is fitted, which comes first.
    """
    start = np.zeros(len(there)) if given is None else given
    center = traits.mean(0) if given is None else np.zeros(traits.shape[1])
    scale = traits.std(0) + 1e-6
    design = (traits - center) / scale
    if given is None:
        design = np.concatenate((np.ones((len(traits), 1)), design), 1)
    penalty = RIDGE * np.array([0.0] * (given is None) + [1.0] * len(scale))
    share = weight / weight.sum()

    def loss(solution: Floats) -> tuple[float, Floats]:
        odds = start + design @ solution
        value = float((share * (np.logaddexp(0, odds) - there * odds)).sum())
        slope = design.T @ (share * (expit(odds) - there)) + penalty * solution
        return value + float(penalty @ solution**2) / 2, slope

    solution = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x
    weights = solution[-len(scale) :] / scale
    offset = [] if given is not None else [solution[0] - weights @ center]
    return tuple(round(float(each), 3) for each in (*offset, *weights))


def weights_of(sides: Sequence[ClassSide]) -> list[float]:
    """What a slice of each side counts: data sets and protocols alike, and long structures as short ones."""
    kinds = [(side.group, side.protocol, side.cropped) for side in sides]
    sizes = Counter(kinds)
    return [1 / sizes[kind] / max(side.extent, 1) for kind, side in zip(kinds, sides, strict=True)]


def fit_model(sides: Sequence[ClassSide], predicted: Sequence[ClassSide]) -> EndModel:
    """The model by sides of which the labels are known, and by those of which something was found too."""
    first = fit(np.concatenate([side.beyond.traits for side in sides]), *_truth(sides))
    model = EndModel((first[0], first[1], first[2], first[3]), (0.0, 0.0, 0.0))
    traits = np.concatenate([prediction_traits(side.areas, side.beyond.area) for side in predicted])
    given = np.concatenate([side.beyond.by_labels(model) for side in predicted])
    second = fit(traits, *_truth(predicted), np.clip(given, -SUREST, SUREST))
    return replace(model, by_prediction=(second[0], second[1], second[2]))


def _truth(sides: Sequence[ClassSide]) -> tuple[Floats, Floats]:
    """(n,) whether the class is there, and what each slice counts."""
    counts = [np.full(len(s.there), weight) for s, weight in zip(sides, weights_of(sides), strict=True)]
    return np.concatenate([side.there for side in sides]), np.concatenate(counts)


def off(sides: Sequence[ClassSide], odds: Sequence[Floats]) -> str:
    """Mean log-loss of odds, and their bias: mean probability less the share of slices that are there."""
    there, weight = _truth(sides)
    stated = np.concatenate(odds)
    loss = np.average(np.logaddexp(0, stated) - there * stated, weights=weight)
    return f"{loss:.3f} ({np.average(expit(stated) - there, weights=weight):+.3f})"


def left_out(sides: Sequence[ClassSide], predicted: Sequence[ClassSide]) -> dict[str, EndModel]:
    """Data set -> the model that the other ones give."""
    return {
        group: fit_model(
            [side for side in sides if side.group != group],
            [side for side in predicted if side.group != group],
        )
        for group in dict.fromkeys(side.group for side in predicted)
    }


def judged(models: Mapping[str, EndModel], predicted: Sequence[ClassSide]) -> str:
    """A table: how good the odds are on each data set, with the model that the others give."""
    lines = []
    for group, model in models.items():
        line = [group]
        for cropped in (False, True):
            own = [side for side in predicted if side.group == group and side.cropped == cropped]
            line.append(off(own, [side.beyond.by_labels(model) for side in own]))
            line.append(off(own, [side.beyond.by_prediction(side.areas, model) for side in own]))
        lines.append(line)
    titles = ["by labelled slices", "by what was found"]
    return table(["data set", *titles, *(f"cropped: {each}" for each in titles)], lines)


def all_sides(model: InContextModel, folder: Path) -> tuple[list[ClassSide], list[ClassSide]]:
    """Those of which the labels are known, and those that were looked at; the looks are kept in a folder."""
    by_labels = [
        side
        for case in fit_cases(LABELS_OF)
        for seed in range(SEEDS)
        for setting in settings(case, seed)
        for side in sides_by_labels(setting)
    ]
    predicted = [
        side
        for case in fit_cases()
        for setting in settings(case)
        for side in sides_found(setting, model, folder)
    ]
    return by_labels, predicted


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the constants and the table."""
    model, folder = model_and_folder(argv, __doc__.splitlines()[0])
    sides, predicted = all_sides(model, folder)
    print(fit_model(sides, predicted))
    print(judged(left_out(sides, predicted), predicted))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
