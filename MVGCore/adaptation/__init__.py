"""Adaptation: seconds of fine-tuning on the labelled slices of one volume."""

from __future__ import annotations

from MVGCore.adaptation.adapt import Adaptation, AdaptConfig
from MVGCore.adaptation.weights import ModelInUse

__all__ = ["AdaptConfig", "Adaptation", "ModelInUse"]
