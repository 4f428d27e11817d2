"""A small volume in two contrasts, and engines: of small untrained weights, and of a model that repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from MVGCore.images import Engine
from MVGCore.models import load
from MVGCore.models.device import select_device
from MVGCore.volume import Geometry, Volume
from Testing.core.images.helpers import Repeater

SHAPE = (14, 40, 36)


@pytest.fixture
def repeater() -> Engine:
    return Engine(Repeater(), select_device("cpu"))


@pytest.fixture(scope="session")
def engine(small_weights: Path) -> Engine:
    device = select_device("cpu")
    return Engine(load(small_weights, device), device)


@pytest.fixture
def anatomy() -> np.ndarray:
    """A ball with a smaller one inside, in 0..1."""
    k, j, i = np.indices(SHAPE)
    ball = np.hypot(np.hypot(j - 20, i - 18), (k - 7) * 2) < 15
    inner = np.hypot(np.hypot(j - 18, i - 22), (k - 7) * 2) < 7
    return (0.4 * ball + 0.4 * inner).astype(np.float32)


@pytest.fixture
def ct(anatomy: np.ndarray) -> Volume:
    """Like CT: whole Hounsfield units in int16, anisotropic and away from the origin."""
    noise = np.random.default_rng(0).normal(0, 8, SHAPE)
    array = np.rint(anatomy * 1000 - 1000 + noise).astype(np.int16)
    return Volume(array, Geometry(SHAPE, (1.0, 1.0, 2.5), (5.0, -3.0, 7.0)), "ct", "CT")


@pytest.fixture
def other(anatomy: np.ndarray, ct: Volume) -> Volume:
    """The same in another contrast: uint16, with a dark inner ball."""
    array = np.rint(300 + 2000 * np.sin(anatomy * 3)).astype(np.uint16)
    return Volume(array, ct.geometry, "other", "MR")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
