"""Prompts: labelled slices that serve as examples, with all that is needed to use them on another image, and
what the user knows of slices that are not labelled."""

from __future__ import annotations

from MVGCore.prompts.absence import Absence, Presence, image_digest
from MVGCore.prompts.intensity import IntensityRange
from MVGCore.prompts.overlap import (
    LayeredPrompt,
    fewest_planes,
    passes_of,
    passes_of_slices,
    read_overlapping,
    without_overlap,
)
from MVGCore.prompts.prompt import Prompt, main_axis
from MVGCore.prompts.promptset import PromptSet
from MVGCore.volume import AXIS_NAMES

__all__ = [
    "AXIS_NAMES",
    "Absence",
    "IntensityRange",
    "LayeredPrompt",
    "Presence",
    "Prompt",
    "PromptSet",
    "fewest_planes",
    "image_digest",
    "main_axis",
    "passes_of",
    "passes_of_slices",
    "read_overlapping",
    "without_overlap",
]
