"""Small volumes that many tests share, and the screen of the tests that open windows."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from hypothesis import settings

from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume
from Testing.display import Display, open_display

# A loaded machine is slow, not wrong; and the integration tests the same examples every time.
settings.register_profile("mvg", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("mvg")

DISPLAY = pytest.StashKey[Display]()


def pytest_configure(config: pytest.Config) -> None:
    # Workers of pytest-xdist have a screen each: they would fight for the pointer and the focus of one.
    leads_workers = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    config.stash[DISPLAY] = Display() if leads_workers else open_display()


def pytest_runtest_setup(item: pytest.Item) -> None:
    why_not = item.config.stash[DISPLAY].why_not
    if why_not and item.get_closest_marker("display"):
        # The integration never goes without: a screen that is missing there is a mistake.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"Needs a screen: {why_not}.")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def oblique() -> Geometry:
    """Anisotropic, turned by 0.3 rad about z, k downwards."""
    c, s = math.cos(0.3), math.sin(0.3)
    return Geometry((6, 8, 10), (0.7, 0.9, 3.1), (-12.3, 44.123456, 7.7), (c, -s, 0, s, c, 0, 0, 0, -1))


@pytest.fixture
def an_image(rng: np.random.Generator, oblique: Geometry) -> Volume:
    return Volume(rng.normal(100, 20, oblique.shape).astype(np.float32), oblique, name="t1")


@pytest.fixture
def a_labelmap(oblique: Geometry) -> LabelMap:
    """Two classes on the slices k = 1 and k = 4."""
    array = np.zeros(oblique.shape, np.uint8)
    for k in (1, 4):
        array[k, 2:6, 2:5] = 1
        array[k, 2:6, 6:9] = 5
    terminology = "Segmentation category and type~SCT^85756007^Tissue~SCT^10200004^Liver~^^~~^^~^^"
    classes = (
        SegmentClass(1, "Leber, größer", (0.5, 0.25, 0.125), terminology),
        SegmentClass(5, r"a \ b: c", (1 / 3, 0.1, 1.0)),
    )
    return LabelMap.of(array, oblique, classes)
