"""Training: synthetic and real episodes, the hybrid objective, the trainer."""

from __future__ import annotations

from MVGCore.training.config import TrainConfig
from MVGCore.training.run import preview, train

__all__ = ["TrainConfig", "preview", "train"]
