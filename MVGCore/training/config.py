"""Everything a training run can be told, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from MVGCore.errors import InputError
from MVGCore.training.datasets import DataSet
from MVGCore.training.episodes import EpisodeConfig
from MVGCore.training.stack import StackConfig

NO_LIMIT = 1e9  # minutes


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run; with the same settings, seed and number of steps a run repeats itself.

    Attributes:
        sets: data sets to train on; without any only synthetic scenes are.
        data_root: folder in which their relative folders lie.
        out: folder of the run: checkpoint, log, plot, weights.
        pool: folder of the prepared stacks; by default inside `out`.
        minutes: wall-clock time of training, which also sets the learning rate's schedule.
        steps: stop after so many steps, if that comes first.
        epochs: length of the run instead of `minutes` and `steps`, where it is not 0; in an epoch as many
            targets are drawn as there are slices in the training stacks.
        seed: of the pool, the episodes and the network.
        resume: go on from the run's checkpoint.
        model: name of the network to train.
        network: sizes of it that differ from its own, e.g. {"drop_path": 0.2}.
        weights: begin a run with these weights instead of random ones.
        per_case, synthetic: stacks to prepare of every training case, and synthetic ones.
        self_labelled: stacks to prepare of every case with structures of its image instead of its labels.
        stacks: how they are cut.
        small_side, side: canvas in pixels at first and later; small_share: share of the time with the small
            one.
        learning_rate, weight_decay, betas, warmup_steps, clip, ema: of the optimiser.
        warmup_epochs: replaces `warmup_steps`, where it is not 0.
        rate_floor: share of the learning rate that its cosine ends at.
        layer_decay: factor by which a block of a vit learns slower than the next one.
        evaluate_minutes, held_out_batches: how often and on how much the held-out stacks are scored.
        checkpoint_minutes: how often the run is saved.
        streams: independent streams of episodes per step, each from its own share of the stacks. Several
            processes divide them, so two processes learn what one with two streams learns.
        in_memory: keep all stacks of the process's streams in memory; otherwise they are read when drawn.
        workers: processes that draw episodes, for each stream; 0: the training process itself.
        threads: torch threads, 0 for all.
    """

    sets: tuple[DataSet, ...] = ()
    data_root: Path = Path()
    out: Path = Path("runs/compact")
    pool: Path | None = None
    minutes: float = 90.0
    steps: int = 1_000_000
    epochs: float = 0.0
    seed: int = 0
    resume: bool = False
    model: str = "compact"
    network: dict[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    per_case: int = 4
    synthetic: int = 2000
    self_labelled: int = 2
    stacks: StackConfig = field(default_factory=StackConfig)
    small_side: int = 96
    side: int = 128
    small_share: float = 0.45
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.98)
    layer_decay: float = 1.0
    rate_floor: float = 0.01
    warmup_steps: int = 150
    warmup_epochs: float = 0.0
    clip: float = 1.0
    ema: float = 0.998
    evaluate_minutes: float = 10.0
    held_out_batches: int = 24
    checkpoint_minutes: float = 3.0
    streams: int = 1
    in_memory: bool = True
    workers: int = 1
    threads: int = 0
    episodes: EpisodeConfig = field(default_factory=EpisodeConfig)

    def __post_init__(self) -> None:
        if self.episodes.hints.draft and not self.stacks.drafts:
            raise InputError(
                "Targets with a draft need drafts in the stacks: set stacks.drafts to 2, or "
                "episodes.hints.draft to 0 and episodes.hints.hidden to 1."
            )
        if self.warmup_epochs and not self.epochs:
            raise InputError("A warm-up in epochs needs a run in epochs: set epochs, or use warmup_steps.")

    @property
    def located_sets(self) -> tuple[DataSet, ...]:
        """The data sets with their whole paths."""
        return tuple(replace(each, folder=self.data_root / each.folder) for each in self.sets)

    @property
    def batch(self) -> int:
        """Targets of a step."""
        return self.streams * self.episodes.sets * self.episodes.targets

    def in_steps(self, slices: int) -> TrainConfig:
        """The same run with its epochs as steps, for training stacks of so many slices."""
        if not self.epochs:
            return self
        epoch = max(1.0, slices / self.batch)
        warmup = round(self.warmup_epochs * epoch) if self.warmup_epochs else self.warmup_steps
        return replace(
            self,
            minutes=NO_LIMIT,
            steps=max(1, round(self.epochs * epoch)),
            warmup_steps=max(1, warmup),
            epochs=0.0,
            warmup_epochs=0.0,
        )
