"""Every peer fills a volume sensibly, keeps what it was given, and works along every axis."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.evaluation import peers
from MVGCore.evaluation.cases import BenchmarkExample, keep_slices
from MVGCore.evaluation.catalogue import peer_by_name
from MVGCore.evaluation.runner import BenchmarkTask, MethodProcess
from MVGCore.evaluation.seeded_peers import RandomWalker, Seeds
from MVGCore.metrics import score_propagation
from MVGCore.volume import Geometry, LabelMap, Volume

SLICES = (3, 8, 13)
NEEDS = {"contour interpolation": "itk", "GrowCut": "itk", "random walker": "skimage"}
# Dice on the slices between: copies miss the change of shape, the others follow it.
AT_LEAST = {
    "nearest slice": 0.80,
    "signed distance": 0.84,
    "contour interpolation": 0.80,
    "GrowCut": 0.90,
    "random walker": 0.90,
}


@dataclass(frozen=True)
class Apart:
    """A peer in a process of its own, as the benchmark runs it: ITK's filters may take theirs with them."""

    process: MethodProcess
    name: str
    extra: str | None

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        outcome = self.process.run(BenchmarkTask(image, few, axis, tuple(slices), seed))
        assert outcome.labels is not None, outcome.error
        return outcome.labels


@pytest.fixture(params=list(AT_LEAST), scope="module")
def peer(request: pytest.FixtureRequest) -> Iterator[peers.Peer]:
    peer = peer_by_name(request.param)
    if request.param not in NEEDS:
        yield peer
        return
    pytest.importorskip(NEEDS[request.param], reason=f"the {request.param} peer needs it")
    with MethodProcess(peer, time_limit_s=300) as process:
        yield Apart(process, peer.name, peer.extra)


def turned(example: BenchmarkExample, axis: int) -> BenchmarkExample:
    """The example with its slices along another array axis."""
    order = [1, 2]
    order.insert(axis, 0)
    geometry = example.image.geometry.permuted(order)
    image = Volume(np.ascontiguousarray(example.image.array.transpose(order)), geometry)
    labels = np.ascontiguousarray(example.truth.array.transpose(order))
    return BenchmarkExample(image, LabelMap(labels, geometry, example.truth.classes), axis)


def dice_of(peer: peers.Peer, example: BenchmarkExample) -> float:
    few = keep_slices(example.truth, example.axis, SLICES)
    labels = peer(example.image, few, example.axis, SLICES)
    assert labels.shape == example.truth.array.shape and labels.dtype == example.truth.array.dtype
    given = np.take(labels, SLICES, axis=example.axis)
    np.testing.assert_array_equal(given, np.take(example.truth.array, SLICES, axis=example.axis))
    spacing = example.image.geometry.array_spacing
    score = score_propagation(example.truth.array, labels, spacing, example.axis, SLICES, surfaces=False)
    assert score.dice is not None
    return score.dice


def test_a_peer_fills_the_volume_along_every_axis(peer: peers.Peer, example: BenchmarkExample) -> None:
    scores = [dice_of(peer, turned(example, axis)) for axis in range(3)]
    assert min(scores) >= AT_LEAST[peer.name]
    assert max(scores) - min(scores) < 0.02


def test_a_peer_takes_a_single_labelled_slice(peer: peers.Peer, example: BenchmarkExample) -> None:
    few = keep_slices(example.truth, 0, [8])
    labels = peer(example.image, few, 0, [8])
    np.testing.assert_array_equal(labels[8], few.array[8])
    assert set(np.unique(labels)) <= {0, 3, 300}
    assert labels[7].any() and labels[9].any()


def test_nearest_slice_copies_exactly() -> None:
    geometry = Geometry.identity((6, 2, 2))
    array = np.zeros((6, 2, 2), np.uint8)
    array[1], array[4] = 1, 2
    few = LabelMap.of(array, geometry)
    labels = peers.NearestSlice()(Volume(array.astype(np.float32), geometry), few, 0, [4, 1])
    assert labels[:, 0, 0].tolist() == [1, 1, 1, 2, 2, 2]


def test_signed_distance_meets_half_way() -> None:
    geometry = Geometry.identity((5, 24, 24))
    array = np.zeros((5, 24, 24), np.uint8)
    array[0, 4:8, 4:20] = 1
    array[4, 4:16, 4:20] = 1
    few = LabelMap.of(array, geometry)
    labels = peers.SignedDistance()(Volume(array.astype(np.float32), geometry), few, 0, [0, 4])
    rows = labels[2, :, 12].nonzero()[0]
    assert rows.min() == 4 and abs(int(rows.max()) - 11) <= 1


def test_signed_distance_lets_a_class_that_ends_shrink_and_vanish() -> None:
    geometry = Geometry.identity((9, 20, 20))
    array = np.zeros((9, 20, 20), np.uint8)
    array[0, 5:15, 5:15] = 1
    few = LabelMap.of(array, geometry)
    labels = peers.SignedDistance()(Volume(array.astype(np.float32), geometry), few, 0, [0, 8])
    sizes = labels.sum(axis=(1, 2)).tolist()
    assert sizes[0] == 100 and sizes[1] < 100 and sizes[1] >= sizes[2] >= sizes[3]
    assert sizes[5:] == [0, 0, 0, 0]


def test_seeds_make_the_unlabelled_pixels_of_a_labelled_slice_background(example: BenchmarkExample) -> None:
    few = keep_slices(example.truth, 0, SLICES)
    seeds = Seeds.of(example.image, few, 0, SLICES)
    assert seeds.ids.tolist() == [0, 3, 300]
    assert (seeds.seeds[list(SLICES)] > 0).all()
    others = np.delete(seeds.seeds, SLICES, axis=0)
    assert not others.any()
    assert seeds.spacing == (2.5, 1.0, 1.0)


def test_the_coarse_random_walk_agrees_with_the_exact_one(example: BenchmarkExample) -> None:
    pytest.importorskip("skimage", reason="the random walker needs scikit-image")
    few = keep_slices(example.truth, 0, SLICES)
    exact = RandomWalker()(example.image, few, 0, SLICES)
    coarse = RandomWalker(max_unknowns=20_000)(example.image, few, 0, SLICES)
    assert (exact == coarse).mean() > 0.95
    assert (exact != coarse).any()


def test_a_missing_library_is_named_with_its_remedy(
    example: BenchmarkExample, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] in ("itk", "skimage"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for module in ("itk", "skimage.segmentation"):
        monkeypatch.setitem(sys.modules, module, None)
    few = keep_slices(example.truth, 0, SLICES)
    for name in NEEDS:
        with pytest.raises(MissingExtraError, match=r'pip install "mvg-slicer\[peers\]"'):
            peer_by_name(name)(example.image, few, 0, SLICES)


def test_unknown_peers_and_no_slices_are_refused(example: BenchmarkExample) -> None:
    with pytest.raises(InputError, match="choose one of nearest slice"):
        peer_by_name("magic")
    with pytest.raises(InputError, match="at least one slice"):
        peers.NearestSlice()(example.image, example.truth, 0, [])


def test_ct_gets_its_window(example: BenchmarkExample) -> None:
    image = replace(example.image, array=example.image.array * 100 - 1000, modality="CT")
    seeds = Seeds.of(image, keep_slices(example.truth, 0, SLICES), 0, SLICES)
    assert seeds.image.min() == 0.0
    assert (seeds.image == 0.0).mean() > 0.3  # air, far below the window
