"""What structures look like, learned from the labelled slices."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.drafts import appearance as appearance_module
from MVGCore.drafts.appearance import Appearance, features


def bright_and_striped(count: int, side: int = 32, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Slices with a bright square (class 1) and a striped one of the background's mean (class 2), at random
    places: images (n, 3, S, S), positions (n, S, S)."""
    generator = torch.Generator().manual_seed(seed)
    positions = torch.zeros(count, side, side, dtype=torch.long)
    for n in range(count):
        row, column = torch.randint(0, side // 2 - 10, (2,), generator=generator).tolist()
        positions[n, row : row + 10, column : column + 10] = 1
        positions[n, row + side // 2 : row + side // 2 + 10, column : column + 10] = 2
    stripes = (torch.arange(side) % 2 * 0.4 - 0.2).expand(side, side)
    image = 0.4 + 0.4 * (positions == 1) + stripes * (positions == 2)
    image = image + 0.03 * torch.randn(image.shape, generator=generator)
    return image[:, None].expand(-1, 3, -1, -1), positions


def everywhere(
    learned: Appearance, images: torch.Tensor, textures: torch.Tensor | None = None
) -> torch.Tensor:
    """(T, C, S, S) log-probabilities of whole slices."""
    return (
        learned.log_probabilities(images, torch.ones_like(images[:, 0], dtype=torch.bool), textures)
        .view(len(images), *images.shape[2:], -1)
        .movedim(-1, 1)
    )


def test_brightness_and_texture_are_learned_from_two_slices() -> None:
    images, positions = bright_and_striped(4)
    learned = Appearance.learn(images[:2], positions[:2], 3)
    guess = everywhere(learned, images[2:]).argmax(1)
    for value in (1, 2):
        a, b = guess == value, positions[2:] == value
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.75


def test_a_part_of_a_slice_looks_as_it_does_in_the_whole() -> None:
    """But for the 24 pixels along the cut, where the widest smoothing sees what the part does not show."""
    images, positions = bright_and_striped(2, side=96)
    learned = Appearance.learn(images, positions, 3)
    whole, rows, columns = everywhere(learned, images), slice(0, 96), slice(24, 96)
    part = images[..., rows, columns]
    marks = torch.ones(2, 96, 72, dtype=torch.bool)
    told = learned.log_probabilities(part, marks, place=(0, 24, 96)).view(2, 96, 72, 3).movedim(-1, 1)
    torch.testing.assert_close(told[..., 25:], whole[..., 49:])


def test_probabilities_sum_to_one() -> None:
    images, positions = bright_and_striped(2)
    logs = everywhere(Appearance.learn(images, positions, 4), images)  # class 3 is on no slice
    assert logs.shape == (2, 4, 32, 32)
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(2, 32, 32))
    assert (logs.argmax(1) != 3).all()


def test_what_is_rare_stays_rare_where_nothing_tells_it() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, 32, 32, generator=generator)
    positions = (torch.rand(3, 32, 32, generator=generator) < 0.03).long()
    share = everywhere(Appearance.learn(images, positions, 2), images).exp()[:, 1].mean()
    assert share < 0.055  # learning sees more of it than there is: .077 without the shares of the classes


def test_the_seed_decides() -> None:
    images, positions = bright_and_striped(2)
    one, same, other = (
        everywhere(Appearance.learn(images, positions, 3, seed=seed), images) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_the_callers_random_numbers_are_left_alone() -> None:
    images, positions = bright_and_striped(2)
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    Appearance.learn(images, positions, 3)
    assert torch.equal(torch.rand(4), expected)


def test_many_slices_are_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(appearance_module, "MOST_SLICES", 3)
    monkeypatch.setattr(
        appearance_module, "features", lambda *given: seen.append(len(given[0])) or features(*given)
    )
    Appearance.learn(*bright_and_striped(7), 3)
    assert seen == [3]


def test_a_constant_image_gives_no_nonsense() -> None:
    _, positions = bright_and_striped(2)
    images = torch.full((2, 3, 32, 32), 0.5)
    logs = everywhere(Appearance.learn(images, positions, 3), images)
    assert torch.isfinite(logs).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 1.0), st.integers(0, 5))
def test_features_of_flat_slices_are_flat(level: float, seed: int) -> None:
    """Smoothing keeps a constant, edges and spread of it are nothing, also at the border."""
    seen = features(torch.full((1, 3, 32, 32), level), torch.arange(32 * 32)).T
    assert seen.shape == (15, 32 * 32)
    torch.testing.assert_close(
        seen[[0, 1, 2, 3, 4, 9, 10, 11, 12]], torch.full((9, 32 * 32), level), atol=1e-3, rtol=0
    )
    assert seen[5:9].abs().max() < 1e-2


def test_the_place_is_the_last_two_features() -> None:
    rows, columns = features(torch.rand(1, 3, 32, 32), torch.arange(32 * 32)).T[-2:].view(2, 32, 32)
    assert rows[0, 5] == -1 and rows[-1, 5] == 1 and columns[5, 0] == -1 and columns[5, -1] == 1


def test_a_copy_with_other_layers_answers_otherwise() -> None:
    """The answer comes from what is stored, so that a memo can keep it."""
    images, positions = bright_and_striped(2)
    learned = Appearance.learn(images, positions, 3)
    blank = replace(learned, layers=tuple((w * 0, b * 0) for w, b in learned.layers))
    expected = learned.prior.log_softmax(0).view(1, 3, 1, 1).expand(2, 3, 32, 32)
    torch.testing.assert_close(everywhere(blank, images), expected)


def test_answers_are_those_of_the_pixels_that_are_asked_for() -> None:
    images, positions = bright_and_striped(2)
    textures = torch.randn(2, 6, 16, 16, generator=torch.Generator().manual_seed(0))
    learned = Appearance.learn(images, positions, 3, textures)
    where = positions == 2
    some = learned.log_probabilities(images, where, textures)
    torch.testing.assert_close(some, everywhere(learned, images, textures).movedim(1, -1)[where])


def test_textures_tell_apart_what_the_image_does_not() -> None:
    """Class 2 lies at random places and shows in the textures alone, which are coarser than the image."""
    _, positions = bright_and_striped(4)
    images = torch.full((4, 3, 32, 32), 0.5)
    shown = torch.nn.functional.avg_pool2d((positions == 2).float()[:, None], 2)
    learned = Appearance.learn(images[:2], positions[:2], 3, shown[:2])
    guess, truth = everywhere(learned, images[2:], shown[2:]).argmax(1) == 2, positions[2:] == 2
    assert 2 * (guess & truth).sum() / (guess.sum() + truth.sum()) > 0.75
