"""Holes are moved to where the image is known."""

from __future__ import annotations

import numpy as np

from MVGCore.images.holes import Move, deepest, moved, moves_for


def holes_at(*slices: int, depth: int = 12) -> np.ndarray:
    holes = np.zeros((depth, 10, 12), bool)
    holes[list(slices), 3:6, 4:9] = True
    return holes


def test_a_hole_goes_to_the_nearest_slices_whose_surroundings_are_intact() -> None:
    moves = moves_for(holes_at(5, 6), 5, 3)
    assert all(move.source == 5 for move in moves)
    assert [move.row for move in moves[:2]] == [2, 8]  # with room for the second slice and the rim
    assert all(not holes_at(5, 6)[move.row].any() for move in moves)


def test_moved_holes_keep_their_shape_and_depth() -> None:
    holes = holes_at(5, 6)
    shifted = moved(holes, Move(5, 9), range(12))
    assert np.array_equal(np.flatnonzero(shifted.any((1, 2))), [9, 10])
    assert np.array_equal(shifted[9], holes[5])


def test_holes_that_leave_the_volume_are_cut_off() -> None:
    shifted = moved(holes_at(5, 6), Move(6, 0), range(12))
    assert np.flatnonzero(shifted.any((1, 2))).tolist() == [0]


def test_slices_beyond_the_volume_repeat_its_ends() -> None:
    shifted = moved(holes_at(5), Move(5, 0), [-1, 0, 1])
    assert shifted.any((1, 2)).tolist() == [True, True, False]


def test_without_an_intact_slice_the_hole_moves_within_its_own() -> None:
    holes = holes_at(*range(12))
    (move,) = moves_for(holes, 4, 3)
    assert (move.source, move.row) == (4, 4) and move.shift != (0, 0)
    shifted = moved(holes, move, [4])[0]
    assert shifted.any() and not (shifted & holes[4]).any()


def test_the_deepest_hole() -> None:
    assert deepest(holes_at(2, 3, 4, 8)) == 3
    assert deepest(np.zeros((3, 4, 4), bool)) == 0
