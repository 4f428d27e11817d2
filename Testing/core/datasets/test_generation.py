"""Labels that the network generates with registered volumes as its examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MVGCore.adaptation import ModelInUse
from MVGCore.datasets.atlas.atlas import label_by_atlases
from MVGCore.datasets.atlas.fused_volume import FusedVolume
from MVGCore.datasets.atlas.fusion import Vote
from MVGCore.datasets.atlas.generation import Generator
from MVGCore.datasets.work import Settings
from MVGCore.errors import CancelledError
from MVGCore.volume import Geometry, LabelMap, normalise, robust_window
from Testing.core.datasets.test_atlas import BALL, BLOB, dice, scene

IDS = (BLOB.id, BALL.id)


def misplaced(seed: int = 0) -> tuple[FusedVolume, LabelMap]:
    """A volume, and two registered ones that lie some voxels beside it: fused, their labels are off."""
    target, votes = scene(seed), []
    for other, move in ((1, 2), (2, -1)):
        atlas = scene(other)
        image = normalise(atlas.image.array, robust_window(atlas.image.array))
        votes.append(Vote(np.roll(atlas.labels.array, move, 2), np.roll(image, move, 2) * 0.5, IDS))
    fused = np.stack([np.mean([vote.labels == each for vote in votes], 0) for each in (0, *IDS)])
    own = normalise(target.image.array, robust_window(target.image.array))
    return FusedVolume.of(own, target.image.geometry, votes, IDS, fused.astype(np.float32)), target.labels


def test_the_network_corrects_what_was_fused() -> None:
    generator = Generator.of(Settings(device="cpu", all_axes=False))
    assert generator is not None
    given, truth = misplaced()
    corrected = generator.corrected(given)
    assert corrected.shape == given.probabilities.shape and np.allclose(corrected.sum(0), 1, atol=1e-5)
    before, after = dice(IDS, given.probabilities, truth), dice(IDS, corrected, truth)
    assert after[BLOB.id] > before[BLOB.id] + 0.02 and after[BALL.id] > before[BALL.id] + 0.05
    assert np.array_equal(generator.corrected(given), corrected)


def test_contrast_of_examples_is_made_equal_where_structures_are() -> None:
    given, _ = misplaced()
    near = given.labels.array > 0
    for vote in given.votes:
        assert vote.image[near].mean() == pytest.approx(given.image.array[near].mean(), abs=0.1)


def test_a_class_has_examples_in_those_volumes_alone_that_can_tell_of_it() -> None:
    given, _ = misplaced()
    blank = np.zeros_like(given.labels.array)
    votes = [Vote(blank, given.image.array, ids) for ids in ((2,), (2, 5), (5,), (2,), (2,), (2,), (2,))]
    many = FusedVolume(given.image, IDS, given.probabilities, given.labels, tuple(votes))
    assert many.voters() == {(0, 1, 3, 4, 5): (2,), (1, 2): (5,)}


@pytest.mark.parametrize(
    ("spacing", "shape", "across", "axes"),
    [
        ((1, 1, 1), (4, 5, 6), True, (0, 1, 2)),
        ((1, 1, 8), (4, 5, 6), True, (0,)),
        ((8, 1, 1), (4, 5, 6), True, (2,)),
        ((1, 1, 2), (4, 5, 6), False, (0,)),
        ((1, 1, 1), (4, 1, 6), True, (1,)),
    ],
)
def test_thick_slices_are_not_looked_across(
    spacing: tuple[float, float, float], shape: tuple[int, int, int], across: bool, axes: tuple[int, ...]
) -> None:
    image, fused = np.zeros(shape, np.float32), np.zeros((2, *shape), np.float32)
    fused[1] = 1
    given = FusedVolume.of(image, Geometry(shape, spacing), [], (3,), fused)
    assert given.axes(across) == axes


def test_a_draft_is_wanted_at_once_and_of_nothing_nothing_is_made(small_weights: Path) -> None:
    assert Generator.of(Settings(str(small_weights), "cpu", quality="draft")) is None
    given, _ = misplaced()
    nothing = np.zeros_like(given.probabilities)
    nothing[0] = 1
    empty = FusedVolume.of(given.image.array, given.image.geometry, given.votes, IDS, nothing)
    generator = Generator(ModelInUse(small_weights, "cpu"))
    assert np.array_equal(generator.corrected(empty), nothing)


def test_what_lies_beyond_the_canvas_is_not_asked_for(small_weights: Path) -> None:
    given, _ = misplaced()
    probabilities = np.zeros_like(given.probabilities)
    probabilities[1, 11:14, 20:24, 18:22] = 0.9
    probabilities[1, :10, 0, 0] = 0.2  # seen on more slices than a batch has, but nowhere the likeliest
    probabilities[0] = 1 - probabilities[1]
    doubtful = FusedVolume.of(given.image.array, given.image.geometry, given.votes, IDS, probabilities)
    corrected = Generator(ModelInUse(small_weights, "cpu"), across=False).corrected(doubtful)
    assert not corrected.argmax(0)[:10].any() and (corrected.argmax(0) == 1).any()


def test_few_pixels_are_not_enlarged_beyond_what_tells_something_new() -> None:
    given, _ = misplaced()
    sides = {view.group.canvas.side for view in given.views(0, (128,), (64, 96))}
    coarse = next(given.views(0, (128,), (64, 96))).group.canvas
    assert sides == {96} and 1 / max(coarse.scale) >= 3
    fine = next(given.views(0, (128,), ())).group.canvas
    assert fine.side == 128 and fine.to_slice(np.zeros((1, 2))) == pytest.approx(
        coarse.to_slice(np.zeros((1, 2))), abs=0.2
    )


def test_cancelling(small_weights: Path) -> None:
    target, generator = scene(0), Generator(ModelInUse(small_weights, "cpu"), across=False)
    asked = iter([False, False, True])
    with pytest.raises(CancelledError):
        label_by_atlases(target.image, [scene(1)], generator, lambda: next(asked))
