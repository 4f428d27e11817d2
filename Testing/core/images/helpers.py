"""A model that repeats what it is given, and callbacks that write down what they hear."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from MVGCore.models.base import InContextModel, PromptBatch, PromptMemory, TargetBatch


class Repeater(InContextModel):
    """Answers with the draft it is given, plus `change`; remembers what it was shown."""

    canvas_sides = (64, 96)

    def __init__(self, change: float = 0.0) -> None:
        super().__init__()
        self.change = change
        self.prompts: list[PromptBatch] = []
        self.targets: list[TargetBatch] = []

    def encode_prompts(self, prompts: PromptBatch) -> PromptMemory:
        self.prompts.append(prompts)
        return PromptMemory((), prompts.distance, prompts.valid)

    def generate(self, memory: PromptMemory, target: TargetBatch) -> Tensor:
        self.targets.append(target)
        return target.label + self.change


@dataclass
class Listener:
    """Callbacks that write down what they hear, and cancel after some questions."""

    cancel_after: int | None = None
    fractions: list[float] = field(default_factory=list)
    slices: list[Any] = field(default_factory=list)
    asked: int = 0

    def progress(self, fraction: float, text: str) -> None:
        assert text
        self.fractions.append(fraction)

    def cancelled(self) -> bool:
        self.asked += 1
        return self.cancel_after is not None and self.asked > self.cancel_after

    def options(self) -> dict[str, Any]:
        return {"progress": self.progress, "cancelled": self.cancelled, "shown": self.slices.append}
