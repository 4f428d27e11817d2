"""Tells how far the shipped confidence and expected Dice are off on volumes of the benchmark.

    python -m MVGCore.evaluation.confidence_check --every 3

The cases took no part in the fit, and most show anatomy that it has not seen (see `confidence`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from MVGCore.evaluation.annotation import case_parser, chosen_cases
from MVGCore.evaluation.confidence import (
    BETWEEN,
    BEYOND,
    ConfidenceRun,
    Pixels,
    calibration_error,
    dice_pairs,
    joined,
    runs,
    sample,
)
from MVGCore.evaluation.tables import table
from MVGCore.models.registry import load
from MVGCore.segmentation.fuse.calibration import SHIPPED_CALIBRATION, Curve
from MVGCore.segmentation.review.expected_dice import SHIPPED_LINES

KINDS = ((BETWEEN, True), (BETWEEN, False), (BEYOND, True), (BEYOND, False))
HEAD = (
    "data set",
    "cases",
    "between, class",
    "between, background",
    "beyond, class",
    "beyond, background",
    "Dice of a class",
    "Dice of a volume",
)


@dataclass
class CheckedRuns:
    """What was found of some cases.

    Attributes:
        cases: their names.
        samples: per kind of pixels those of each run.
        of_class, of_volume: (expected, true) Dice.
    """

    cases: set[str] = field(default_factory=set)
    samples: dict[tuple[str, bool], list[Pixels]] = field(default_factory=lambda: defaultdict(list))
    of_class: list[tuple[float, float]] = field(default_factory=list)
    of_volume: list[tuple[float, float]] = field(default_factory=list)

    def add(self, run: ConfidenceRun, rng: np.random.Generator) -> None:
        """Count a run in."""
        self.cases.add(run.case)
        for kind in KINDS:
            pixels = sample(run, *kind, rng)
            if len(pixels.stated):
                self.samples[kind].append(pixels)
        classes, _, volume = dice_pairs(run)
        self.of_class += [(SHIPPED_LINES.of_class(stated).value, true) for stated, true in classes]
        self.of_volume += [(SHIPPED_LINES.of_volume(stated).value, true) for stated, true in volume]

    def row(self, name: str) -> list[str]:
        """Errors of confidence and of the expected Dice, as a row of the table."""
        errors = [
            f"{calibration_error(joined(self.samples[kind]), Curve()):.3f}" if self.samples[kind] else "-"
            for kind in KINDS
        ]
        return [name, str(len(self.cases)), *errors, _off(self.of_class), _off(self.of_volume)]


def check(checked: Iterable[tuple[str, ConfidenceRun]]) -> list[list[str]]:
    """Rows of the table, one of each data set and one of all.

    Args:
        checked: data set and run, propagated with the shipped calibration.
    """
    rng = np.random.default_rng(0)
    groups: dict[str, CheckedRuns] = defaultdict(CheckedRuns)
    together = CheckedRuns()
    for group, run in checked:
        groups[group].add(run, rng)
        together.add(run, rng)
    return [*(each.row(name) for name, each in sorted(groups.items())), together.row("all")]


def _off(pairs: Sequence[tuple[float, float]]) -> str:
    """Mean distance of the expected Dice from the true one; in brackets above (+) or below (-) on average."""
    if not pairs:
        return "-"
    expected, true = np.array(pairs).T
    return f"{np.abs(expected - true).mean():.3f} ({(expected - true).mean():+.3f})"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table."""
    options = case_parser(__doc__.splitlines()[0], 3).parse_args(argv)
    model = load(options.model, "cpu")
    cases = chosen_cases("bench", options.every, options.cases)
    group_of = {case.id: case.group for case in cases}
    print(table(HEAD, check((group_of[run.case], run) for run in runs(model, cases, SHIPPED_CALIBRATION))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
