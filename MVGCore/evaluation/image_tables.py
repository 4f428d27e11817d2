"""The results of the image tasks, as rows and Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from MVGCore.evaluation.tables import table
from MVGCore.metrics import mean

TASKS = {"denoise": "Denoising", "inpaint": "Inpainting", "synthesize": "Synthesis"}
_MISSING = "-"


@dataclass(frozen=True)
class ImageRow:
    """One method on one problem.

    Attributes:
        task: "denoise", "inpaint" or "synthesize".
        case: the case.
        condition: what was done to it.
        choice: which choice of examples, from 0.
        method: the method's name.
        settings: everything else that the method was built with.
        seconds: time of the call, warm.
        memory_mb: highest resident memory of the method's process.
        psnr: peak signal-to-noise ratio in dB, against the window of the answer; None after a failure.
        ssim: mean structural similarity.
        mae: mean absolute error as a share of that window.
        error: why there is no result.
    """

    task: str
    case: str
    condition: str
    choice: int
    method: str
    settings: str
    seconds: float | None = None
    memory_mb: float | None = None
    psnr: float | None = None
    ssim: float | None = None
    mae: float | None = None
    error: str = ""

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> ImageRow:
        """Inverse of `to_line`.

        Raises:
            json.JSONDecodeError: The line is not JSON.
            TypeError: It is, but not of a row.
        """
        return cls(**json.loads(line))


@dataclass(frozen=True)
class ImageReport:
    """All rows of the image tasks, and notes on what was skipped."""

    rows: tuple[ImageRow, ...]
    notes: tuple[str, ...] = ()


def image_markdown(report: ImageReport) -> str:
    """The tables of the image tasks: for each task all methods, then condition by condition, then case by
    case."""
    parts = [
        "# Image tasks",
        "PSNR in dB (more is better) and mean absolute error in % of the intensity window of the truth (less "
        "is better); SSIM 0 to 1. Denoising is scored on whole slices, inpainting inside the holes only, "
        "synthesis on the slices that were not given as examples. All methods see the same volumes and are "
        "scored on the same slices; the classical denoisers are told the true strength of the noise, MVG is "
        "told nothing. Means over all conditions and cases, each weighing the same.",
    ]
    for task, title in TASKS.items():
        rows = [row for row in report.rows if row.task == task]
        if rows:
            parts += [f"## {title}", _summary(rows), _by_condition(rows), _by_case(rows)]
            if task == "synthesize":
                parts += [_sensitivity(rows)]
    failed = [f"{row.method} on {row.case}, {row.condition}: {row.error}" for row in report.rows if row.error]
    if remarks := [*report.notes, *failed]:
        parts += ["## Notes on the image tasks", "\n".join(f"- {remark}" for remark in remarks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(rows: Sequence[ImageRow]) -> str:
    lines = []
    for method in _methods(rows):
        own = [row for row in rows if row.method == method]
        solved = [row for row in own if not row.error]
        memory = max((row.memory_mb for row in solved if row.memory_mb is not None), default=None)
        lines.append(
            [
                method,
                _number(mean(row.psnr for row in solved), 2),
                _number(mean(row.ssim for row in solved), 3),
                _percent(mean(row.mae for row in solved)),
                _number(mean(row.seconds for row in solved), 1),
                _number(memory, 0),
                str(len(solved)) if len(solved) == len(own) else f"{len(solved)} of {len(own)}",
            ]
        )
    return table(["method", "PSNR", "SSIM", "MAE %", "seconds", "peak MB", "problems"], lines)


def _by_condition(rows: Sequence[ImageRow]) -> str:
    conditions = list(dict.fromkeys(row.condition for row in rows))
    return "PSNR and MAE % by condition, means over cases and choices.\n\n" + _grid(
        rows, conditions, "condition"
    )


def _by_case(rows: Sequence[ImageRow]) -> str:
    cases = list(dict.fromkeys(row.case for row in rows))
    return "The same by case, means over conditions.\n\n" + _grid(rows, cases, "case")


def _grid(rows: Sequence[ImageRow], names: Sequence[str], key: str) -> str:
    methods = _methods(rows)
    lines = []
    for name in names:
        cells = []
        for method in methods:
            own = [r for r in rows if getattr(r, key) == name and r.method == method and not r.error]
            psnr, mae = mean(row.psnr for row in own), mean(row.mae for row in own)
            cells.append(f"{_number(psnr, 2)} / {_percent(mae)}" if own else _MISSING)
        lines.append([name, *cells])
    return table([key, *methods], lines)


def _sensitivity(rows: Sequence[ImageRow]) -> str:
    """How much the choice of the example slices matters."""
    lines = []
    for method in _methods(rows):
        spreads, means = [], []
        own = [row for row in rows if row.method == method and row.mae is not None]
        for place in dict.fromkeys((row.case, row.condition) for row in own):
            maes = [row.mae for row in own if (row.case, row.condition) == place and row.mae is not None]
            if len(maes) > 1:
                means.append(float(np.mean(maes)))
                spreads.append(float(np.std(maes, ddof=1)))
        if spreads:
            lines.append([method, _percent(mean(means)), _percent(mean(spreads))])
    if not lines:
        return ""
    text = "Choice of examples: MAE % over three choices of five slices, mean and standard deviation.\n\n"
    return text + table(["method", "mean", "spread"], lines)


def _methods(rows: Sequence[ImageRow]) -> list[str]:
    return list(dict.fromkeys(row.method for row in rows))


def _number(value: float | None, digits: int) -> str:
    return _MISSING if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return _number(None if value is None else value * 100, 2)
