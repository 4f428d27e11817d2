"""Propagation: from labelled slices to all slices of a volume."""

from __future__ import annotations

from MVGCore.segmentation.cache import Memo
from MVGCore.segmentation.fuse.assemble import SliceResult
from MVGCore.segmentation.fuse.mixture import USUAL, blend
from MVGCore.segmentation.plan.plan import ClassGroup, Plan, make_plan
from MVGCore.segmentation.predict.context import GroupContext, Hint, encode_prompts, generate
from MVGCore.segmentation.propagator import Progress, Propagator
from MVGCore.segmentation.result import Result, ResultCanvas

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
