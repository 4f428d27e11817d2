"""Everything a training run can be told, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from MVGCore.training.episodes import EpisodeConfig


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run; with the same settings, seed and number of steps a run repeats itself.

    Attributes:
        data: folder with `index.json`; without it only synthetic scenes are trained on.
        out: folder of the run: checkpoint, log, plot, weights.
        pool: folder of the prepared stacks; by default inside `out`.
        minutes: wall-clock time of training, which also sets the learning rate's schedule.
        steps: stop after so many steps, if that comes first.
        seed: of the pool, the episodes and the network.
        resume: go on from the run's checkpoint.
        model: name of the network to train.
        weights: begin a run with these weights instead of random ones.
        per_case, synthetic: stacks to prepare of every training case, and synthetic ones.
        small_side, side: canvas in pixels at first and later; small_share: share of the time with the small
            one.
        learning_rate, weight_decay, warmup_steps, clip, ema: of the optimiser.
        evaluate_minutes, held_out_batches: how often and on how much the held-out stacks are scored.
        checkpoint_minutes: how often the run is saved.
        streams: independent streams of episodes per step, each from its own share of the stacks. Several
            processes divide them, so two processes learn what one with two streams learns.
        workers: processes that draw episodes, for each stream; 0: the training process itself.
        threads: torch threads, 0 for all.
    """

    data: Path | None = None
    out: Path = Path("runs/compact")
    pool: Path | None = None
    minutes: float = 90.0
    steps: int = 1_000_000
    seed: int = 0
    resume: bool = False
    model: str = "compact"
    weights: Path | None = None
    per_case: int = 4
    synthetic: int = 2000
    small_side: int = 96
    side: int = 128
    small_share: float = 0.45
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 150
    clip: float = 1.0
    ema: float = 0.998
    evaluate_minutes: float = 10.0
    held_out_batches: int = 24
    checkpoint_minutes: float = 3.0
    streams: int = 1
    workers: int = 1
    threads: int = 0
    episodes: EpisodeConfig = field(default_factory=EpisodeConfig)
