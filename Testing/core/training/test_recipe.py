"""The recipe that ships says what the paper says, and runs."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from MVGCore.cli.train import build_config, recipe_names
from MVGCore.errors import InputError
from MVGCore.models import create, describe
from MVGCore.models.device import select_device
from MVGCore.tasks import ImageTask, SegmentationTask
from MVGCore.training import TrainConfig, train
from MVGCore.training.episodes import EpisodeSampler
from MVGCore.training.held_out import score_held_out
from MVGCore.training.optimiser import parameter_groups
from MVGCore.training.pool import PoolBuilder, load_stacks, stack_paths
from MVGCore.training.run import held_out_batches
from MVGCore.training.trainer import Trainer
from Testing.core.training.datasets import layouts

SMALL = [
    'network={"width": 32, "depth": 4, "heads": 2, "drop_path": 0.1}',
    "stacks.side=128",
    "side=112",
    "episodes.images.patches.cells=[7, 7]",
    "episodes.sets=2",
    "streams=1",
    "workers=0",
    "held_out_batches=2",
    "per_case=1",
    "epochs=2",
    "warmup_epochs=1",
]
MADE: dict[str, Callable[[Path], None]] = {
    "AMOS": layouts.amos,
    "BraTS-GLI": layouts.brats_gli,
    "BraTS-Local": layouts.brats_local,
    "LDCT": layouts.challenge,
}


def recipe(*settings: str) -> TrainConfig:
    return build_config(argparse.Namespace(config=Path("vit-large"), settings=list(settings)))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """The recipe for a tiny network on tiny copies of four data sets, its pool built."""
    root = tmp_path_factory.mktemp("recipe")
    for name, make in MADE.items():
        make(root / name)
    config = recipe(*SMALL, f"data_root={root}", f"out={root / 'run'}", f"pool={root / 'pool'}")
    config = replace(config, sets=tuple(each for each in config.sets if each.folder.name in MADE))
    builder = PoolBuilder(config.located_sets, root / "pool", config.seed, config.stacks)
    builder.build(1, 0)
    # So few cases are all held out by themselves or all trained on: let both see all.
    for path in stack_paths(root / "pool", "held_out"):
        (root / "pool/train" / path.name).write_bytes(path.read_bytes())
    return config


def test_the_recipe_says_what_the_paper_says() -> None:
    config = recipe()
    episodes, images = config.episodes, config.episodes.images
    assert (config.stacks.side, config.side, config.small_share) == (512, 448, 0)
    assert round(config.stacks.side * episodes.augment.reach) == config.side, "a crop, nothing resampled"
    assert config.stacks.whole and config.stacks.ct_window == (-100, 200)
    assert (config.learning_rate, config.weight_decay, config.layer_decay) == (1e-3, 0.05, 0.8)
    assert (config.epochs, config.warmup_epochs, config.rate_floor) == (100, 5, 0)
    assert config.network == {"drop_path": 0.1} and config.model == "vit-large"
    assert config.batch == 8 * 16 and episodes.prompts == (1.0,)
    assert (episodes.loss.beta, episodes.loss.background) == (0.01, 0.1) and images.beta == 0.01
    assert episodes.loss.cross_entropy == episodes.loss.dice == 0
    assert episodes.hints.hidden == 1 and (images.hidden, images.partial) == (0.1, 0.9)
    assert images.hidden_only and episodes.random_colours == 1 and episodes.empty_targets == 0
    assert {each.reader for each in config.sets} >= {"amos-ct", "amos-mr", "word", "btcv", "ldct"}


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_names_a_model_and_only_settings_that_exist(name: str) -> None:
    config = build_config(argparse.Namespace(config=Path(name), settings=[]))
    with torch.device("meta"):
        create(config.model, **config.network)


def test_its_episodes_are_the_papers(small: TrainConfig) -> None:
    stacks = load_stacks(stack_paths(Path(str(small.pool)), "train"))
    sampler = EpisodeSampler(stacks, small.episodes, small.side, np.random.default_rng(1))
    seen: dict[str, list[float]] = {}
    for _ in range(60):
        batch = sampler.batch()
        known, draft = batch.target.known, batch.target.draft
        assert batch.prompts.images.shape[1] == 1 and not draft.any()
        seen.setdefault(batch.task.name, []).append(float(known.mean()))
        if isinstance(batch.task, SegmentationTask):
            assert not known.any(), "all of it is generated"
            assert batch.answer.any((1, 2)).all(), "slices without labels are dropped"
        elif isinstance(batch.task, ImageTask):
            assert batch.task.region is not None
            assert not (batch.task.region & (known[:, 0] > 0)).any(), "the loss counts what was hidden"
            patches = torch.nn.functional.max_pool2d(known, 16) + torch.nn.functional.max_pool2d(-known, 16)
            assert not patches.any(), "whole patches of the network are shown or hidden"
    assert set(seen) == {"segmentation", "synthesis", "inpainting", "denoising"}
    shown = [share for name, shares in seen.items() if name != "segmentation" for share in shares]
    assert 0.1 < np.mean(shown) < 0.35, "a quarter of the patches, in nine of ten targets"


def test_a_crop_resamples_nothing(small: TrainConfig) -> None:
    stacks = load_stacks(stack_paths(Path(str(small.pool)), "train"))
    images = replace(small.episodes.images, inpainting=0.0, synthesis=0.0)
    only = replace(small.episodes, image_tasks=1.0, images=images)
    batch = EpisodeSampler(stacks, only, small.side, np.random.default_rng(0)).batch()
    (clean,) = [stack.image / 255 for stack in stacks if stack.task == "denoising"][:1]
    answer = batch.answer[0].numpy()
    places = [
        (k, y, x)
        for k in range(len(clean))
        for y in range(17)
        for x in range(17)
        if np.abs(clean[k, y : y + 112, x : x + 112] - answer).max() < 1e-4
    ]
    assert places


def test_the_noise_of_a_pair_is_the_real_one(small: TrainConfig) -> None:
    stacks = load_stacks(stack_paths(Path(str(small.pool)), "train"))
    images = replace(small.episodes.images, inpainting=0.0, synthesis=0.0)
    only = replace(small.episodes, image_tasks=1.0, images=images)
    batch = EpisodeSampler(stacks, only, small.side, np.random.default_rng(0)).batch()
    noise = (batch.target.images[:, 1] - batch.answer).abs().mean()
    # Noise of 20 HU in a window of 300 HU, smoothed where 24 pixels become 128.
    assert 0.01 < noise < 0.06
    assert (batch.prompts.images[:, :, 1] - batch.prompts.labels[:, :, 0]).abs().mean() > 0.01


def test_given_holes_hide_what_they_should(small: TrainConfig) -> None:
    stacks = load_stacks(stack_paths(Path(str(small.pool)), "train"))
    user = replace(
        small.episodes.images, synthesis=0.0, denoising=0.0, outside_known=1.0, hidden=0.0, partial=0.0
    )
    only = replace(small.episodes, image_tasks=1.0, images=replace(user, hidden_only=False))
    batch = EpisodeSampler(stacks, only, small.side, np.random.default_rng(0)).batch()
    assert isinstance(batch.task, ImageTask) and batch.task.region is not None
    region, known = batch.task.region, batch.target.known[:, 0] > 0
    missing = ~known
    assert region.any((1, 2)).all() and (missing & ~region).any(), "a hole with an answer, a tumour without"
    assert not batch.target.images[:, 1][missing].any()
    assert (batch.target.draft[:, 0] > 0)[missing].all()


def test_the_recipe_trains_a_vit(small: TrainConfig) -> None:
    path = train(small, log=lambda text: None)
    rows = [json.loads(line) for line in (small.out / "log.jsonl").read_text().splitlines()]
    assert {"hinted", "hidden", "denoising", "synthesis", "inpainting"} <= set(rows[-1])
    assert not any(math.isnan(value) for value in rows[-1].values())
    facts = describe(path).metadata
    assert facts["model"] == "vit-large" and json.loads(facts["config"])["depth"] == 4
    slices = sum(stack.facts.depth for stack in load_stacks(stack_paths(Path(str(small.pool)), "train")))
    assert int(facts["step"]) == round(2 * slices / small.batch), "two epochs"
    assert str(small.data_root) not in facts["training"]


def test_image_tasks_are_scored_without_segmentation(small: TrainConfig) -> None:
    stacks = load_stacks(stack_paths(Path(str(small.pool)), "train"))
    pairs = [stack for stack in stacks if stack.task == "denoising"]
    config = replace(small, side=32, episodes=replace(small.episodes, sets=1))
    score = score_held_out(create("compact"), list(held_out_batches(pairs, config)), select_device("cpu"))
    assert set(score.values()) == {"denoising"} and 0 < score.images["denoising"] < 60


def test_hidden_labels_become_the_mask_token(small: TrainConfig, tmp_path: Path) -> None:
    trainer = Trainer(replace(small, out=tmp_path), log=lambda text: None)
    stacks = load_stacks(stack_paths(Path(str(small.pool)), "train"))
    batch = EpisodeSampler(stacks, small.episodes, small.side, np.random.default_rng(0)).batch()
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    trainer._train_step([batch])
    moved = {name for name, value in trainer.model.named_parameters() if not torch.equal(value, before[name])}
    assert "mask_token" in moved and moved == set(before)


def test_earlier_blocks_learn_slower() -> None:
    model = create("vit-tiny", depth=4, width=32, heads=2)
    groups = parameter_groups(model, 0.05, 0.8)
    scale = {id(p): group["scale"] for group in groups for p in group["params"]}
    named = dict(model.named_parameters())
    assert len(scale) == len(named), "every parameter once"
    assert scale[id(named["decoder_embed.weight"])] == 1
    for number in range(4):
        assert scale[id(named[f"blocks.{number}.mlp.fc1.weight"])] == pytest.approx(0.8 ** (4 - number))
    assert scale[id(named["pos_embed"])] == pytest.approx(0.8**5)
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert decay[id(named["blocks.0.mlp.fc1.weight"])] == 0.05 and not decay[id(named["norm.weight"])]


def test_without_layer_decay_there_are_two_groups() -> None:
    groups = parameter_groups(create("compact"), 0.02)
    assert [(group["weight_decay"], group["scale"]) for group in groups] == [(0.02, 1.0), (0.0, 1.0)]
    with pytest.raises(InputError, match="vit"):
        parameter_groups(create("compact"), 0.02, 0.8)


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InputError, match="drafts"):
        recipe("episodes.hints.draft=0.5")
    with pytest.raises(InputError, match="warm-up"):
        recipe("epochs=0")


def test_epochs_become_steps() -> None:
    config = recipe().in_steps(12_800)
    assert (config.steps, config.warmup_steps, config.epochs) == (10_000, 500, 0)
    assert TrainConfig().in_steps(12_800) == TrainConfig()
