"""Propagation: from labelled slices to all slices of a volume."""

from __future__ import annotations

from MVGCore.propagation.plan import ClassGroup, Plan, make_plan
from MVGCore.propagation.propagate import Progress, Propagator, SliceResult

__all__ = ["ClassGroup", "Plan", "Progress", "Propagator", "SliceResult", "make_plan"]
