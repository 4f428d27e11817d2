"""Simulated annotation: Dice against the number of labelled slices, by how the next one is chosen.

    python -m MVGCore.evaluation.annotation --out mvg-annotation --most 10

A user starts with the middle slice of the structures and labels one slice after the other: the one that MVG
proposes, once every structure shows on some labelled slice; a random one, or the one that is truly worst; or
so many evenly spaced ones from the start, as peers get them too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.evaluation.cases import (
    BenchmarkExample,
    Case,
    keep_slices,
    labelled_prompts,
    labelled_slices,
    read_cases,
)
from MVGCore.evaluation.catalogue import peer_by_name
from MVGCore.evaluation.peers import Peer
from MVGCore.evaluation.tables import table
from MVGCore.metrics import dice_per_class
from MVGCore.volume import atomic_path

if TYPE_CHECKING:
    from MVGCore.session import Result, Session

PROPOSED, EVEN, RANDOM, WORST = "proposed by MVG", "evenly spaced", "random", "worst by truth"
STRATEGIES = (PROPOSED, EVEN, RANDOM, WORST)


@dataclass(frozen=True)
class Point:
    """One case with some labelled slices.

    Attributes:
        case, group: of the volume.
        strategy: how the slices were chosen, one of `STRATEGIES`, or the name of a peer.
        slices: in the order in which they were labelled.
        dice: mean Dice on the other slices over all classes that these contain; a class not found counts 0.
        expected: the Dice that the session expected; None if it expected none.
    """

    case: str
    group: str
    strategy: str
    slices: tuple[int, ...]
    dice: float
    expected: float | None


def annotate(
    session: Session,
    case: str,
    group: str,
    example: BenchmarkExample,
    strategy: str,
    most: int,
    seed: int = 0,
) -> list[Point]:
    """Label 1 to `most` slices of a case by a strategy and measure after each.

    Stops early where the strategy has no slice left to propose.
    """
    points: list[Point] = []
    slices = list(labelled_slices(example.truth, example.axis, 1))
    rng = np.random.default_rng(seed)
    session.set_image(example.image)
    while len(slices) <= most:
        result = propagate(session, example, slices)
        expected = None if result.expected_dice is None else result.expected_dice.value
        dice = rest_dice(example, result.labels.array, slices)
        points.append(Point(case, group, strategy, tuple(slices), dice, expected))
        if len(slices) == most:
            break
        if strategy == EVEN:
            slices = list(labelled_slices(example.truth, example.axis, len(slices) + 1))
            continue
        chosen = _CHOOSERS[strategy](example, result, slices, rng)
        if chosen is None:
            break
        slices.append(chosen)
    return points


def annotate_for(peer: Peer, case: str, group: str, example: BenchmarkExample, most: int) -> list[Point]:
    """Let a peer propagate 1 to `most` evenly spaced slices of a case."""
    points = []
    for count in range(1, most + 1):
        slices = labelled_slices(example.truth, example.axis, count)
        few = keep_slices(example.truth, example.axis, slices)
        dice = rest_dice(example, peer(example.image, few, example.axis, slices), slices)
        points.append(Point(case, group, peer.name, slices, dice, None))
    return points


def propagate(session: Session, example: BenchmarkExample, slices: Sequence[int]) -> Result:
    """What the session makes of an example of which these slices are labelled."""
    session.set_prompts(labelled_prompts(example, slices))
    return session.propagate()


def rest_dice(example: BenchmarkExample, labels: NDArray[np.integer], slices: Sequence[int]) -> float:
    """Mean Dice on the slices that are not labelled, over the classes that they contain."""
    truth, result = (np.delete(each, list(slices), example.axis) for each in (example.truth.array, labels))
    classes = [int(each) for each in np.unique(truth) if each]
    scores = dice_per_class(truth, result, classes)
    return float(np.mean([scores[each] for each in classes]))


def _proposed(
    example: BenchmarkExample, result: Result, slices: Sequence[int], rng: np.random.Generator
) -> int | None:
    """What MVG proposes. It cannot know of a structure that no labelled slice shows, but the user does."""
    unshown = _shows_the_unshown(example, slices)
    return result.next_slice if unshown is None else unshown


def _shows_the_unshown(example: BenchmarkExample, slices: Sequence[int]) -> int | None:
    """The slice with the largest share of the structures that none of `slices` shows; None: all are shown."""
    planes = np.moveaxis(example.truth.array, example.axis, 0)
    unshown = np.setdiff1d(planes, planes[list(slices)])
    shares = np.zeros(len(planes))
    for class_id in unshown[unshown > 0]:
        areas = (planes == class_id).sum((1, 2))
        shares += areas / areas.sum()
    return int(shares.argmax()) if shares.any() else None


def _random(
    example: BenchmarkExample, result: Result, slices: Sequence[int], rng: np.random.Generator
) -> int | None:
    """Any slice that shows a structure, as a user who scrolls would see."""
    with_truth = np.moveaxis(example.truth.array, example.axis, 0).any((1, 2))
    left = np.setdiff1d(np.flatnonzero(with_truth), slices)
    return int(rng.choice(left)) if len(left) else None


def _worst(
    example: BenchmarkExample, result: Result, slices: Sequence[int], rng: np.random.Generator
) -> int | None:
    """The slice with the largest true error, each class relative to its size."""
    truth, predicted = (
        np.moveaxis(each, example.axis, 0) for each in (example.truth.array, result.labels.array)
    )
    errors = np.zeros(len(truth))
    for class_id in np.unique(truth)[1:]:
        wrong = (truth == class_id) != (predicted == class_id)
        errors += wrong.sum((1, 2)) / (truth == class_id).sum()
    errors[list(slices)] = 0
    return int(errors.argmax()) if errors.any() else None


_CHOOSERS: dict[str, Callable[..., int | None]] = {PROPOSED: _proposed, RANDOM: _random, WORST: _worst}


def to_markdown(points: Sequence[Point], goal: float) -> str:
    """Mean Dice by strategy and number of slices over the cases that all have, and the slices to a goal."""
    most = max(len(point.slices) for point in points)
    cases = sorted({point.case for point in points})
    lines = []
    for strategy in dict.fromkeys(point.strategy for point in points):
        curves = [_curve(points, case, strategy, most) for case in cases]
        mean = np.mean(curves, axis=0)
        reached = [slices_to(curve, goal) for curve in curves]
        lines.append(
            [strategy, *(f"{value:.3f}" for value in mean), f"{np.mean(reached):.1f}", str(len(cases))]
        )
    heads = ["next slice", *(str(n + 1) for n in range(most)), f"slices to {goal:g}", "cases"]
    return table(heads, lines)


def _curve(points: Sequence[Point], case: str, strategy: str, most: int) -> list[float]:
    """Dice after 1, 2, ... slices; the last value goes on where a strategy stopped."""
    dice_at = {len(p.slices): p.dice for p in points if (p.case, p.strategy) == (case, strategy)}
    values: list[float] = []
    for count in range(1, most + 1):
        values.append(dice_at.get(count, values[-1] if values else 0.0))
    return values


def slices_to(curve: Sequence[float], goal: float) -> int:
    """How many slices the goal takes; one more than were tried where it was not reached."""
    return next((n for n, dice in enumerate(curve, start=1) if dice >= goal), len(curve) + 1)


def draw(points: Sequence[Point], path: Path) -> None:
    """Write the mean curves as a picture; needs matplotlib."""
    from matplotlib.figure import Figure

    most = max(len(point.slices) for point in points)
    cases = sorted({point.case for point in points})
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for strategy in dict.fromkeys(point.strategy for point in points):
        mean = np.mean([_curve(points, case, strategy, most) for case in cases], axis=0)
        axes.plot(range(1, most + 1), mean, marker="o", label=strategy)
    axes.set(xlabel="labelled slices", ylabel="mean Dice", title=f"{len(cases)} volumes")
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def case_parser(description: str, every: int) -> argparse.ArgumentParser:
    """A command line that names a model and cases for `chosen_cases`, by default one of every so many."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--every", type=int, default=every, help="only every so many cases (16: held-out ones)"
    )
    parser.add_argument("--cases", nargs="*", help="by name")
    parser.add_argument("--model", default="compact")
    return parser


def chosen_cases(role: str, every: int, names: Sequence[str] | None) -> list[Case]:
    """Cases of a role with image and label: those named, or the first of every so many.

    Raises:
        InputError: there is none.
    """
    cases = [case for case in read_cases(role) if case.images and case.label]
    kept = [case for n, case in enumerate(cases) if (case.id in names if names else n % every == 0)]
    if not kept:
        raise InputError("There is no such case with an image and a label; look into index.json.")
    return kept


def main(argv: Sequence[str] | None = None) -> int:
    """Simulates; appends every point to points.jsonl and writes annotation.md and annotation.png."""
    parser = case_parser(__doc__.splitlines()[0], 1)
    parser.add_argument("--role", choices=("bench", "train"), default="bench")
    parser.add_argument("--strategies", nargs="*", default=STRATEGIES, choices=STRATEGIES)
    parser.add_argument("--peers", nargs="*", default=("GrowCut", "random walker"), help="by name")
    parser.add_argument("--most", type=int, default=10, help="labelled slices at the end")
    parser.add_argument("--goal", type=float, default=0.85, help="Dice to reach")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=Path("mvg-annotation"))
    options = parser.parse_args(argv)
    from MVGCore.session import Session

    session = Session(options.model, "cpu", threads=options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    peers = [peer_by_name(name) for name in options.peers]
    points: list[Point] = []
    for case in chosen_cases(options.role, options.every, options.cases):
        example = case.load()
        curves = [partial(annotate, session, strategy=each) for each in options.strategies]
        curves += [partial(annotate_for, peer) for peer in peers]
        for curve in curves:
            curve_points = curve(case=case.id, group=case.group, example=example, most=options.most)
            points += curve_points
            with open(options.out / "points.jsonl", "a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(point)) + "\n" for point in curve_points)
        print(to_markdown(points, options.goal), flush=True)
    with atomic_path(options.out / "annotation.md") as path:
        path.write_text(to_markdown(points, options.goal) + "\n", encoding="utf-8")
    draw(points, options.out / "annotation.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
