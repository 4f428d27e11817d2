"""The trainer: resumable, by wall-clock time, with an averaged copy of the weights that is what gets
shipped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from torch.utils.data import DataLoader, IterableDataset

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device, autocast, placed, select_device
from MVGCore.models.registry import create, load
from MVGCore.models.weights import save_weights
from MVGCore.tasks import ImageTask
from MVGCore.training.config import TrainConfig
from MVGCore.training.episode import EpisodeBatch
from MVGCore.training.episodes import EpisodeSampler
from MVGCore.training.held_out import score_held_out
from MVGCore.training.optimiser import parameter_groups
from MVGCore.training.pictures import draw_curves
from MVGCore.training.stack import StackSource

Log = Callable[[str], None]
LOG_STEPS = 50


class _Stream(IterableDataset):
    """Batches of a sampler; each stream, worker and start of the loader has its own randomness."""

    def __init__(
        self, stacks: Sequence[StackSource], config: TrainConfig, side: int, start: int, number: int
    ) -> None:
        self.stacks, self.config, self.side, self.start, self.number = stacks, config, side, start, number

    def __iter__(self) -> Iterator[EpisodeBatch]:
        worker = torch.utils.data.get_worker_info()
        if worker is not None:
            torch.set_num_threads(1)  # of a process of its own
        seed = [self.config.seed, 3, self.start, self.number, 0 if worker is None else worker.id]
        return iter(EpisodeSampler(self.stacks, self.config.episodes, self.side, np.random.default_rng(seed)))


def _loader(
    stacks: Sequence[StackSource], config: TrainConfig, side: int, start: int, number: int
) -> Iterator[EpisodeBatch]:
    stream = _Stream(stacks, config, side, start, number)
    ahead = 6 if config.workers else None
    return iter(DataLoader(stream, batch_size=None, num_workers=config.workers, prefetch_factor=ahead))


def to_device(batch: EpisodeBatch, device: Device) -> EpisodeBatch:
    """The same batch on another device."""
    place = device.torch_device
    task = batch.task
    if isinstance(task, ImageTask):
        region, scale = (None if x is None else x.to(place) for x in (task.region, task.scale))
        task = replace(task, region=region, scale=scale)
    return EpisodeBatch(batch.prompts.to(place), batch.target.to(place), task, batch.answer.to(place))


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
    `config.out`.

    Started by `torchrun`, several processes share the streams of episodes and average their gradients;
    the first of them writes and logs.
    """

    config: TrainConfig
    log: Log = print
    step: int = field(default=0, init=False)
    elapsed: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        torch.manual_seed(self.config.seed)
        self.device = select_device("auto")
        self.accelerator = Accelerator(cpu=self.device.name == "cpu")
        if self.device.name != "cpu":
            self.device = select_device(str(self.accelerator.device))
        if self.config.streams % self.accelerator.num_processes:
            raise InputError(
                f"{self.config.streams} streams cannot be shared by {self.accelerator.num_processes} "
                "processes: set streams to a multiple of the processes."
            )
        self.model = _placed(self.config, self.device)
        if self.config.weights:
            self.model.load_state_dict(load(self.config.weights, self.device).state_dict())
        self.averaged = _placed(self.config, self.device)
        self.averaged.load_state_dict(self.model.state_dict())
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.model, self.config.weight_decay, self.config.layer_decay),
            lr=self.config.learning_rate,
            betas=self.config.betas,
        )
        self.checkpoint = self.config.out / "checkpoint.pt"
        if self.config.resume:
            self._resume()
        self.wrapped = self.accelerator.prepare_model(self.model)

    @property
    def fraction(self) -> float:
        """Share of the run that is done, 0..1."""
        return min(1.0, max(self.elapsed / (60 * self.config.minutes), self.step / self.config.steps))

    @property
    def streams(self) -> range:
        """The streams of episodes that this process draws."""
        return range(self.accelerator.process_index, self.config.streams, self.accelerator.num_processes)

    def count_epochs(self, shares: Mapping[int, Sequence[StackSource]]) -> None:
        """Turn epochs into steps, now that the stacks of all streams are known."""
        slices = torch.tensor(float(sum(stack.facts.depth for share in shares.values() for stack in share)))
        total = self.accelerator.reduce(slices.to(self.device.torch_device))
        self.config = self.config.in_steps(int(total))

    def run(self, shares: Mapping[int, Sequence[StackSource]], held_out: list[EpisodeBatch]) -> None:
        """Train on the stacks of each stream, scoring on prepared held-out batches."""
        before, begun = self.elapsed, time.monotonic()
        score_due = _Every(60 * self.config.evaluate_minutes, before)
        save_due = _Every(60 * self.config.checkpoint_minutes, before)
        side = self._side()
        sources = self._sources(shares, side)
        losses: list[tuple[str, float]] = []
        while self.fraction < 1:
            if self._side() != side:
                side = self._side()
                sources = self._sources(shares, side)
            losses += self._train_step([to_device(next(source), self.device) for source in sources])
            self.elapsed = self._agreed(before + time.monotonic() - begun)
            if self.step % LOG_STEPS == 0:
                self._record(_means(gather_object(losses)))
                losses = []
            if save_due(self.elapsed):
                self.save()
            if score_due(self.elapsed):
                self._score(held_out)
        self._score(held_out)
        self.save()

    def finish(self) -> None:
        """Leave the group of processes, all together.

        A process that ends while the threads of its group still run is aborted by them now and then, and
        `torchrun` then kills the first one before it has written its weights.
        """
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()

    def _sources(
        self, shares: Mapping[int, Sequence[StackSource]], side: int
    ) -> list[Iterator[EpisodeBatch]]:
        return [_loader(share, self.config, side, self.step, number) for number, share in shares.items()]

    def _agreed(self, elapsed: float) -> float:
        """The first process's clock, by which all decide what comes next."""
        if self.accelerator.num_processes == 1:
            return elapsed
        clock = [elapsed]
        broadcast_object_list(clock)
        return clock[0]

    def _score(self, held_out: list[EpisodeBatch]) -> None:
        if not self.accelerator.is_main_process:
            return
        score = score_held_out(self.averaged, held_out, self.device)
        self._record({name: round(value, 4) for name, value in score.values().items()})
        with suppress(MissingExtraError):
            draw_curves(self.config.out / "log.jsonl", self.config.out / "curves.png")

    def _side(self) -> int:
        return self.config.small_side if self.fraction < self.config.small_share else self.config.side

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warmup_steps)
        floor, cosine = self.config.rate_floor, 0.5 * (1 + math.cos(math.pi * self.fraction))
        return self.config.learning_rate * warm * (floor + (1 - floor) * cosine)

    def _train_step(self, batches: Sequence[EpisodeBatch]) -> list[tuple[str, float]]:
        """One step on one batch of each stream; the task and loss of each."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate() * group.get("scale", 1.0)  # older checkpoints have none
        self.optimizer.zero_grad(set_to_none=True)
        losses = []
        for number, batch in enumerate(batches):
            last = number == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.wrapped):
                with autocast(self.device):
                    generated = self.wrapped(batch.prompts, batch.target)
                loss = batch.task.loss(generated, batch.answer)
                self.accelerator.backward(loss / len(batches))
            losses.append((batch.task.name, float(loss.detach())))
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.step += 1
        if self.accelerator.is_main_process:
            self._average()
        return losses

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1 - decay)

    def _record(self, values: dict[str, float]) -> None:
        if not self.accelerator.is_main_process:
            return
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
        if not self.accelerator.is_main_process:
            return
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


def _means(losses: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Mean loss by task."""
    names = dict.fromkeys(name for name, _ in losses)
    return {name: round(float(np.mean([x for n, x in losses if n == name])), 4) for name in names}


def _settings(config: TrainConfig) -> dict[str, object]:
    """What to tell of a run in its weights: all settings but the folders, which concern nobody else."""
    told = {name: value for name, value in asdict(config).items() if not isinstance(value, Path)}
    return {**told, "sets": [each.reader for each in config.sets]}


def _placed(config: TrainConfig, device: Device) -> InContextModel:
    """A new model on a device."""
    return placed(create(config.model, **config.network), device)
