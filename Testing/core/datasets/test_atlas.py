"""Labels of other volumes, registered and fused."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from MVGCore.datasets.atlas.atlas import Atlas, label_by_atlases
from MVGCore.datasets.atlas.fusion import Vote, fuse
from MVGCore.datasets.atlas.judge import UNKNOWN, judge, told_by_others
from MVGCore.datasets.atlas.result import result_of
from MVGCore.datasets.atlas.scan import Scan
from MVGCore.errors import CancelledError, InputError
from MVGCore.metrics import dice_per_class
from MVGCore.prompts import PromptSet
from MVGCore.segmentation.review.expected_dice import AS_STATED
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume

BLOB, BALL = SegmentClass.default(2), SegmentClass.default(5)


def scene(seed: int, spacing: tuple[float, float, float] = (1.0, 1.0, 1.5)) -> Atlas:
    """An ellipsoid with a bright ball in it, somewhat different for each seed."""
    rng = np.random.default_rng(seed)
    shape = tuple(
        round(n * s / t) for n, s, t in zip((18, 30, 28), (1.5, 1.0, 1.0), spacing[::-1], strict=True)
    )
    z, y, x = (np.indices(shape) + 0.5) * np.array(spacing[::-1])[:, None, None, None]
    shift, size = rng.normal(0, 1, 3), rng.uniform(0.9, 1.1, 3)

    def inside(radii: tuple[float, float, float], at: tuple[float, float, float]) -> np.ndarray:
        places = zip((z, y, x), at, shift, radii, size, strict=True)
        return np.asarray(sum(((p - c - s) / (r * f)) ** 2 for p, c, s, r, f in places) < 1)

    labels = np.where(inside((9, 10, 9), (13, 15, 14)), 2, 0)
    labels[inside((4, 4, 4), (13, 18, 14))] = 5
    image = 40.0 * (labels == 2) + 80.0 * (labels == 5) + rng.normal(0, 3, shape)
    geometry = Geometry(shape, spacing, (7.0, -4.0, 2.0))
    return Atlas(
        Volume(image.astype(np.float32), geometry, f"scene {seed}"),
        LabelMap.of(labels, geometry, [BLOB, BALL]),
    )


def dice(ids: tuple[int, ...], probabilities: np.ndarray, truth: LabelMap) -> dict[int, float]:
    return dice_per_class(truth.array, np.array([0, *ids])[probabilities.argmax(0)].astype(np.uint16), [2, 5])


def test_several_atlases_label_another_volume_on_another_grid() -> None:
    target = scene(0, (1.2, 1.1, 1.3))
    ids, probabilities = label_by_atlases(target.image, [scene(1), scene(2)])
    assert ids == (2, 5)
    assert np.allclose(probabilities.sum(0), 1, atol=1e-4)
    found = dice(ids, probabilities, target.labels)
    assert found[2] > 0.9 and found[5] > 0.8
    again = label_by_atlases(target.image, [scene(1), scene(2)])[1]
    assert np.array_equal(again, probabilities)


def test_what_was_labelled_before_does_not_change_a_result() -> None:
    """Atlases stay in memory, and ITK notes in an image which part of it was asked for last."""
    target = scene(0).image
    part = scene(3).image.array[4:14, 6:24, 5:22]
    smaller = Volume(part, Geometry(part.shape, target.geometry.spacing, (12.0, 2.0, 8.0)))
    atlases = [scene(1), scene(2)]
    first = label_by_atlases(target, atlases)[1]
    label_by_atlases(smaller, atlases)
    assert np.array_equal(label_by_atlases(target, atlases)[1], first)


def test_a_class_that_one_atlas_does_not_show_is_not_voted_down() -> None:
    target, without = scene(0), scene(1)
    without = Atlas(
        without.image,
        LabelMap.of(np.where(without.labels.array == 5, 2, without.labels.array), without.labels.geometry),
    )
    ids, probabilities = label_by_atlases(target.image, [without, scene(2)])
    assert dice(ids, probabilities, target.labels)[5] > 0.7


def test_the_vote_of_the_more_similar_image_counts() -> None:
    image, other = np.random.default_rng(0).random((2, 8, 8, 8), np.float32)
    one = np.ones((8, 8, 8), np.uint16)
    votes = [Vote(one, 0.5 * image + 0.3, (1,)), Vote(0 * one, other, (1,))]
    assert fuse(image, (1, 1, 1), votes, (1,))[1].min() > 0.9


@pytest.mark.parametrize("off", [1, 2])
def test_an_error_of_registration_of_two_voxels_is_mended(off: int) -> None:
    """Across the borders of the blocks that are fused one after the other, too."""
    shape = (12, 12, 40)
    image = np.random.default_rng(1).random(shape, np.float32)
    labels = np.zeros(shape, np.uint16)
    labels[..., 10:-8] = 3
    shifted = Vote(np.roll(labels, off, 2), np.roll(image, off, 2), (3,))
    shares = fuse(image, (1, 1, 1), [shifted], (3,))
    assert np.array_equal(shares[1] > 0.5, labels == 3)
    assert np.allclose(shares.sum(0), 1, atol=1e-5)


def test_places_of_single_slices_are_compared_with_themselves_alone() -> None:
    image = np.random.default_rng(2).random((1, 20, 200), np.float32)
    labels = np.zeros(image.shape, np.uint16)
    labels[..., 10:-8] = 3
    shares = fuse(image, (1, 1, 1), [Vote(np.roll(labels, 2, 2), np.roll(image, 2, 2), (3,))], (3,))
    assert np.array_equal(shares[1] > 0.5, np.roll(labels, 2, 2) == 3)


def test_large_volumes_are_registered_on_coarser_voxels() -> None:
    geometry = Geometry((100, 300, 280), (0.5, 0.5, 2.0))
    image = Volume(np.random.default_rng(0).random(geometry.shape, np.float32), geometry)
    coarse = Scan.of(image)
    assert coarse.image.GetNumberOfPixels() < 500_000
    assert max(coarse.image.GetSpacing()) / min(coarse.image.GetSpacing()) <= 2.01


def test_slices_of_air_alone_take_no_part_in_the_registration() -> None:
    target = scene(0)
    shape = target.image.array.shape
    padded = np.full((shape[0] + 20, *shape[1:]), target.image.array.min(), np.float32)
    padded[12 : 12 + shape[0]] = target.image.array
    k, j, i = padded.shape
    image = Volume(padded, Geometry((k, j, i), target.image.geometry.spacing), "padded")
    alone, among = Scan.of(target.image), Scan.of(image)
    assert among.image.GetSize() == alone.image.GetSize()
    assert among.image.GetOrigin()[2] == pytest.approx(12 * target.image.geometry.spacing[2])
    # The darkest voxel of the scan has the value of the filling, and so no part in the percentiles.
    np.testing.assert_allclose(*(sitk.GetArrayFromImage(each.image) for each in (among, alone)), atol=5e-4)


def test_the_result_tells_how_sure_it_is() -> None:
    target = scene(0)
    ids, probabilities = label_by_atlases(target.image, [scene(1)])
    result = result_of(target.image, ids, probabilities, 0, [BLOB, BALL], AS_STATED, {}, ["A note."])
    assert result.labels.classes == (BLOB, BALL) and result.notes == ("A note.",)
    assert result.expected_dice is not None and 0.5 < result.expected_dice.value <= 1
    assert set(result.class_dice) == {2, 5} and len(result.slice_confidence) == 18


def test_examples_judge_each_other_on_their_drawn_slices() -> None:
    atlases = [scene(n) for n in range(3)]
    drawn = [PromptSet.from_labelmap(a.image, a.labels, axis=0, slices=[7, 9]).prompts for a in atlases]
    judged = judge(told_by_others(atlases), drawn)
    assert judged.dice is not None and judged.dice > 0.75
    assert 0.7 < judged.lines.of_volume.slope < 1.2
    alone = judge(told_by_others(atlases[:1]), drawn[:1])
    assert alone.dice is None and alone.lines.of_class == UNKNOWN


def test_bad_input_and_cancelling() -> None:
    target = scene(0)
    empty = Atlas(target.image, LabelMap.of(0 * target.labels.array, target.labels.geometry))
    with pytest.raises(InputError, match="No example shows a class"):
        label_by_atlases(target.image, [empty])
    with pytest.raises(CancelledError):
        label_by_atlases(target.image, [target], cancelled=lambda: True)
