"""How probable a class has to be to be chosen: as probable as the best Dice to expect asks for.

The likeliest class of every pixel makes the fewest errors, which is not the highest Dice: a structure that is
nowhere likelier than background would be left out altogether. The expected overlap is largest where a pixel
is chosen from half of the Dice on that can be reached (the optimum of the F-measure, Lipton et al., 2014):
nearly from one half on for what is found well, earlier for what is not. Mean Dice on held-out training cases,
by the likeliest class, by this between the labelled slices, and beyond them too:

                             3 slices             5 slices
    hippocampus (8)          .845  .848  .847     .897  .900  .899
    head and neck (6)        .578  .595  .595     .689  .697  .694
    44 parts of a head (1)   .482  .495  .508     .563  .580  .586

Beyond them it is kept from carrying structures past their ends (see `ends`; not so in the last columns).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from MVGCore.segmentation.fuse.merge import PLAUSIBLE
from MVGCore.segmentation.halves import single

Floats = NDArray[np.float32]
ClassOdds = Sequence[Floats] | None  # per group (C - 1,) factors on the odds of its classes; None: 1
LEAST_SHARE = 0.1  # no pixel is chosen below this probability
ROUNDS = 2  # the choice raises the Dice, which raises what is asked for


def fit_class_odds(probabilities: Iterable[Sequence[NDArray[np.floating]]]) -> ClassOdds:
    """What the classes get ahead.

    Args:
        probabilities: of each slice, per group (C - 1, S, S) of its classes, which take in how probable
            it is that a class is on the slice (see `extents`).
    """
    return [dice_factors(slices) for slices in zip(*probabilities, strict=True)]


def dice_factors(slices: Sequence[NDArray[np.floating]]) -> Floats:
    """(C - 1,) factors, at least 1, on the odds of each class of a group against background.

    Args:
        slices: (C - 1, S, S) probabilities of the classes, of each slice.
    """
    classes = len(slices[0])
    expected = sum(_area(planes, planes > PLAUSIBLE) for planes in _single(slices))
    factors = np.ones(classes, np.float32)
    for _ in range(ROUNDS):
        chosen, overlap = np.zeros((2, classes))
        for planes in _single(slices):
            marks = _choose(planes, factors)
            chosen += marks.sum((1, 2))
            overlap += _area(planes, marks)
        half = np.clip(overlap / np.maximum(chosen + expected, 1e-6), LEAST_SHARE, 0.5)
        factors = ((1 - half) / half).astype(np.float32)
    return factors


def _choose(planes: Floats, factors: Floats) -> NDArray[np.bool_]:
    """(C - 1, S, S) where each class is chosen."""
    scores = planes * factors[:, None, None]
    best = np.maximum(1 - planes.sum(0), scores.max(0))
    return scores >= best


def _area(planes: Floats, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(C - 1,) sums of probabilities."""
    return np.where(where, planes, 0).sum((1, 2), dtype=np.float64)


def _single(slices: Iterable[NDArray[np.floating]]) -> Iterable[Floats]:
    return (single(planes) for planes in slices)
