"""Palettes: classes become colours that can be told apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from MVGCore.tasks.palette import (
    MAX_CLASSES,
    binary_palette,
    class_logits,
    colour_labels,
    colour_probabilities,
    predefined_palette,
    random_palette,
)

COUNTS = range(1, MAX_CLASSES + 1)


def smallest_distance(palette: Tensor) -> float:
    return float(torch.pdist(palette.float()).min())


@pytest.mark.parametrize("classes", COUNTS)
def test_colours_are_distinct_and_the_background_is_black(classes: int) -> None:
    rng = np.random.default_rng(classes)
    palettes = [predefined_palette(classes), *(random_palette(classes, rng) for _ in range(20))]
    for palette in palettes:
        assert palette.shape == (classes + 1, 3) and palette.dtype == torch.float32
        assert (palette[0] == 0).all()
        assert palette.min() >= 0 and palette.max() <= 1
        assert smallest_distance(palette) > 0.3


def test_few_classes_have_colours_far_apart() -> None:
    rng = np.random.default_rng(0)
    assert all(smallest_distance(random_palette(3, rng)) > 0.75 for _ in range(50))


def test_too_many_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="groups"):
        predefined_palette(MAX_CLASSES + 1)
    with pytest.raises(ValueError, match="groups"):
        random_palette(MAX_CLASSES + 1, np.random.default_rng(0))


def test_the_seed_decides_the_random_colours() -> None:
    one, same, other = (random_palette(5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(one, same)
    assert not torch.equal(one, other)
    torch.testing.assert_close(predefined_palette(5), predefined_palette(5))


def test_every_class_gets_every_kind_of_colour() -> None:
    """No position is bound to a colour: over many palettes the first class is red, green and blue."""
    rng = np.random.default_rng(0)
    first = torch.stack([random_palette(4, rng)[1] for _ in range(60)])
    assert (first.amax(0) > 0.9).all() and (first.amin(0) < 0.1).all()


def test_the_binary_palette_is_white_on_black() -> None:
    assert binary_palette().tolist() == [[0, 0, 0], [1, 1, 1]]


def test_labels_take_the_colours_of_one_palette_or_of_their_own() -> None:
    rng = np.random.default_rng(0)
    palettes = torch.stack([random_palette(3, rng), random_palette(3, rng)])
    labels = torch.randint(4, (2, 5, 6))
    own = colour_labels(labels, palettes)
    assert own.shape == (2, 3, 5, 6)
    for n in range(2):
        torch.testing.assert_close(own[n], colour_labels(labels, palettes[n])[n])
        torch.testing.assert_close(own[n, :, 2, 3], palettes[n, labels[n, 2, 3]])


def test_probabilities_give_the_expected_colour() -> None:
    palette = predefined_palette(2)
    probabilities = torch.tensor([0.5, 0.25, 0.25])[:, None, None, None].expand(3, 1, 2, 2).transpose(0, 1)
    colours = colour_probabilities(probabilities, palette)
    assert colours.shape == (1, 3, 2, 2)
    torch.testing.assert_close(colours[0, :, 0, 0], 0.25 * palette[1] + 0.25 * palette[2])


def test_logits_are_distances_up_to_what_all_classes_share() -> None:
    palette = random_palette(4, np.random.default_rng(2))
    colours = torch.rand(1, 3, 4, 4)
    squared = (colours[:, None] - palette[None, :, :, None, None]).square().sum(2)
    expected = torch.softmax(-squared / 0.1, dim=1)
    torch.testing.assert_close(class_logits(colours, palette).softmax(1), expected, atol=1e-5, rtol=1e-4)


def test_half_way_between_two_colours_the_odds_are_even() -> None:
    palette = predefined_palette(1)
    middle = palette.mean(0)[None, :, None, None]
    torch.testing.assert_close(class_logits(middle, palette).softmax(1).ravel(), torch.tensor([0.5, 0.5]))
