"""Propagation: from labelled slices to all slices of a volume."""

from __future__ import annotations

from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.fuse.assemble import SliceResult
from MVGCore.segmentation.fuse.mixture import USUAL_SHARES, blend
from MVGCore.segmentation.plan.plan import ClassGroup, Plan, make_plan
from MVGCore.segmentation.predict.context import DraftHint, GroupContext, generate
from MVGCore.segmentation.predict.encodings import Encodings, encode_prompts
from MVGCore.segmentation.propagator import Progress, Propagator
from MVGCore.segmentation.result import Result, ResultCanvas

__all__ = [
    "ClassGroup",
    "GroupContext",
    "DraftHint",
    "Encodings",
    "ContentCache",
    "Plan",
    "Progress",
    "Propagator",
    "Result",
    "ResultCanvas",
    "USUAL_SHARES",
    "SliceResult",
    "blend",
    "encode_prompts",
    "generate",
    "make_plan",
]
