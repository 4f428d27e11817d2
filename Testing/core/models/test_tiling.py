"""Tiles cover a slice without seams."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.models.tiling import OVERLAP, Tiling

sizes = st.integers(1, 200)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes)
def test_cut_and_summed_tiles_give_the_slice_back(rows: int, columns: int) -> None:
    planes = torch.rand(2, rows, columns, generator=torch.Generator().manual_seed(rows + 1000 * columns))
    tiling = Tiling.of((rows, columns), (64, 96))
    padded = tiling.pad(planes)
    total = torch.zeros_like(padded)
    for tile in tiling:
        tiling.crop(total, tile).add_(tiling.crop(padded, tile) * tile.weights)
    assert torch.allclose(tiling.unpad(total), planes, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(sizes, sizes)
def test_every_tile_lies_inside_and_overlaps_the_next(rows: int, columns: int) -> None:
    tiling = Tiling.of((rows, columns), (64, 96))
    for starts, size in ((tiling.rows, rows), (tiling.columns, columns)):
        assert starts[0] == 0
        assert starts[-1] + tiling.side >= size
        steps = [b - a for a, b in zip(starts, starts[1:], strict=False)]
        assert all(tiling.side - step >= OVERLAP * tiling.side for step in steps)


@pytest.mark.parametrize(
    ("shape", "side", "tiles"), [((40, 60), 64, 1), ((90, 90), 96, 1), ((150, 90), 96, 2), ((100, 90), 64, 4)]
)
def test_the_side_with_the_fewest_pixels_is_taken(shape: tuple[int, int], side: int, tiles: int) -> None:
    tiling = Tiling.of(shape, (64, 96))
    assert (tiling.side, len(list(tiling))) == (side, tiles)


def test_small_slices_are_mirrored_and_keep_their_type() -> None:
    known = torch.zeros(1, 3, 5, dtype=torch.bool)
    known[0, 0, 0] = True
    tiling = Tiling.of((3, 5), (8,))
    padded = tiling.pad(known)
    assert padded.shape == (1, 8, 8) and padded.dtype == torch.bool
    assert padded[0, 2, 1] and padded[0, 1, 0] and padded[0, 1, 1]
    assert torch.equal(tiling.unpad(padded), known)
