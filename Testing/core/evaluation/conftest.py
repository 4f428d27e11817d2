"""Small volumes with a known truth, shared by the tests of the evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from MVGCore.evaluation.cases import BenchmarkExample
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume

CLASSES = (SegmentClass(3, "tube", (0.9, 0.2, 0.2)), SegmentClass(300, "core", (0.2, 0.2, 0.9)))


@pytest.fixture()
def example() -> BenchmarkExample:
    """A bright tube of class 3 around a core of class 300 that widens from slice to slice; (16, 40, 36)."""
    shape = (16, 40, 36)
    k, j, i = np.indices(shape)
    radius = np.hypot(j - 20, i - 17)
    labels = np.zeros(shape, dtype=np.uint16)
    labels[radius < 9 + k / 4] = 3
    labels[radius < 3 + k / 6] = 300
    labels[:2] = 0
    image = np.zeros(shape, dtype=np.float32)
    image[labels == 3], image[labels == 300] = 60, 100
    image += np.random.default_rng(0).normal(0, 4, shape).astype(np.float32)
    geometry = Geometry(shape, (1.0, 1.0, 2.5), (5.0, -3.0, 7.0))
    return BenchmarkExample(
        Volume(image, geometry, "tube", "MR"), LabelMap(labels, geometry, CLASSES), axis=0
    )
