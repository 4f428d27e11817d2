"""The trainer: resumable, by wall-clock time, with an averaged copy of the weights that is what gets
shipped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from MVGCore.errors import InputError
from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device, autocast, select_device
from MVGCore.models.registry import create
from MVGCore.models.weights import save_weights
from MVGCore.training.config import TrainConfig
from MVGCore.training.episodes import Batch, EpisodeSampler
from MVGCore.training.held_out import score_held_out
from MVGCore.training.pool import PoolBuilder, load_pool
from MVGCore.training.stack import Stack

Log = Callable[[str], None]
LOG_STEPS = 50


class _Stream(IterableDataset):
    """Batches of a sampler; each worker and each start of the loader has its own randomness."""

    def __init__(self, stacks: list[Stack], config: TrainConfig, side: int, start: int) -> None:
        self.stacks, self.config, self.side, self.start = stacks, config, side, start

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        number = 0 if worker is None else worker.id
        rng = np.random.default_rng([self.config.seed, 3, self.start, number])
        return iter(EpisodeSampler(self.stacks, self.config.episodes, self.side, rng))


def _loader(stacks: list[Stack], config: TrainConfig, side: int, start: int) -> Iterator[Batch]:
    stream = _Stream(stacks, config, side, start)
    return iter(
        DataLoader(
            stream, batch_size=None, num_workers=config.workers, prefetch_factor=6 if config.workers else None
        )
    )


def _to(batch: Batch, device: Device) -> Batch:
    place = device.torch_device
    return replace(
        batch,
        prompts=batch.prompts.to(place),
        target=batch.target.to(place),
        answer=batch.answer.to(place),
    )


class _Every:
    """True once in every `period` of a growing number."""

    def __init__(self, period: float, start: float) -> None:
        self._period, self._last = period, start

    def __call__(self, now: float) -> bool:
        due = now - self._last >= self._period
        if due:
            self._last = now
        return due


@dataclass
class Trainer:
    """One run. `run()` trains until the time or the steps are used up; everything of it lies in
    `config.out`."""

    config: TrainConfig
    log: Log = print
    step: int = field(default=0, init=False)
    elapsed: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        torch.manual_seed(self.config.seed)
        self.device = select_device("auto")
        self.model = _placed(self.config.model, self.device)
        self.averaged = _placed(self.config.model, self.device)
        self.averaged.load_state_dict(self.model.state_dict())
        self.optimizer = torch.optim.AdamW(
            _groups(self.model, self.config.weight_decay), lr=self.config.learning_rate, betas=(0.9, 0.98)
        )
        self.checkpoint = self.config.out / "checkpoint.pt"
        if self.config.resume:
            self._resume()

    @property
    def fraction(self) -> float:
        """Share of the run that is done, 0..1."""
        return min(1.0, max(self.elapsed / (60 * self.config.minutes), self.step / self.config.steps))

    def run(self, stacks: list[Stack], held_out: list[Batch]) -> None:
        """Train on stacks, scoring on prepared held-out batches."""
        before, begun = self.elapsed, time.monotonic()
        score_due = _Every(60 * self.config.evaluate_minutes, before)
        save_due = _Every(60 * self.config.checkpoint_minutes, before)
        side = self._side()
        batches = _loader(stacks, self.config, side, self.step)
        losses: dict[str, list[float]] = {}
        while self.fraction < 1:
            if self._side() != side:
                side = self._side()
                batches = _loader(stacks, self.config, side, self.step)
            batch = _to(next(batches), self.device)
            losses.setdefault(batch.task.name, []).append(self._train_step(batch))
            self.elapsed = before + time.monotonic() - begun
            if self.step % LOG_STEPS == 0:
                self._record({name: round(float(np.mean(each)), 4) for name, each in losses.items()})
                losses = {}
            if save_due(self.elapsed):
                self.save()
            if score_due(self.elapsed):
                self._score(held_out)
        self._score(held_out)
        self.save()

    def _score(self, held_out: list[Batch]) -> None:
        score = score_held_out(self.averaged, held_out, self.device)
        self._record({name: round(value, 4) for name, value in vars(score).items()})

    def _side(self) -> int:
        return self.config.small_side if self.fraction < self.config.small_share else self.config.side

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warmup_steps)
        return (
            self.config.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.fraction)))
        )

    def _train_step(self, batch: Batch) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        with autocast(self.device):
            generated = self.model(batch.prompts, batch.target)
        loss = batch.task.loss(generated, batch.answer)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.step += 1
        self._average()
        return float(loss.detach())

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1 - decay)

    def _record(self, values: dict[str, float]) -> None:
        row = {
            "step": self.step,
            "minutes": round(self.elapsed / 60, 2),
            "rate": round(self._rate(), 6),
            **values,
        }
        with open(self.config.out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.log(json.dumps(row))

    def save(self) -> None:
        """Write the checkpoint (to resume) and the averaged weights (to use)."""
        state = {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
        }
        temporary = self.checkpoint.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)
        facts = {
            "step": str(self.step),
            "minutes": f"{self.elapsed / 60:.0f}",
            "licence": "Apache-2.0",
            "training": json.dumps(_settings(self.config)),
        }
        save_weights(self.averaged, self.config.out / f"{self.config.model}.safetensors", facts, half=True)

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            raise InputError(f"There is no run to resume in {self.config.out}; start it without --resume.")
        state = torch.load(self.checkpoint, map_location=self.device.torch_device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed = int(state["step"]), float(state["elapsed"])


def _tenths(log: Log) -> Callable[[float, str], None]:
    """A progress callback that logs every tenth of the pool."""
    told: set[int] = set()

    def progress(fraction: float, name: str) -> None:
        tenth = int(10 * fraction)
        if tenth not in told:
            told.add(tenth)
            log(f"preparing the pool: {fraction:.0%} ({name})")

    return progress


def _settings(config: TrainConfig) -> dict[str, object]:
    """What to tell of a run in its weights: all settings but the folders, which concern nobody else."""
    return {name: value for name, value in asdict(config).items() if not isinstance(value, Path)}


def _placed(name: str, device: Device) -> InContextModel:
    """A new model on a device, its kernels in the layout that convolutions are fastest in."""
    return create(name).to(device.torch_device).to(memory_format=torch.channels_last)


def _groups(model: InContextModel, decay: float) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels only."""
    large = [p for p in model.parameters() if p.ndim > 1]
    small = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": large, "weight_decay": decay}, {"params": small, "weight_decay": 0.0}]


def train(config: TrainConfig, log: Log = print) -> Path:
    """Build what the pool lacks, train, and return the path of the averaged weights."""
    if config.threads:
        torch.set_num_threads(config.threads)
    config.out.mkdir(parents=True, exist_ok=True)
    pool = config.pool or config.out / "pool"
    PoolBuilder(config.data, pool, config.seed).build(config.per_case, config.synthetic, _tenths(log))
    stacks, held = load_pool(pool, "train"), load_pool(pool, "held_out")
    if not stacks or not held:
        raise InputError(f"The pool {pool} holds no stacks; raise --set synthetic=N or give --data.")
    log(f"{len(stacks)} stacks to train on, {len(held)} held out")
    trainer = Trainer(config, log)
    sampler = EpisodeSampler(held, config.episodes, config.side, np.random.default_rng([config.seed, 4]))
    batches = [_to(sampler.batch(), trainer.device) for _ in range(config.held_out_batches)]
    trainer.run(stacks, batches)
    return config.out / f"{config.model}.safetensors"
