"""Propagation: from labelled slices to all slices of a volume."""

from __future__ import annotations

from MVGCore.propagation.assemble import SliceResult
from MVGCore.propagation.context import GroupContext, Hint, encode_prompts, generate
from MVGCore.propagation.memo import Memo
from MVGCore.propagation.mixture import USUAL, blend
from MVGCore.propagation.plan import ClassGroup, Plan, make_plan
from MVGCore.propagation.propagate import Progress, Propagator
from MVGCore.propagation.result import Result, ResultCanvas

__all__ = [
    "ClassGroup",
    "GroupContext",
    "Hint",
    "Memo",
    "Plan",
    "Progress",
    "Propagator",
    "Result",
    "ResultCanvas",
    "USUAL",
    "SliceResult",
    "blend",
    "encode_prompts",
    "generate",
    "make_plan",
]
