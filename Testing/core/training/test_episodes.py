"""Episodes show what they promise, and the same seed shows the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from MVGCore.tasks import IMAGE_TASKS, ImageTask, SegmentationTask
from MVGCore.training.episode import EpisodeBatch
from MVGCore.training.episodes import EpisodeConfig, EpisodeSampler
from MVGCore.training.hints import HintShares
from MVGCore.training.image_episodes import ImageShares
from MVGCore.training.stack import SliceStack, build_stack, load_stack, save_stack
from MVGCore.training.synthetic import ShapePool, render, synthetic_region

SIDE = 64


@pytest.fixture(scope="module")
def stacks() -> list[SliceStack]:
    ball = (np.mgrid[-10:11, -10:11, -10:11] ** 2).sum(0) < 81
    head = np.zeros((48, 48, 48), np.uint8)
    head[4:44, 4:44, 4:44], head[12:30, 12:30, 12:30] = 1, 2
    pool = ShapePool((head,), (ball,))
    found: list[SliceStack] = []
    rng = np.random.default_rng(0)
    while len(found) < 4:
        region = synthetic_region(pool, rng)
        name = f"synthetic_{len(found)}"
        stack = build_stack(name, region.image, region.labels, region.step, rng, other=region.other)
        if stack is not None:
            found.append(stack)
    return found


def sample(stacks: list[SliceStack], config: EpisodeConfig, seed: int = 0) -> EpisodeBatch:
    return EpisodeSampler(stacks, config, SIDE, np.random.default_rng(seed)).batch()


LABELS_ONLY = EpisodeConfig(sets=2, targets=3, image_tasks=0.0)


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_has_the_shapes_that_models_expect(stacks: list[SliceStack], seed: int) -> None:
    batch = sample(stacks, LABELS_ONLY, seed)
    sets, prompts = batch.prompts.images.shape[:2]
    assert batch.prompts.labels.shape == (sets, prompts, 3, SIDE, SIDE) == (2, prompts, 3, SIDE, SIDE)
    assert batch.prompts.distance.shape == batch.prompts.valid.shape == (6, prompts)
    assert batch.prompts.valid.any(1).all(), "a target without a prompt"
    assert batch.target.images.shape == batch.target.label.shape == (6, 3, SIDE, SIDE)
    assert batch.target.known.shape == batch.target.draft.shape == (6, 1, SIDE, SIDE)
    for values in (batch.prompts.images, batch.prompts.labels, batch.target.images, batch.target.draft):
        assert values.min() >= 0 and values.max() <= 1 + 1e-5  # rounding of interpolation


@pytest.mark.parametrize("seed", range(4))
def test_answers_use_only_colours_of_the_episode(stacks: list[SliceStack], seed: int) -> None:
    batch = sample(stacks, LABELS_ONLY, seed)
    assert isinstance(batch.task, SegmentationTask) and batch.task.used is not None
    for answer, used in zip(batch.answer, batch.task.used, strict=True):
        assert set(answer.unique().tolist()) <= set(used.nonzero().flatten().tolist())
    assert torch.equal(batch.task.logits(batch.task.encode(batch.answer)).argmax(1), batch.answer)


def test_hints_are_what_their_shares_say(stacks: list[SliceStack]) -> None:
    hidden = sample(stacks, replace(LABELS_ONLY, hints=HintShares(1, 0, 0, 0))).target
    assert not hidden.label.any() and not hidden.known.any() and not hidden.draft.any()
    drafted = sample(stacks, replace(LABELS_ONLY, hints=HintShares(0, 1, 0, 0))).target
    assert (drafted.draft > 0).all() and not drafted.known.any()
    damaged = sample(stacks, replace(LABELS_ONLY, hints=HintShares(0, 0, 1, 0))).target
    assert (damaged.draft >= 0.3).all() and not damaged.known.any()


def test_a_partly_visible_label_shows_the_truth_and_nothing_else(stacks: list[SliceStack]) -> None:
    batch = sample(stacks, replace(LABELS_ONLY, hints=HintShares(0, 0, 0, 1)))
    given, truth = batch.target.known, batch.task.encode(batch.answer)
    assert given.any() and not given.all()
    assert torch.equal(batch.target.label, truth * given)


def test_lines_of_the_truth_run_across_the_whole_slice(stacks: list[SliceStack]) -> None:
    batch = sample(stacks, replace(LABELS_ONLY, hints=HintShares(0, 0, 0, 0, 1)))
    given, truth = batch.target.known, batch.task.encode(batch.answer)
    assert torch.equal(batch.target.label, truth * given) and not batch.target.draft.any()
    for mask in given[:, 0] > 0:
        rows = mask if mask.all(1).any() else mask.T
        assert 0 < rows.all(1).sum() < SIDE and torch.equal(rows.any(1), rows.all(1))


def images_only(name: str, **shares: float) -> EpisodeConfig:
    only = {each: float(each == name) for each in IMAGE_TASKS}
    return EpisodeConfig(sets=2, targets=3, image_tasks=1.0, images=ImageShares(**{**only, **shares}))


@pytest.mark.parametrize("name", IMAGE_TASKS)
@pytest.mark.parametrize("seed", range(3))
def test_image_tasks_ask_for_grey_images(stacks: list[SliceStack], name: str, seed: int) -> None:
    batch = sample(stacks, images_only(name), seed)
    assert isinstance(batch.task, ImageTask) and batch.task.name == name
    assert batch.answer.shape == (6, SIDE, SIDE) and batch.answer.is_floating_point()
    assert batch.answer.min() >= 0 and batch.answer.max() <= 1 + 1e-5
    assert torch.equal(batch.prompts.labels[:, :, 0], batch.prompts.labels[:, :, 2])
    assert batch.prompts.valid.any(1).all()


@pytest.mark.parametrize("name", IMAGE_TASKS)
def test_drafts_of_image_tasks_are_near_the_answer(stacks: list[SliceStack], name: str) -> None:
    """Nearer than a constant, which knows nothing."""
    errors, spreads = [], []
    for seed in range(4):
        batch = sample(stacks, images_only(name, hidden=0.0, partial=0.0, curve=0.0), seed)
        assert isinstance(batch.task, ImageTask) and (batch.target.draft.amax((1, 2, 3)) > 0).all()
        errors.append(float(batch.task.mean((batch.target.label[:, 0] - batch.answer).abs())))
        spreads.append(float(batch.task.mean((batch.answer - batch.answer.mean()).abs())))
    # Two random contrasts of a scene may hide the same structures from each other.
    assert np.mean(errors) < (0.85 if name == "synthesis" else 0.6) * np.mean(spreads)


def test_a_hole_shows_nothing_of_what_is_missing(stacks: list[SliceStack]) -> None:
    for seed in range(4):
        batch = sample(stacks, images_only("inpainting", hidden=0.0), seed)
        assert isinstance(batch.task, ImageTask) and batch.task.region is not None
        hole = batch.task.region.bool()
        assert hole.any((1, 2)).all()
        assert not batch.target.images[:, 1][hole].any()
        assert torch.equal(batch.target.known[:, 0].bool(), ~hole)
        assert torch.equal(batch.target.label[:, 0][~hole], batch.answer[~hole])
        assert not torch.equal(batch.target.label[:, 0][hole], batch.answer[hole])


def test_what_is_known_of_an_image_is_the_truth(stacks: list[SliceStack]) -> None:
    target = sample(stacks, images_only("denoising", hidden=0.0, partial=1.0))
    given = target.target.known[:, 0] > 0
    assert given.any() and not given.all()
    assert torch.equal(target.target.label[:, 0][given], target.answer[given])


def test_a_binary_episode_shows_one_class_white_on_black(stacks: list[SliceStack]) -> None:
    batch = sample(stacks, replace(LABELS_ONLY, binary=1.0))
    assert isinstance(batch.task, SegmentationTask) and batch.task.used is not None
    assert (batch.task.used.sum(1) == 2).all()
    assert set(batch.prompts.labels.unique().tolist()) <= {0.0, 1.0}


def test_flat_episodes_have_no_neighbours(stacks: list[SliceStack]) -> None:
    flat = sample(stacks, replace(LABELS_ONLY, flat=1.0)).target.images
    # Noise is drawn for each channel, so compare structure, not values.
    assert (flat[:, 0] - flat[:, 2]).abs().mean() < 0.1


def test_the_same_seed_draws_the_same_batch(stacks: list[SliceStack]) -> None:
    config = EpisodeConfig(sets=2, targets=2)
    first, again, other = (sample(stacks, config, seed) for seed in (3, 3, 4))
    assert torch.equal(first.target.images, again.target.images)
    assert torch.equal(first.answer, again.answer)
    assert not (
        first.target.images.shape == other.target.images.shape
        and torch.equal(first.target.images, other.target.images)
    )


def test_a_stack_survives_its_file(stacks: list[SliceStack], tmp_path) -> None:
    save_stack(stacks[0], tmp_path / "stack.npz")
    loaded = load_stack(tmp_path / "stack.npz")
    assert loaded.source == stacks[0].source and loaded.step == pytest.approx(stacks[0].step)
    assert np.array_equal(loaded.image, stacks[0].image) and np.array_equal(loaded.labels, stacks[0].labels)
    assert [d.known for d in loaded.drafts] == [d.known for d in stacks[0].drafts]
    assert np.array_equal(loaded.drafts[0].first, stacks[0].drafts[0].first)
    assert loaded.other is not None and np.array_equal(loaded.other, stacks[0].other)


def test_stored_drafts_repeat_the_labelled_slices(stacks: list[SliceStack]) -> None:
    for stack in stacks:
        for draft in stack.drafts:
            known = list(draft.known)
            truth = stack.labels[known][:, ::2, ::2]
            agree = (draft.first[known] == truth).mean()
            assert agree > 0.85, "half resolution may move outlines, not more"


def test_rendering_gives_neighbouring_regions_their_own_grey() -> None:
    regions = np.zeros((8, 160, 160), np.int32)
    regions[:, 40:120, 40:120] = 1
    contrasts = []
    for seed in range(8):
        image = render(regions, 2.0, np.random.default_rng(seed))
        assert image.min() >= 0 and image.max() <= 1 and np.isfinite(image).all()
        contrasts.append(abs(image[:, 60:100, 60:100].mean() - image[:, :20].mean()))
    assert np.median(contrasts) > 0.15, "most scenes must show their structures"
