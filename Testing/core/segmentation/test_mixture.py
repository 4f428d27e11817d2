"""The mixture of the network's answer, the drafts and the appearance."""

from __future__ import annotations

import math
from dataclasses import astuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.drafts.draft import Draft
from MVGCore.segmentation.fuse.mixture import (
    COMPLETING,
    LARGE_AREA,
    LEAST_OPINION,
    OF_SMALL,
    SMALL_AREA,
    USUAL_SHARES,
    Weights,
    blend,
    smallness,
)
from MVGCore.segmentation.predict.context import AppearanceAt, DraftHint


def a_hint() -> DraftHint:
    """Class 1 on the first of two slices, background on the second; the drafts are not equally sure."""
    geodesic = torch.zeros(3, 2, 16, 16)
    geodesic[1, 0], geodesic[0, 1] = 1.0, 1.0
    diffusion = geodesic.clone()
    diffusion[1, 0], diffusion[0, 0] = 0.8, 0.2
    return DraftHint.of(Draft(geodesic, diffusion), [0, 1], 16)


def even(*probabilities: float) -> torch.Tensor:
    """(1, C, 2, 2), everywhere the same."""
    return torch.tensor(probabilities)[None, :, None, None].expand(1, -1, 2, 2)


def looking(planes: torch.Tensor) -> AppearanceAt:
    """An appearance that says (T, C, S, S) log-probabilities."""
    return lambda where: planes.movedim(1, -1)[where]


@pytest.mark.parametrize("weights", [USUAL_SHARES, OF_SMALL, COMPLETING])
def test_shares_sum_to_one(weights: Weights) -> None:
    assert sum(astuple(weights)) == pytest.approx(1)


def test_the_model_alone_is_the_model() -> None:
    generated = torch.randn(2, 3, 16, 16).log_softmax(1)
    torch.testing.assert_close(blend(generated, a_hint(), None, Weights(1.0)), generated)


@pytest.mark.parametrize("weights", [Weights(0.0, 1.0), Weights(0.0, 0.0, 1.0), Weights(0.0, 0.5, 0.5)])
def test_the_drafts_alone_are_the_drafts(weights: Weights) -> None:
    drafted = blend(torch.randn(2, 3, 16, 16).log_softmax(1), a_hint(), None, weights)
    assert (drafted.argmax(1)[0] == 1).all() and (drafted.argmax(1)[1] == 0).all()
    torch.testing.assert_close(drafted.exp().sum(1), torch.ones(2, 16, 16))


def test_the_mean_is_geometric() -> None:
    hint = DraftHint(even(0.2, 0.8), even(0.5, 0.5), torch.ones(1, 1, 2, 2))
    model = even(0.8, 0.2).log()
    torch.testing.assert_close(blend(model, hint, None, Weights(0.5, 0.5)).exp(), even(0.5, 0.5))
    odds = blend(model, hint, None, Weights(0.5, 0.0, 0.5)).exp()
    torch.testing.assert_close(odds[:, 0] / odds[:, 1], torch.full((1, 2, 2), 2.0))
    looks = blend(model, hint, looking(even(0.2, 0.8).log()), Weights(0.5, 0.0, 0.0, 0.5)).exp()
    torch.testing.assert_close(looks, even(0.5, 0.5))


def test_without_appearance_the_others_share_its_weight() -> None:
    hint = DraftHint(even(0.2, 0.8), even(0.5, 0.5), torch.ones(1, 1, 2, 2))
    model = even(0.8, 0.2).log()
    torch.testing.assert_close(
        blend(model, hint, None, Weights(0.3, 0.3, 0.0, 0.4)), blend(model, hint, None, Weights(0.5, 0.5))
    )


def test_nobody_is_surer_than_a_thousand_to_one() -> None:
    hint = DraftHint(even(1.0, 0.0), even(1.0, 0.0), torch.ones(1, 1, 2, 2))
    sure = blend(
        even(0.0, 1.0).log().clamp(min=-30),
        hint,
        looking(even(1.0, 0.0).log()),
        Weights(0.0, 0.5, 0.25, 0.25),
    )
    torch.testing.assert_close(sure[:, 1].exp(), torch.full((1, 2, 2), 1e-3), atol=1e-4, rtol=0)


def test_a_class_is_small_by_its_area_on_the_slices_that_show_it() -> None:
    positions = torch.zeros(3, 40, 40, dtype=torch.long)
    positions[0].view(-1)[: int(SMALL_AREA)] = 1
    positions[1].view(-1)[: int(LARGE_AREA)] = 2
    positions[2].view(-1)[: int((SMALL_AREA * LARGE_AREA) ** 0.5)] = 3
    torch.testing.assert_close(smallness(positions, 5)[:4], torch.tensor([0, 1, 0, 0.5]), atol=0.01, rtol=0)


def test_small_structures_are_left_to_the_geodesic_draft_where_it_sees_them() -> None:
    """It sees class 2, which is small, on the left half; all others see class 1 everywhere."""
    geodesic = torch.zeros(1, 3, 4, 4)
    geodesic[:, 2, :, :2] = geodesic[:, 1, :, 2:] = 1
    others = torch.tensor([0.001, 0.998, 0.001])[None, :, None, None].expand(1, 3, 4, 4)
    hint = DraftHint(geodesic, others, torch.ones(1, 1, 4, 4))
    for looks in (None, looking(others.log())):
        plain = blend(others.log(), hint, looks, USUAL_SHARES).argmax(1)[0]
        left = blend(others.log(), hint, looks, USUAL_SHARES, torch.tensor([0.0, 0.0, 1.0])).argmax(1)[0]
        assert (plain == 1).all()
        assert (left[:, :2] == 2).all() and (left[:, 2:] == 1).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_appearance_is_asked_wherever_it_could_change_the_class(seed: int) -> None:
    """The classes are those of a mixture of all that everybody says everywhere."""
    generator = torch.Generator().manual_seed(seed)
    opinions = [
        (6 * torch.randn(1, 3, 8, 8, generator=generator)).log_softmax(1).clamp(min=math.log(LEAST_OPINION))
        for _ in range(4)
    ]
    hint = DraftHint(opinions[1].exp(), opinions[2].exp(), torch.ones(1, 1, 8, 8))
    asked = []

    def looks(where: torch.Tensor) -> torch.Tensor:
        asked.append(int(where.sum()))
        return opinions[3].movedim(1, -1)[where]

    found = blend(opinions[0], hint, looks, USUAL_SHARES)
    whole = sum(share * opinion for share, opinion in zip(astuple(USUAL_SHARES), opinions, strict=True))
    assert torch.equal(found.argmax(1), whole.argmax(1))
    assert 0 < sum(asked) < 64
