"""The intensity window for what was labelled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.volume.contrast import labelled_window
from MVGCore.volume.normalise import robust_window


def scan(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Like CT: air, soft tissue, a labelled organ of 60 and bone of 1000."""
    image = rng.choice([-1000.0, 0.0, 60.0, 1000.0], size=(4, 30, 30), p=[0.4, 0.3, 0.2, 0.1])
    labelled = image == 60
    return (image + rng.normal(0, 8, image.shape)).astype(np.float32), labelled


def test_shows_the_labelled_range_and_as_much_on_either_side(rng: np.random.Generator) -> None:
    image, labelled = scan(rng)
    window = labelled_window(image, labelled)
    # The organ spans about 33 units, so the tenth of the full range of 2000 decides: 200 on either side.
    assert window.low == pytest.approx(60 - 16 - 200, abs=15)
    assert window.high == pytest.approx(60 + 16 + 200, abs=15)


def test_nothing_labelled_gives_the_robust_window(rng: np.random.Generator) -> None:
    image, labelled = scan(rng)
    assert labelled_window(image, np.zeros_like(labelled)) == robust_window(image)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 4), st.floats(0.5, 100), st.floats(-500, 500))
def test_stays_within_the_robust_window_and_follows_the_scale(
    seed: int, reach: float, gain: float, offset: float
) -> None:
    image, labelled = scan(np.random.default_rng(seed))
    full, window = robust_window(image), labelled_window(image, labelled, reach)
    assert full.low <= window.low < window.high <= full.high
    assert window.low <= np.median(image[labelled]) <= window.high
    scaled = labelled_window(image * gain + offset, labelled, reach)
    assert scaled.low == pytest.approx(window.low * gain + offset, rel=1e-3, abs=1e-2 * gain)
    assert scaled.high == pytest.approx(window.high * gain + offset, rel=1e-3, abs=1e-2 * gain)


def test_a_farther_reach_shows_more(rng: np.random.Generator) -> None:
    image, labelled = scan(rng)
    near, far = (labelled_window(image, labelled, reach) for reach in (0.5, 2.0))
    assert far.low < near.low and near.high < far.high


def test_labels_beyond_the_robust_window_fall_back_on_it() -> None:
    image = np.linspace(0, 1, 10_000, dtype=np.float32)
    image[-3:] = 50.0
    assert labelled_window(image, image > 2) == robust_window(image)


def test_a_constant_image_is_refused() -> None:
    with pytest.raises(InputError, match="constant"):
        labelled_window(np.ones((3, 3)), np.ones((3, 3), bool))
