"""Fits the Dice to expect to first looks at training cases, labelled by every protocol.

    python -m MVGCore.evaluation.expectation --out mvg-looks

prints the constants for `MVGCore/segmentation/review/expected_dice.py`, and for each data set how far the
expected Dice is off with the lines and the odds of ends that the other ones give. The looks are kept in the
folder (see `firstlooks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from MVGCore.evaluation.confidence import ConfidenceRun, dice_pairs
from MVGCore.evaluation.ends import all_endings, left_out
from MVGCore.evaluation.firstlooks import (
    KeptSession,
    Setting,
    first_look,
    fit_cases,
    model_and_folder,
    settings,
)
from MVGCore.evaluation.tables import table
from MVGCore.models.base import InContextModel
from MVGCore.segmentation.fuse.ends import EndModel
from MVGCore.segmentation.review.expected_dice import DiceLine, DiceLines

# Pulls a slope towards 1, as if so much had been seen that states what is true: an expectation that swings
# farther than what it is made of jumps from one correction to the next, and is worse on other data sets.
SLOPE_PENALTY = 0.01
OF_NORMAL = 0.8  # mean absolute deviation of a normal distribution, in standard deviations
LEVELS = ("of_class", "of_slice", "of_volume")

Floats = NDArray[np.float64]
Pairs = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Judged:
    """What a run states, and what is true.

    Attributes:
        group: data set.
        of_class, of_slice, of_volume: (stated, true) Dice.
    """

    group: str
    of_class: Pairs
    of_slice: Pairs
    of_volume: Pairs


def judged(setting: Setting, model: InContextModel, folder: Path, end_model: EndModel) -> Judged:
    """A first look, which is kept in a folder."""
    done = KeptSession(setting, first_look(setting, model, folder), model, end_model).done()
    run = ConfidenceRun(setting.case.id, setting.example, setting.slices, done)
    return Judged(setting.case.group, *dice_pairs(run))


def fit_line(pairs: Pairs, weights: Sequence[float] | None = None) -> DiceLine:
    """The true Dice and its scatter as lines in the stated one."""
    stated, true = np.array(pairs).T
    weight = np.ones(len(stated)) if weights is None else np.array(weights)
    slope, offset = _straight(stated, true, weight, SLOPE_PENALTY)
    value = np.clip(offset + slope * stated, 0, 1)
    spread_slope, spread = _straight(1 - value, np.abs(true - value) / OF_NORMAL, weight)
    return DiceLine(*(round(float(each), 3) for each in (offset, slope, spread, spread_slope)))


def _straight(x: Floats, y: Floats, weight: Floats, penalty: float = 0.0) -> tuple[float, float]:
    """Slope and offset of y in x by least squares, the smallest ones if x is always the same; the slope is
    drawn to 1 by a penalty."""
    share = np.sqrt(weight / weight.sum())
    design = np.stack((x, np.ones_like(x)), 1) * share[:, None]
    design = np.concatenate((design, [[penalty**0.5, 0.0]]))
    solution = np.linalg.lstsq(design, np.append(y * share, penalty**0.5), rcond=None)[0]
    return float(solution[0]), float(solution[1])


def fit_lines(runs: Sequence[Judged]) -> DiceLines:
    """The lines of classes, slices and volumes; data sets count alike, and so do the runs of each."""
    of_group = Counter(run.group for run in runs)
    lines = []
    for level in LEVELS:
        pairs, weights = [], []
        for run in runs:
            values = getattr(run, level)
            pairs += values
            weights += [1 / len(values) / of_group[run.group]] * len(values)
        lines.append(fit_line(pairs, weights))
    return DiceLines(*lines)


def off(pairs: Pairs, line: DiceLine) -> str:
    """Mean distance of the expected Dice from the true one, and the mean of expected less true."""
    away = np.array([line(stated).value - true for stated, true in pairs])
    return f"{np.abs(away).mean():.3f} ({away.mean():+.3f})"


def worst_first(pairs: Pairs) -> float:
    """Share of the truly worst tenth that lies in the fifth that is listed first, as it states the least."""
    stated, true = np.array(pairs).T
    worst = np.argsort(true)[: max(1, len(true) // 10)]
    listed = np.argsort(stated)[: max(1, len(true) // 5)]
    return float(np.isin(worst, listed).mean())


def _rank_correlation(pairs: Pairs) -> float:
    stated, true = np.array(pairs).T
    return float(spearmanr(stated, true).statistic)


def left_out_table(runs: Sequence[Judged]) -> str:
    """How far the expected Dice is off on each data set, with the lines that the others give."""
    rows = []
    for group in dict.fromkeys(run.group for run in runs):
        lines = fit_lines([run for run in runs if run.group != group])
        own = [run for run in runs if run.group == group]
        pairs = {level: [pair for run in own for pair in getattr(run, level)] for level in LEVELS}
        volumes = pairs["of_volume"]
        spread = np.mean([lines.of_volume(stated).error for stated, _ in volumes]) * OF_NORMAL
        rows.append(
            [group, str(len(own)), *(off(pairs[level], getattr(lines, level)) for level in LEVELS)]
            + [f"{spread:.3f}", f"{_rank_correlation(volumes):.2f}"]
            + [f"{worst_first(volumes):.0%}"]
        )
    heads = ["data set", "runs", "of a class", "of a slice", "of a volume", "error that it expects"]
    return table([*heads, "rank correlation", "worst tenth in the first fifth"], rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the constants and the table."""
    model, folder = model_and_folder(argv, __doc__.splitlines()[0])
    models = left_out(*all_endings(model, folder))
    runs = [
        judged(setting, model, folder, models[case.group])
        for case in fit_cases()
        for setting in settings(case)
    ]
    print(fit_lines(runs))
    print(left_out_table(runs))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
