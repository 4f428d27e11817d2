"""A whole run: pool, held-out batches, training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from MVGCore.errors import InputError
from MVGCore.models.device import torch_threads
from MVGCore.tasks import IMAGE_TASKS
from MVGCore.training.config import TrainConfig
from MVGCore.training.episode import EpisodeBatch
from MVGCore.training.episodes import EpisodeConfig, EpisodeSampler
from MVGCore.training.pictures import draw_episodes
from MVGCore.training.pool import PoolBuilder, load_stacks, open_stacks, stack_paths
from MVGCore.training.stack import SliceStack
from MVGCore.training.trainer import Log, Trainer, to_device


def preview(config: TrainConfig, path: Path, log: Log = print) -> None:
    """Draw a page of held-out episodes; builds what the pool lacks for it."""
    held = load_stacks(stack_paths(_prepare_pool(config, log), "held_out"))
    if not held:
        raise InputError("The pool holds nothing held out; raise --set synthetic=N or give --data.")
    batches = list(held_out_batches(held, replace(config, held_out_batches=6)))
    draw_episodes(batches, path)


def _prepare_pool(config: TrainConfig, log: Log) -> Path:
    """Build what the pool lacks; its folder."""
    pool = config.pool or config.out / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    builder = PoolBuilder(config.located_sets, pool, config.seed, config.stacks)
    builder.build(config.per_case, config.synthetic, config.self_labelled, _tenths(log))
    return pool


def train(config: TrainConfig, log: Log = print) -> Path:
    """Build what the pool lacks, train, and return the path of the averaged weights.

    Of several processes all leave their group at the end: `torchrun` starts one run.
    """
    with torch_threads(config.threads or None):
        return _train(config, log)


def _train(config: TrainConfig, log: Log) -> Path:
    config.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, log)
    main = trainer.accelerator.is_main_process
    with trainer.accelerator.main_process_first():  # what it has built the others find
        pool = _prepare_pool(config, log if main else _silent)
    paths = stack_paths(pool, "train")
    opened = load_stacks if config.in_memory else open_stacks
    shares = {number: opened(paths[number :: config.streams]) for number in trainer.streams}
    held = load_stacks(stack_paths(pool, "held_out")) if main else []
    if not all(shares.values()) or main and not held:
        raise InputError(f"The pool {pool} holds too few stacks; raise --set synthetic=N or give --data.")
    if main:
        log(f"{len(paths)} stacks to train on, {len(held)} held out")
    batches = [to_device(batch, trainer.device) for batch in held_out_batches(held, config)] if main else []
    trainer.count_epochs(shares)
    trainer.run(shares, batches)
    trainer.finish()
    return config.out / f"{config.model}.safetensors"


def held_out_batches(stacks: list[SliceStack], config: TrainConfig) -> Iterator[EpisodeBatch]:
    """The same batches at every call: segmentations, then a sixth as many of each image task."""
    share = max(1, config.held_out_batches // 6)
    whole = EpisodeSampler(stacks, config.episodes, config.side, np.random.default_rng(config.seed))
    kinds: list[tuple[EpisodeConfig, int]] = []
    if whole.segments:
        kinds.append((replace(config.episodes, image_tasks=0.0), config.held_out_batches))
    for name in whole.image_tasks:
        only = {other: float(other == name) for other in IMAGE_TASKS}
        images = replace(config.episodes.images, **only)  # type: ignore[arg-type]
        kinds.append((replace(config.episodes, image_tasks=1.0, images=images), share))
    for number, (episodes, count) in enumerate(kinds):
        rng = np.random.default_rng([config.seed, 4, number])
        sampler = EpisodeSampler(stacks, episodes, config.side, rng)
        yield from (sampler.batch() for _ in range(count))


def _silent(text: str) -> None:
    """Only the first process speaks."""


def _tenths(log: Log) -> Callable[[float, str], None]:
    """A progress callback that logs every tenth of the pool."""
    told: set[int] = set()

    def progress(fraction: float, name: str) -> None:
        tenth = int(10 * fraction)
        if tenth not in told:
            told.add(tenth)
            log(f"preparing the pool: {fraction:.0%} ({name})")

    return progress
