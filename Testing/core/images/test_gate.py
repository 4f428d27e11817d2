"""The network gets the share that would have served best where the answer is known."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.images.gate import SHARES, Trial, best_share, mix, spread


def trial(share: float, noise: float = 0.0) -> Trial:
    """One whose truth is the mixture of this share."""
    generator = torch.Generator().manual_seed(0)
    draft, generated = torch.rand(2, 1, 8, 8, generator=generator)
    truth = mix(draft, generated, share) + noise * torch.randn(1, 8, 8, generator=generator)
    return Trial(draft, generated, truth)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("power", [1, 2])
def test_the_best_share_is_found(share: float, power: int) -> None:
    assert best_share([trial(share)], power, undecided=0.3) == share


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=4), st.floats(0, 0.3), st.sampled_from([1, 2]))
def test_the_result_is_never_worse_than_the_draft_on_the_trials(
    shares: list[float], noise: float, power: int
) -> None:
    trials = [trial(share, noise) for share in shares]

    def error(share: float) -> float:
        ratios = [
            float((mix(t.draft, t.generated, share) - t.truth).abs().pow(power).mean())
            / max(float((t.draft - t.truth).abs().pow(power).mean()), 1e-12)
            for t in trials
        ]
        return sum(ratios) / len(ratios)

    assert error(best_share(trials, power, undecided=1.0)) <= error(0.0) + 1e-3


def test_without_a_trial_or_with_nothing_to_compare_it_is_undecided() -> None:
    nothing = trial(0.5)
    nothing = Trial(
        nothing.draft, nothing.generated, nothing.truth, torch.zeros_like(nothing.truth, dtype=torch.bool)
    )
    assert best_share([], 2, undecided=0.75) == 0.75
    assert best_share([nothing], 2, undecided=0.25) == 0.25


def test_only_the_region_counts() -> None:
    one = trial(1.0)
    region = torch.zeros(1, 8, 8, dtype=torch.bool)
    region[0, :2] = True
    truth = torch.where(region, one.draft, one.truth)
    assert best_share([Trial(one.draft, one.generated, truth, region)], 1, undecided=0.5) == 0


def test_equally_good_shares_leave_the_draft_alone() -> None:
    one = trial(0.5)
    assert best_share([Trial(one.draft, one.draft + 1e-7, one.truth)], 2, undecided=0.5) == 0


def test_what_the_draft_knows_beyond_the_window_stays() -> None:
    draft = torch.tensor([[[1.5, 0.5, -0.25]]])
    generated = torch.tensor([[[1.0, 0.7, 0.0]]])
    assert torch.allclose(mix(draft, generated, 1.0), torch.tensor([[[1.5, 0.7, -0.25]]]))


def test_spread_takes_evenly() -> None:
    assert spread([3, 5], 4) == [3, 5]
    assert spread(list(range(10)), 4) == [0, 3, 6, 9]
