"""The protocol of a task: how its answers become colours, and colours answers.

A model sees nothing but colours.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Task(Protocol):
    """One kind of question that can be asked by example."""

    @property
    def name(self) -> str:
        """Which kind: "segmentation", "synthesis", "denoising" or "inpainting"."""

    def encode(self, answer: Tensor) -> Tensor:
        """Answers (T, H, W) -> colours (T, 3, H, W) in 0..1: what prompts show and targets should become."""

    def decode(self, colours: Tensor) -> Tensor:
        """Colours (T, 3, H, W) -> planes (T, C, H, W): class probabilities, or one plane of intensities."""

    def loss(self, colours: Tensor, answer: Tensor) -> Tensor:
        """Loss of generated colours (T, 3, H, W) for the true answers (T, H, W); one number."""
