"""A small labelled volume and small untrained weights, shared by the tests of propagation and session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume

SMALL = {"widths": (16, 16, 16, 16), "blocks": (1, 1, 1, 1), "heads": (1, 2, 2), "key_dim": 8}


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small untrained compact network: without training it mostly copies the draft."""
    import torch

    from MVGCore.models import create, save_weights

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(create("compact", **SMALL), path, {})
    return path


@pytest.fixture
def tube() -> tuple[Volume, LabelMap]:
    """A bright leaning tube (class 3) beside a brighter box (class 300) in weak noise; (14, 40, 36)."""
    shape = (14, 40, 36)
    k, j, i = np.indices(shape)
    labels = np.zeros(shape, np.uint16)
    labels[np.hypot(j - 18 - k / 4, i - 11) < 7] = 3
    labels[(abs(j - 22) < 8) & (abs(i - 27) < 5)] = 300
    image = np.random.default_rng(0).normal(0, 3, shape).astype(np.float32)
    image += 60.0 * (labels == 3) + 110.0 * (labels == 300)
    classes = (SegmentClass(3, "tube", (0.9, 0.2, 0.2)), SegmentClass(300, "box", (0.2, 0.2, 0.9)))
    geometry = Geometry(shape, (1.0, 1.0, 2.0), (5.0, -3.0, 7.0))
    return Volume(image, geometry, "tube", "MR"), LabelMap(labels, geometry, classes)
