"""In-context models: the registry's doors, without importing torch before a model is built."""

from __future__ import annotations

from MVGCore.models.registry import ModelInfo, ModelSpec, create, describe, load, names, register
from MVGCore.models.weights import bundled_weights, load_weights, save_weights

__all__ = [
    "ModelInfo",
    "ModelSpec",
    "bundled_weights",
    "create",
    "describe",
    "load",
    "load_weights",
    "names",
    "register",
    "save_weights",
]
