"""The cases that the benchmark runs on, by suite or by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from MVGCore.errors import InputError
from MVGCore.evaluation.cases import BenchmarkExample, DemoCase, read_cases

SUITES = {"quick": (3, 5), "full": (1, 3, 5, 10)}
# The first cases of every group, fixed before any result was seen, small enough for ten minutes on two cores.
QUICK_CASES = (
    "hippocampus_300",
    "hippocampus_301",
    "head_neck_pt_242",
    "head_neck_pt_243",
    "FVB_NCrl_in_vivo_1",
    "abdomen_ct",
    "abdomen_mr",
    "pgbm001",
    "spinal_t2",
    "spinal_t2s_grey",
    "t1_template",
)


class BenchmarkCase(Protocol):
    """What the benchmark asks of a case."""

    @property
    def id(self) -> str:
        """Unique name."""
        ...

    @property
    def group(self) -> str:
        """The data set it belongs to."""
        ...

    def load(self) -> BenchmarkExample:
        """Reads image and truth."""
        ...


@dataclass(frozen=True)
class CaseList:
    """Cases to run, and notes on those that are not there."""

    cases: tuple[BenchmarkCase, ...]
    notes: tuple[str, ...] = ()


def suite_cases(suite: str) -> CaseList:
    """The cases of a suite that are there: those of MVG_DATA, and the brain template of nilearn.

    Raises:
        InputError: There is no such suite.
    """
    if suite not in SUITES:
        raise InputError(f"There is no suite {suite!r}: choose one of {', '.join(SUITES)}.")
    cases: list[BenchmarkCase] = []
    notes = []
    try:
        cases += read_cases("bench")
    except InputError as error:
        notes.append(f"The cases of MVG_DATA were skipped: {error}")
    if importlib.util.find_spec("nilearn") is not None:
        cases.append(DemoCase())
    else:
        notes.append(
            'The brain template was skipped: it comes with nilearn (pip install "mvg-slicer[demo]").'
        )
    return CaseList(tuple(c for c in cases if suite == "full" or c.id in QUICK_CASES), tuple(notes))


def named_cases(names: Sequence[str]) -> tuple[BenchmarkCase, ...]:
    """These cases, in this order.

    Raises:
        InputError: One of them is not there; the message lists those that are.
    """
    there = suite_cases("full")
    by_id = {case.id: case for case in there.cases}
    if unknown := [name for name in names if name not in by_id]:
        raise InputError(f"There is no case {', '.join(unknown)}: choose from {', '.join(by_id)}.")
    return tuple(by_id[name] for name in names)
