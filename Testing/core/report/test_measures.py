"""Sizes, parts and places of classes, and which of them are unlike the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from MVGCore.report.measures import ClassMeasures, measure_classes, unlike_the_rest
from MVGCore.volume import Geometry, LabelMap, SegmentClass

USUAL = ClassMeasures(1, 10.0, 1, (10.0, 10.0, 10.0), (0.5, 0.5, 0.5))


def test_a_class_is_measured_in_millimetres_and_shares() -> None:
    array = np.zeros((10, 20, 40), np.uint8)
    array[2:4, 5:10, 0:20] = 2
    array[8, 5:10, 0:20] = 2  # a second part
    array[0, 0, 39] = 2  # a speck, under a hundredth
    classes = [SegmentClass.default(1), SegmentClass.default(2)]
    none, two = measure_classes(LabelMap.of(array, Geometry(array.shape, (0.5, 1.0, 3.0)), classes))
    assert (none.millilitres, none.parts, none.place) == (0.0, 0, None)
    assert two.millilitres == pytest.approx(301 * 1.5 / 1000)
    assert two.parts == 2
    assert two.extent_mm == (27.0, 10.0, 20.0)
    assert two.place == pytest.approx((0.482, 0.374, 0.252), abs=0.001)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"millilitres": 30.0}, ("large",)),
        ({"millilitres": 2.0, "parts": 4}, ("small", "4 parts")),
        ({"place": (0.5, 0.9, 0.5)}, ("elsewhere",)),
        ({"millilitres": 0.0, "parts": 0, "place": None}, ("missing",)),
        ({}, ()),
    ],
)
def test_what_is_unlike_the_rest_is_named(change: dict[str, object], words: tuple[str, ...]) -> None:
    rest = [(replace(USUAL, millilitres=10 + n / 10),) for n in range(12)]
    told = unlike_the_rest([*rest, (replace(USUAL, **change),)])  # type: ignore[arg-type]
    assert told == [{}] * 12 + [{1: words} if words else {}]


def test_few_volumes_tell_nothing() -> None:
    assert unlike_the_rest([(USUAL,)] * 3 + [(replace(USUAL, millilitres=99.0),)]) == [{}] * 4
