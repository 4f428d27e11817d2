"""Fits what confidence is worth on training cases that are held out.

    python -m MVGCore.evaluation.confidence --every 16

prints the constants for `MVGCore/segmentation/fuse/calibration.py`, and the expected calibration error before
and after, the latter for cases that took no part in the fit. For the Dice to expect see `expectation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from MVGCore.evaluation.annotation import case_parser, chosen_cases
from MVGCore.evaluation.cases import BenchmarkExample, Case, labelled_prompts, labelled_slices
from MVGCore.models.base import InContextModel
from MVGCore.models.device import select_device
from MVGCore.models.registry import load
from MVGCore.segmentation import Propagator, SliceResult
from MVGCore.segmentation.fuse.calibration import AS_STATED, OBVIOUS, Calibration, Curve, Sureness
from MVGCore.segmentation.review.expected_dice import LEAST_AREA, stated_dice, summed
from MVGCore.segmentation.transfer.label_transfer import transfer_labels

COUNTS = (1, 2, 3, 5)
BINS = 15
PER_SLICE = 60  # pixels drawn of a slice, chosen classes and background each
AROUND = 12  # slices beyond the structures that are still looked at

BETWEEN, BEYOND, CARRIED = "between", "beyond", "carried"
PLACES = (BETWEEN, BEYOND, CARRIED)
CARRIED_SLICES = 6  # labelled on the volume that they are carried over from

RIDGE = 1e-3  # keeps a curve where it is if nearly all are right

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pixels:
    """A sample of pixels of one case: stated confidence, whether it was right, how many each stands for."""

    case: str
    stated: Floats
    right: Floats
    weight: Floats


@dataclass(frozen=True)
class ConfidenceRun:
    """One case with some labelled slices, or with slices that were carried over from others, propagated."""

    case: str
    example: BenchmarkExample
    slices: tuple[int, ...]
    done: list[SliceResult]
    transferred: bool = False

    def truth(self, index: int) -> NDArray[np.integer]:
        """(H, W) true labels of a slice, of the classes that were shown."""
        plane = np.moveaxis(self.example.truth.array, self.example.axis, 0)
        present = np.unique(plane[list(self.slices)])
        return np.where(np.isin(plane[index], present), plane[index], 0)

    def place(self, index: int) -> str:
        """Where a slice lies, one of `PLACES`."""
        if self.transferred:
            return CARRIED
        return BETWEEN if self.slices[0] < index < self.slices[-1] else BEYOND


def runs(model: InContextModel, cases: Sequence[Case], calibration: Calibration) -> Iterator[ConfidenceRun]:
    """Propagates every case with 1, 2, 3 and 5 evenly spaced labelled slices, along all axes."""
    device = select_device("cpu")
    for case in cases:
        example = case.load()
        with_truth = np.flatnonzero(np.moveaxis(example.truth.array, example.axis, 0).any((1, 2)))
        for count in COUNTS:
            slices = labelled_slices(example.truth, example.axis, count)
            prompts = labelled_prompts(example, slices).prompts
            propagator = Propagator(model, device, example.image, prompts, [], calibration=calibration)
            depth = example.truth.array.shape[example.axis]
            unlabelled = [index for index in range(depth) if index not in slices]
            made = propagator.slices(unlabelled, lambda fraction, text: None, lambda: False, all_axes=True)
            last = {each.index: each for each in made}  # corrected slices come twice
            near = range(max(0, with_truth[0] - AROUND), min(depth, with_truth[-1] + AROUND + 1))
            done = [last[index] for index in near if index in last]
            yield ConfidenceRun(case.id, example, slices, done)


def carried_runs(model: InContextModel, cases: Sequence[Case]) -> Iterator[ConfidenceRun]:
    """Propagates every case from six labelled slices of the next one of its group."""
    device = select_device("cpu")
    for n, case in enumerate(cases):
        donors = [each for each in [*cases[n + 1 :], *cases[:n]] if each.group == case.group]
        if not donors:
            continue
        example, donor = case.load(), donors[0].load()
        labelled = labelled_slices(donor.truth, donor.axis, CARRIED_SLICES)
        prompts = labelled_prompts(donor, labelled).prompts
        transferred = transfer_labels(prompts, example.image)
        propagator = Propagator(
            model, device, example.image, [], prompts, calibration=AS_STATED, transferred=transferred
        )
        depth = example.truth.array.shape[example.axis]
        done = list(propagator.slices(range(depth), lambda fraction, text: None, lambda: False))
        with_truth = np.flatnonzero(np.moveaxis(example.truth.array, example.axis, 0).any((1, 2)))
        yield ConfidenceRun(case.id, example, tuple(int(each) for each in with_truth), done, transferred=True)


def sample(run: ConfidenceRun, place: str, of_class: bool, rng: np.random.Generator) -> Pixels:
    """Pixels of a run at a place in its volume, where a class (or background) was chosen."""
    stated, right, weight = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    for each in run.done:
        if run.place(each.index) != place:
            continue
        places = np.flatnonzero(
            (each.labels > 0) if of_class else (each.labels == 0) & (each.confidence < OBVIOUS)
        )
        drawn = rng.permutation(places)[:PER_SLICE]
        if len(drawn):
            stated.append(each.confidence.ravel()[drawn].astype(float))
            right.append((each.labels == run.truth(each.index)).ravel()[drawn].astype(float))
            weight.append(np.full(len(drawn), len(places) / len(drawn)))
    return Pixels(run.case, *(np.concatenate(part) for part in (stated, right, weight)))


def joined(samples: Sequence[Pixels]) -> Pixels:
    """Samples together; larger structures count more, but less than by their size."""
    weights = [each.weight / max(each.weight.sum(), 1.0) ** 0.5 for each in samples]
    return Pixels(
        "all",
        np.concatenate([each.stated for each in samples]),
        np.concatenate([each.right for each in samples]),
        np.concatenate(weights),
    )


def fit_curve(pixels: Pixels) -> Curve:
    """Logistic regression of being right on the stated log-odds."""
    stated = np.clip(pixels.stated, 1e-4, 1 - 1e-4)
    design = np.stack((np.log(stated / (1 - stated)), np.ones_like(stated)), 1)
    weight, start = pixels.weight / pixels.weight.sum(), np.array([1.0, 0.0])

    def loss(solution: Floats) -> tuple[float, Floats]:
        odds, off = design @ solution, solution - start
        value = float((weight * (np.logaddexp(0, odds) - pixels.right * odds)).sum())
        slope = design.T @ (weight * (expit(odds) - pixels.right))
        return value + RIDGE / 2 * float(off @ off), slope + RIDGE * off

    solution = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return Curve(round(float(solution[0]), 3), round(float(solution[1]), 3))


def calibration_error(pixels: Pixels, curve: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> float:
    """Expected calibration error: mean distance of confidence and share of right pixels over bins."""
    sure = curve(pixels.stated.astype(np.float32)).astype(float)
    bins = np.clip((sure * BINS).astype(int), 0, BINS - 1)
    total = 0.0
    for each in np.unique(bins):
        part = bins == each
        weight = pixels.weight[part]
        total += abs(float((weight * (sure[part] - pixels.right[part])).sum()))
    return total / float(pixels.weight.sum())


def two_fold_error(samples: Sequence[Pixels]) -> float:
    """The calibration error of each half of the cases under the curve that the other half gives."""
    names = sorted({each.case for each in samples})
    halves = [[each for each in samples if names.index(each.case) % 2 == half] for half in (0, 1)]
    if not all(halves):
        return float("nan")
    return float(
        np.mean([calibration_error(joined(halves[n]), fit_curve(joined(halves[1 - n]))) for n in (0, 1)])
    )


def dice_pairs(
    run: ConfidenceRun,
) -> tuple[list[tuple[float, float]], list[tuple[float, float]], list[tuple[float, float]]]:
    """(stated, true) Dice of the classes, of the slices, and of the volume."""
    truths = [run.truth(each.index) for each in run.done]
    total = summed(each.areas for each in run.done)
    labels, truth = np.stack([each.labels for each in run.done]), np.stack(truths)
    classes = {
        class_id: (stated_dice(areas), _dice(labels == class_id, truth == class_id))
        for class_id, areas in total.items()
        if areas.chosen + areas.expected > LEAST_AREA and (truth == class_id).any()
    }
    slices = []
    for each, true in zip(run.done, truths, strict=True):
        judged = [a for a in each.areas.values() if a.chosen + a.expected > LEAST_AREA]
        present = [c for c in np.union1d(np.unique(each.labels), np.unique(true)) if c]
        if judged and present:
            exact = np.mean([_dice(each.labels == c, true == c) for c in present])
            slices.append((float(np.mean([stated_dice(a) for a in judged])), float(exact)))
    volume = [tuple(np.mean(list(classes.values()), axis=0))] if classes else []
    return list(classes.values()), slices, volume


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum()))


def fit_calibration(model: InContextModel, cases: Sequence[Case]) -> Calibration:
    """The curves of all six kinds of pixels, of the cases and of carried ones; prints their errors."""
    rng = np.random.default_rng(0)
    kinds = [(place, of_class) for place in PLACES for of_class in (True, False)]
    samples: dict[tuple[str, bool], list[Pixels]] = {kind: [] for kind in kinds}
    for run in chain(runs(model, cases, AS_STATED), carried_runs(model, cases)):
        for kind in kinds:
            drawn = sample(run, *kind, rng)
            if len(drawn.stated):
                samples[kind].append(drawn)
    curves = {}
    for kind in kinds:
        if not samples[kind]:
            curves[kind] = Curve()
            continue
        pixels = joined(samples[kind])
        curves[kind] = fit_curve(pixels)
        place, chosen = kind[0], "class" if kind[1] else "background"
        before, after = calibration_error(pixels, Curve()), two_fold_error(samples[kind])
        print(f"{place}, {chosen}: error {before:.3f} before, {after:.3f} after (other half of the cases)")
    return Calibration(*(Sureness(curves[place, True], curves[place, False]) for place in PLACES))


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the constants."""
    options = case_parser(__doc__.splitlines()[0], 16).parse_args(argv)
    model = load(options.model, "cpu")
    cases = chosen_cases("train", options.every, options.cases)
    print(fit_calibration(model, cases))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
