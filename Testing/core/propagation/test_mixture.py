"""The mixture of the network's answer, the drafts and the appearance."""

from __future__ import annotations

from dataclasses import astuple

import pytest
import torch

from MVGCore.drafts import Draft
from MVGCore.propagation.context import Hint
from MVGCore.propagation.mixture import COMPLETING, USUAL, Weights, blend


def a_hint() -> Hint:
    """Class 1 on the first of two slices, background on the second; the drafts are not equally sure."""
    geodesic = torch.zeros(3, 2, 16, 16)
    geodesic[1, 0], geodesic[0, 1] = 1.0, 1.0
    diffusion = geodesic.clone()
    diffusion[1, 0], diffusion[0, 0] = 0.8, 0.2
    return Hint.of(Draft(geodesic, diffusion), [0, 1], 16)


def even(*probabilities: float) -> torch.Tensor:
    """(1, C, 2, 2), everywhere the same."""
    return torch.tensor(probabilities)[None, :, None, None].expand(1, -1, 2, 2)


@pytest.mark.parametrize("weights", [USUAL, COMPLETING])
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
    hint = Hint(even(0.2, 0.8), even(0.5, 0.5), torch.ones(1, 1, 2, 2))
    model = even(0.8, 0.2).log()
    torch.testing.assert_close(blend(model, hint, None, Weights(0.5, 0.5)).exp(), even(0.5, 0.5))
    odds = blend(model, hint, None, Weights(0.5, 0.0, 0.5)).exp()
    torch.testing.assert_close(odds[:, 0] / odds[:, 1], torch.full((1, 2, 2), 2.0))
    looks = blend(model, hint, even(0.2, 0.8).log(), Weights(0.5, 0.0, 0.0, 0.5)).exp()
    torch.testing.assert_close(looks, even(0.5, 0.5))


def test_without_appearance_the_others_share_its_weight() -> None:
    hint = Hint(even(0.2, 0.8), even(0.5, 0.5), torch.ones(1, 1, 2, 2))
    model = even(0.8, 0.2).log()
    torch.testing.assert_close(
        blend(model, hint, None, Weights(0.3, 0.3, 0.0, 0.4)), blend(model, hint, None, Weights(0.5, 0.5))
    )


def test_nobody_is_surer_than_a_thousand_to_one() -> None:
    hint = Hint(even(1.0, 0.0), even(1.0, 0.0), torch.ones(1, 1, 2, 2))
    sure = blend(
        even(0.0, 1.0).log().clamp(min=-30), hint, even(1.0, 0.0).log(), Weights(0.0, 0.5, 0.25, 0.25)
    )
    torch.testing.assert_close(sure[:, 1].exp(), torch.full((1, 2, 2), 1e-3), atol=1e-4, rtol=0)
