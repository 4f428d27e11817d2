"""Fits how probable it is that a class goes on beyond the labelled slices that show it.

    python -m MVGCore.evaluation.ends --out mvg-looks

prints the constants for `MVGCore/segmentation/fuse/ends.py`, and for each data set how good the odds are that
the other ones give: beyond the outermost labelled slices, in volumes as they are and in such that end
somewhere before the structures do, as a cord or a vessel goes on to the border, and in gaps to labelled
slices without the class. The first looks are kept in the folder; a run into the same folder goes on where an
interrupted one stopped.
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

from MVGCore.errors import InputError
from MVGCore.evaluation.firstlooks import (
    Setting,
    first_look,
    fit_cases,
    model_and_folder,
    propagator_of,
    settings,
)
from MVGCore.evaluation.protocols import choose_slices, cut, shown_slices
from MVGCore.evaluation.tables import table
from MVGCore.models.base import InContextModel
from MVGCore.segmentation.fuse.ends import (
    SUREST,
    Ending,
    EndModel,
    endings_by_areas,
    prediction_traits,
)
from MVGCore.segmentation.fuse.extents import predicted_areas

RIDGE = 1e-3
LABELS_OF = {"heart": 7, "hippocampus": 40, "head_neck_ct": 30}  # cases of which only the labels are used
SEEDS = 3  # of the settings of these
FEW_ENDINGS = 100  # endings of a kind; a kind of which there are fewer counts as much less
LEAST_EXTENT = 7  # slices of the structures in a volume from which some are cut off

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CaseEnding:
    """Where a class of a case may end, with some slices labelled.

    Attributes:
        group, case, protocol: where it comes from.
        extent: slices that truly show the class.
        cropped: whether the volume ends before the structures do.
        ending: what the labelled slices tell.
        there: (n,) 1 where the class truly is, else 0.
        areas: (n,) pixels that were found there; 0 if nothing was looked at.
    """

    group: str
    case: str
    protocol: str
    extent: int
    ending: Ending
    there: Floats
    areas: Floats
    cropped: bool = False

    @property
    def kind(self) -> tuple[str, str, bool]:
        """Those that count as much together as those of another kind."""
        return self.group, self.protocol, self.cropped


def endings_by_labels(setting: Setting) -> Iterator[CaseEnding]:
    """Of all classes of a setting, and of one of which the ends are cut off, as far as labels tell."""
    for each, cropped in ((setting, False), (cropped_before(setting), True)):
        if each is not None:
            for class_id in range(1, each.areas.shape[1]):
                yield from _endings(each, class_id, np.zeros(each.depth), cropped)


def endings_found(setting: Setting, model: InContextModel, folder: Path) -> Iterator[CaseEnding]:
    """Of all classes of a setting, of which a first look is kept in a folder; and as if the volume ended
    somewhere between the labelled slices and the ends of the structures."""
    predicted = first_look(setting, model, folder)
    first, last = cropped_beyond(setting)
    shorter = replace(
        setting,
        example=cut(setting.example, first, last),
        slices=tuple(index - first for index in setting.slices),
    )
    for number, group in enumerate(propagator_of(setting, model).plan.groups):
        areas = predicted_areas(group, number, predicted, setting.depth)
        for place, class_id in enumerate(group.ids):
            yield from _endings(setting, class_id, areas[place], False)
            yield from _endings(shorter, class_id, areas[place, first : last + 1], True)


def cropped_before(setting: Setting) -> Setting | None:
    """A setting whose volume was cut within its structures before slices were labelled; None if few show
    them."""
    rng, shown = _random(setting), shown_slices(setting.example.truth.array, setting.example.axis)
    if len(shown) < LEAST_EXTENT:
        return None
    third, side = len(shown) // 3, int(rng.integers(3))
    first = 0 if side == 1 else int(shown[rng.integers(1, third + 1)])
    last = setting.depth - 1 if side == 2 else int(shown[-1 - rng.integers(1, third + 1)])
    example = cut(setting.example, first, last)
    try:
        slices = choose_slices(setting.protocol, example.truth.array, example.axis, len(setting.slices), rng)
    except InputError:  # too few slices are left
        return None
    return replace(setting, example=example, slices=slices)


def cropped_beyond(setting: Setting) -> tuple[int, int]:
    """First and last slice of a volume that ends somewhere between the labelled slices of a setting and the
    ends of its structures."""
    rng, shown = _random(setting), shown_slices(setting.example.truth.array, setting.example.axis)
    first = int(rng.integers(shown[0], setting.slices[0] + 1))
    return first, int(rng.integers(setting.slices[-1], shown[-1] + 1))


def _random(setting: Setting) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{setting.name} {setting.protocol}".encode()))


def _endings(setting: Setting, class_id: int, areas: Floats, cropped: bool) -> Iterator[CaseEnding]:
    case, true_areas = setting.case, setting.areas[:, class_id]
    there, labelled = true_areas > 0, {index: float(true_areas[index]) for index in setting.slices}
    for each in endings_by_areas(labelled, setting.spacing, setting.depth):
        if cropped and each.in_gap:
            continue  # it is as it was
        true, predicted = there[each.slices].astype(float), areas[each.slices]
        yield CaseEnding(
            case.group, case.id, setting.protocol, int(there.sum()), each, true, predicted, cropped
        )


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


def weights_of(sample: Sequence[CaseEnding]) -> list[float]:
    """What a slice of each counts: data sets and protocols alike, and long structures as short ones."""
    sizes = Counter(each.kind for each in sample)
    return [1 / max(sizes[each.kind], FEW_ENDINGS) / max(each.extent, 1) for each in sample]


def fit_model(by_labels: Sequence[CaseEnding], predicted: Sequence[CaseEnding]) -> EndModel:
    """The model by endings of which the labels are known, and by those of which something was found too."""
    gaps, outermost = (
        [each for each in by_labels if each.ending.in_gap == in_gap] for in_gap in (True, False)
    )
    in_gap, alone = (
        fit(np.concatenate([each.ending.traits for each in some]), *_truth(some)) if some else ()
        for some in (gaps, outermost)
    )
    model = EndModel(alone, (0.0, 0.0, 0.0), in_gap)
    sample = [each for each in predicted if not each.ending.in_gap]
    traits = np.concatenate([prediction_traits(each.areas, each.ending.area) for each in sample])
    given = np.concatenate([each.ending.by_labels(model) for each in sample])
    weights = fit(traits, *_truth(sample), np.clip(given, -SUREST, SUREST))
    return replace(model, by_prediction=(weights[0], weights[1], weights[2]))


def _truth(sample: Sequence[CaseEnding]) -> tuple[Floats, Floats]:
    """(n,) whether the class is there, and what each slice counts."""
    pairs = zip(sample, weights_of(sample), strict=True)
    counts = [np.full(len(each.there), weight) for each, weight in pairs]
    return np.concatenate([each.there for each in sample]), np.concatenate(counts)


def off(sample: Sequence[CaseEnding], odds: Sequence[Floats]) -> str:
    """Mean log-loss of odds, and their bias: mean probability less the share of slices that are there."""
    if not sample:
        return "-"
    there, weight = _truth(sample)
    stated = np.concatenate(odds)
    loss = np.average(np.logaddexp(0, stated) - there * stated, weights=weight)
    return f"{loss:.3f} ({np.average(expit(stated) - there, weights=weight):+.3f})"


def left_out(by_labels: Sequence[CaseEnding], predicted: Sequence[CaseEnding]) -> dict[str, EndModel]:
    """Data set -> the model that the other ones give."""
    return {
        group: fit_model(
            [each for each in by_labels if each.group != group],
            [each for each in predicted if each.group != group],
        )
        for group in dict.fromkeys(each.group for each in predicted)
    }


def judged(models: Mapping[str, EndModel], predicted: Sequence[CaseEnding]) -> str:
    """A table: how good the odds are on each data set, with the model that the others give."""
    lines = []
    for group, model in models.items():
        of_group = [each for each in predicted if each.group == group]
        outermost = [each for each in of_group if not each.ending.in_gap]
        line = [group]
        for cropped in (False, True):
            own = [each for each in outermost if each.cropped == cropped]
            line.append(off(own, [each.ending.by_labels(model) for each in own]))
            line.append(off(own, [each.ending.by_prediction(each.areas, model) for each in own]))
        own = [each for each in of_group if each.ending.in_gap]
        lines.append([*line, off(own, [each.ending.by_labels(model) for each in own])])
    titles = ["by labelled slices", "by what was found"]
    return table(["data set", *titles, *(f"cropped: {each}" for each in titles), "in gaps"], lines)


def all_endings(model: InContextModel, folder: Path) -> tuple[list[CaseEnding], list[CaseEnding]]:
    """Those of which the labels are known, and those that were looked at; the looks are kept in a folder."""
    by_labels = [
        each
        for case in fit_cases(LABELS_OF)
        for seed in range(SEEDS)
        for setting in settings(case, seed)
        for each in endings_by_labels(setting)
    ]
    predicted = [
        each
        for case in fit_cases()
        for setting in settings(case)
        for each in endings_found(setting, model, folder)
    ]
    return by_labels, predicted


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the constants and the table."""
    model, folder = model_and_folder(argv, __doc__.splitlines()[0])
    sample = all_endings(model, folder)
    print(fit_model(*sample))
    print(judged(left_out(*sample), sample[1]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
