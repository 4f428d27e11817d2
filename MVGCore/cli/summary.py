"""What a person wants to read after a segmentation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.cli.console import table
from MVGCore.prompts import AXIS_NAMES
from MVGCore.report.run_report import summarise_classes

if TYPE_CHECKING:
    from MVGCore.outcomes import Estimate
    from MVGCore.session import Result


def summary(result: Result, output: Path, seconds: float | None = None) -> str:
    """Returns what a person wants to read after a run.

    Args:
        result: what came of it.
        output: where it was written.
        seconds: wall-clock time of all that was done for it; None: of the run alone.
    """
    rows = [
        [
            report.name,
            f"{report.voxels:,}",
            f"{report.millilitres:,.1f}",
            _percent(report.confidence),
            estimate(result.class_dice.get(report.id)),
        ]
        for report in summarise_classes(result)
    ]
    slices = ", ".join(str(index) for index in result.prompt_slices)
    lines = [table(["class", "voxels", "ml", "confidence", "expected Dice"], rows), ""]
    if slices:
        lines.append(f"Examples: slices {slices} along {AXIS_NAMES[result.axis]} (counted from 0).")
    if result.expected_dice is not None:
        lines.append(f"Expected Dice: {estimate(result.expected_dice)}.")
    if result.next_slice is not None:
        lines.append(f"Label next: slice {result.next_slice}, from which the result should gain most.")
    if (question := result.next_question) is not None:
        name = next(each.name for each in result.labels.classes if each.id == question.class_id)
        lines.append(
            f"Quicker still: is there '{name}' on slice {question.index}? If not, say where it ends with "
            f"--ends '{name}:FIRST-LAST'."
        )
    # Of the run's stages only the whole counts: the others are within it, and some ran side by side.
    took = result.seconds["propagate"] if seconds is None else seconds
    lines += [*result.notes, f"Wrote {output} in {took:.1f} s on {result.device}."]
    return "\n".join(lines)


def estimate(expected: Estimate | None) -> str:
    """An expected Dice with its error, as a person reads it."""
    return "-" if expected is None else f"{expected.value:.2f} ± {expected.error:.2f}"


def _percent(confidence: float | None) -> str:
    return "-" if confidence is None else f"{confidence:.0%}"
