"""Labels in a small part of a volume are registered there once more; atlases that repeat others wait."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.datasets.atlas import atlas as atlases
from MVGCore.datasets.atlas.atlas import Atlas, label_by_atlases
from MVGCore.datasets.atlas.registration import Registered
from MVGCore.datasets.atlas.scan import Scan, region_around
from MVGCore.metrics import dice_per_class
from MVGCore.volume import Geometry, LabelMap, Volume
from Testing.core.datasets.test_atlas import scene


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.integers(0, 19)] * 3),
    st.tuples(*[st.integers(1, 6)] * 3),
    st.sampled_from([0.0, 2.0, 7.5]),
)
def test_the_region_has_all_labels_and_its_margin_or_is_everything(
    start: tuple[int, ...], size: tuple[int, ...], margin: float
) -> None:
    labels, spacing = np.zeros((20, 20, 20), np.uint16), (2.5, 1.0, 0.5)
    labels[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))] = 4
    region = region_around(labels, spacing, margin)
    places = np.argwhere(labels)
    for axis in range(3):
        low, high = places[:, axis].min(), places[:, axis].max() + 1
        wider = round(margin / spacing[axis])
        meant = slice(max(0, low - wider), min(20, high + wider))
        assert (slice(0, 20) if region is None else region[axis]) == meant


def test_nothing_labelled_has_no_region() -> None:
    assert region_around(np.zeros((3, 4, 5), np.uint16), (1, 1, 1), 1.0) is None


def test_a_part_lies_where_it_is_and_is_finer_than_the_whole() -> None:
    image = Volume(
        np.random.default_rng(0).random((80, 100, 100), np.float32),
        Geometry((80, 100, 100), (1.0, 1.0, 2.0), (7.0, -4.0, 2.0)),
    )
    region = (slice(30, 60), slice(20, 60), slice(50, 90))
    whole, part = Scan.of(image), Scan.of(image, region)
    assert part.image.GetSize() == (40, 40, 30) and part.image.GetSpacing() == (1.0, 1.0, 2.0)
    assert whole.image.GetSpacing()[0] > 1.0
    assert part.image.GetOrigin() == pytest.approx((7.0 + 50, -4.0 + 20, 2.0 + 60))


def test_labels_in_a_small_part_are_registered_there_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    small = scene(0)
    wide = [(8, 8), (30, 30), (30, 30)]
    geometry = Geometry((34, 90, 88), small.image.geometry.spacing)
    image = Volume(np.pad(small.image.array, wide), geometry)
    target = Atlas(image, LabelMap.of(np.pad(small.labels.array, wide), geometry, small.labels.classes))
    seen: list[tuple[int, ...]] = []

    def deformed(fixed: Scan, moving: Scan, start: Registered) -> Registered:
        seen.append(fixed.image.GetSize())
        return start

    monkeypatch.setattr(atlases, "deformed", deformed)
    monkeypatch.setattr(atlases, "MARGIN_MM", 5.0)
    ids, probabilities = label_by_atlases(target.image, [scene(1)])
    assert seen and np.prod(seen[0]) < 0.5 * image.array.size
    labels = np.array([0, *ids], np.uint16)[probabilities.argmax(0)]
    assert dice_per_class(target.labels.array, labels, [2])[2] > 0.8


def test_an_atlas_that_repeats_others_is_asked_for_a_class_that_they_lack_alone() -> None:
    target, one = scene(0), scene(1)
    without = LabelMap.of(
        np.where(one.labels.array == 5, 0, one.labels.array), one.labels.geometry, one.labels.classes[:1]
    )
    repeats = Atlas(scene(2).image, scene(2).labels, repeats=True)
    alone = label_by_atlases(target.image, [one])
    for given_atlases in ([one, repeats], [repeats, one]):
        again = label_by_atlases(target.image, given_atlases)
        assert again[0] == alone[0] and np.array_equal(again[1], alone[1])
    ids, probabilities = label_by_atlases(target.image, [Atlas(one.image, without), repeats])
    assert ids == (2, 5)
    chosen = np.array([0, *ids], np.uint16)[probabilities.argmax(0)]
    assert dice_per_class(target.labels.array, chosen, [5])[5] > 0.7
