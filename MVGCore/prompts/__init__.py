"""Prompts: labelled slices that serve as examples, with all that is needed to use them on another image."""

from __future__ import annotations

from MVGCore.prompts.prompt import AXIS_NAMES, Prompt
from MVGCore.prompts.promptset import PromptSet

__all__ = ["AXIS_NAMES", "Prompt", "PromptSet"]
