"""Drafts: what the labelled slices alone say about the rest of the stack."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from MVGCore.drafts import geodesic
from MVGCore.drafts.diffusion import balance, conjugate_gradient, diffusion_draft
from MVGCore.drafts.draft import DraftConfig
from MVGCore.drafts.geodesic import geodesic_distances
from MVGCore.drafts.label import make_draft
from MVGCore.drafts.seeds import interpolation_start, one_hot

DEPTH, SIDE = 9, 24
# So many sweeps that every shortest path is found: fewer leave traces of the order of the directions.
CONVERGED = DraftConfig(rounds=12)


def cylinder(radius: float = 6.0) -> Tensor:
    """(K, H, W) labels of a cylinder along k, off the centre."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    disc = torch.hypot(y - 10.0, x - 13.0) < radius
    return disc.long().expand(DEPTH, -1, -1)


def scan(labels: Tensor, noise: float = 0.02) -> Tensor:
    """Class 1 bright, others dim, in noise."""
    generator = torch.Generator().manual_seed(0)
    return 0.2 + 0.6 * (labels == 1).float() + noise * torch.randn(labels.shape, generator=generator)


def noise_stack() -> Tensor:
    return torch.rand(5, 12, 10, generator=torch.Generator().manual_seed(3))


def noise_labels(classes: int = 3) -> Tensor:
    return torch.randint(classes, (5, 12, 10), generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("known", [(2, 6), (0, 8), (4,), (0,), (8,), tuple(range(DEPTH))])
def test_a_bright_cylinder_is_recovered(known: tuple[int, ...]) -> None:
    truth = cylinder()
    draft = make_draft(scan(truth), one_hot(truth[list(known)], 2), known, 1.0)
    assert draft.probabilities.shape == (2, DEPTH, SIDE, SIDE)
    np.testing.assert_allclose(draft.probabilities.sum(0), 1, atol=1e-4)
    assert draft.agreement.shape == (DEPTH, SIDE, SIDE)
    assert draft.agreement.min() >= 0 and draft.agreement.max() <= 1 + 1e-4
    found = draft.probabilities.argmax(0)
    wrong = (found != truth).sum() / truth.sum()
    assert wrong < 0.02


def test_labelled_slices_keep_their_labels_even_against_the_image() -> None:
    labels = torch.zeros(2, SIDE, SIDE, dtype=torch.long)
    labels[:, :5, 7:] = 2
    seeds = one_hot(labels, 3)
    draft = make_draft(scan(cylinder()), seeds, (3, 7), 1.0)
    torch.testing.assert_close(draft.probabilities[:, [3, 7]], seeds)
    assert (draft.agreement[[3, 7]] == 1).all()


def test_the_order_of_the_known_slices_does_not_matter() -> None:
    truth = noise_labels()
    one = make_draft(noise_stack(), one_hot(truth[[1, 4]], 3), (1, 4), 1.0)
    other = make_draft(noise_stack(), one_hot(truth[[1, 4]], 3), (4, 1), 1.0)
    torch.testing.assert_close(one.probabilities, other.probabilities)


def test_permuted_classes_give_the_permuted_draft() -> None:
    seeds = one_hot(noise_labels(4)[[0, 3]], 4)
    order = [0, 3, 1, 2]  # the background stays the background
    one = make_draft(noise_stack(), seeds, (0, 3), 1.5)
    other = make_draft(noise_stack(), seeds[order], (0, 3), 1.5)
    torch.testing.assert_close(other.probabilities, one.probabilities[order], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(other.agreement, one.agreement, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flipped_stack_gives_the_flipped_draft(axis: int) -> None:
    image, seeds, known = noise_stack(), one_hot(noise_labels()[[1, 3]], 3), (1, 3)
    flipped_seeds = seeds.flip(axis + 1)  # along k both known slices change places
    one = make_draft(image, seeds, known, 2.0, CONVERGED)
    other = make_draft(image.flip(axis), flipped_seeds, known, 2.0, CONVERGED)
    torch.testing.assert_close(other.probabilities, one.probabilities.flip(axis + 1), atol=1e-4, rtol=1e-3)


def test_a_turned_stack_gives_the_turned_draft() -> None:
    image, seeds = noise_stack(), one_hot(noise_labels()[[1, 3]], 3)
    one = make_draft(image, seeds, (1, 3), 2.0, CONVERGED)
    other = make_draft(image.transpose(1, 2), seeds.transpose(2, 3), (1, 3), 2.0, CONVERGED)
    torch.testing.assert_close(other.probabilities, one.probabilities.transpose(2, 3), atol=1e-4, rtol=1e-3)


def test_a_path_costs_its_length_and_the_edges_it_crosses() -> None:
    image = torch.zeros(3, 2, 4)
    image[..., 2:] = 0.5
    seeds = torch.zeros(2, 1, 2, 4)
    seeds[1, 0, :, 0] = 1
    distance = geodesic_distances(image, seeds, (0,), 3.0, DraftConfig(edge=10.0))[1]
    edge = torch.tensor([0.0, 0.0, 5.0, 5.0])
    columns = torch.arange(4.0)
    for k in range(3):
        oblique = columns.clamp(max=k)
        lengths = oblique * 10**0.5 + (k - oblique) * 3.0 + (columns - oblique)
        torch.testing.assert_close(distance[k], (lengths + edge).expand(2, 4))


def test_costs_at_a_time_change_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.rand(5, 6, 7, generator=torch.Generator().manual_seed(0))
    seeds = one_hot(torch.arange(42).view(1, 6, 7) % 3, 3)

    def found() -> Tensor:
        return geodesic_distances(image, seeds, [2], 1.5, DraftConfig())

    together = found()
    monkeypatch.setattr(geodesic, "AT_ONCE", 1)
    assert torch.equal(found(), together) and together.max() < geodesic.UNREACHED


def test_a_thin_oblique_structure_is_followed_without_crossing_its_edge() -> None:
    image = torch.zeros(2, 6, 6)
    image[0].fill_diagonal_(1.0)
    seeds = torch.zeros(2, 1, 6, 6)
    seeds[1, 0, 0, 0] = 1
    distance = geodesic_distances(image, seeds, (0,), 1.0, DraftConfig(edge=100.0))[1, 0]
    torch.testing.assert_close(distance.diagonal(), torch.arange(6.0) * 2**0.5)


def test_beyond_the_known_slices_the_nearest_one_is_carried_on() -> None:
    seeds = one_hot(noise_labels()[[1, 3]], 3)
    start = interpolation_start(seeds, (1, 3), 5)
    torch.testing.assert_close(start[:, 0], seeds[:, 0])
    torch.testing.assert_close(start[:, 2], (seeds[:, 0] + seeds[:, 1]) / 2)
    torch.testing.assert_close(start[:, 4], seeds[:, 1])


def test_a_diffusion_from_far_slices_says_less_than_from_near_ones() -> None:
    """Without an edge in the image, a class of one slice only loses ground as the slices move apart."""
    seeds = torch.zeros(2, 2, 8, 8)
    seeds[0], seeds[1, 0, 2:6, 2:6] = 1.0, 1.0
    seeds[0, 0, 2:6, 2:6] = 0.0
    near, far = (
        diffusion_draft(torch.full((5, 8, 8), 0.5), seeds, (0, 4), step, DraftConfig())[1, 1, 3, 3]
        for step in (0.5, 4.0)
    )
    assert far < near - 0.05


def test_balance_gives_a_drowned_class_the_area_of_its_labels() -> None:
    expected = torch.zeros(2, 5, 10, 10)
    expected[1, :, 4:7, 4:7], expected[0] = 1.0, 1 - expected[1]
    drowned = 0.3 * expected[1] + 0.05 * torch.rand(5, 10, 10, generator=torch.Generator().manual_seed(0))
    probabilities = torch.stack((1 - drowned, drowned))
    assert not (probabilities.argmax(0) == 1).any()
    raised = balance(probabilities, expected, (0, 4), 1.0)
    torch.testing.assert_close(raised.sum(0), torch.ones(5, 10, 10))
    assert ((raised[1] >= 0.5 - 1e-4) == (expected[1] == 1)).all()
    torch.testing.assert_close(balance(probabilities, expected, (0, 4), 0.0), probabilities)


def test_a_thin_structure_is_not_drowned_between_its_labels() -> None:
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    truth = torch.stack([(torch.hypot(y - (6.0 + k), x - 13.0) < 3).long() for k in range(DEPTH)])
    draft = make_draft(scan(truth, 0.3), one_hot(truth[[0, 8]], 2), (0, 8), 1.0)
    covered = (draft.diffusion.argmax(0) == 1).sum((1, 2))
    assert covered.min() > 0.3 * truth[0].sum()  # without the areas of the labelled slices: nothing


def test_balance_fades_beyond_the_labelled_slices_and_never_drowns() -> None:
    expected = torch.full((2, 9, 10, 10), 0.5)
    probabilities = torch.tensor([0.9, 0.1])[:, None, None, None].expand(2, 9, 10, 10)
    raised = balance(probabilities, expected, (2, 4), 1.0)[1].mean((1, 2))
    assert (raised[2:5] > 0.49).all() and 0.1 < raised[5] < raised[4]
    torch.testing.assert_close(raised[6:], torch.full((3,), 0.1))
    sure = balance(probabilities.flip(0), expected, (2, 4), 1.0)
    torch.testing.assert_close(sure, probabilities.flip(0).contiguous())


def test_diffusion_is_linear_between_two_slices_of_an_even_image() -> None:
    seeds = torch.zeros(2, 2, 4, 4)
    seeds[0, 0] = seeds[1, 1] = 1
    config = DraftConfig(iterations=60)
    draft = diffusion_draft(torch.full((5, 4, 4), 0.5), seeds, (0, 4), 1.0, config)
    for k, share in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        torch.testing.assert_close(draft[1, k], torch.full((4, 4), share), atol=1e-3, rtol=0)


def test_conjugate_gradients_solve_what_numpy_solves() -> None:
    rng = np.random.default_rng(0)
    half = rng.normal(size=(8, 8))
    matrix = half @ half.T + 8 * np.eye(8)
    sides = rng.normal(size=(3, 8))
    tensor = torch.from_numpy(matrix)
    solved = conjugate_gradient(
        lambda x: x @ tensor, torch.from_numpy(sides), tensor.diagonal(), iterations=16
    )
    np.testing.assert_allclose(solved, np.linalg.solve(matrix, sides.T).T, rtol=1e-6, atol=1e-9)


def test_conjugate_gradients_of_nothing_stay_nothing() -> None:
    solved = conjugate_gradient(lambda x: 2 * x, torch.zeros(2, 5), torch.full((5,), 2.0), 4)
    assert (solved == 0).all()
