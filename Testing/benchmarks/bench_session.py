"""How long a warm session needs for a large volume, and how much memory, beside peers in the same run.

    python Testing/benchmarks/bench_session.py
    python Testing/benchmarks/bench_session.py --shape 200 512 512 --limits 60 3072

Run it with the package installed (or with PYTHONPATH=. from a checkout). The volume is generated:
256 x 256 x 128 voxels, a body with four organs whose shape changes from slice to slice. Exit code 1 when a
limit is exceeded.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MVGCore.evaluation.cases import BenchmarkExample, keep_slices, labelled_slices
from MVGCore.evaluation.catalogue import peer_by_name
from MVGCore.evaluation.peers import Peer
from MVGCore.evaluation.runner import BenchmarkTask, MethodProcess, Outcome
from MVGCore.evaluation.session_method import SessionMethod
from MVGCore.evaluation.tables import table
from MVGCore.metrics import score_propagation
from MVGCore.volume import Geometry, LabelMap, Volume

TIME_LIMIT_S = 600.0

# Centre and half axes of every organ as shares of the volume (k, j, i), and its intensity.
_ORGANS = (
    ((0.45, 0.45, 0.33), (0.36, 0.20, 0.17), 120.0),
    ((0.50, 0.40, 0.70), (0.25, 0.12, 0.10), 150.0),
    ((0.55, 0.62, 0.36), (0.22, 0.08, 0.07), 190.0),
    ((0.50, 0.70, 0.52), (0.48, 0.06, 0.06), 230.0),
)
_BODY = ((0.5, 0.5, 0.5), (2.0, 0.38, 0.44), 70.0)
_NOISE = 8.0


@dataclass(frozen=True)
class Measurement:
    """One line of the table."""

    method: str
    outcome: Outcome
    dice: float | None


def anatomy(shape: tuple[int, int, int], rng: np.random.Generator) -> BenchmarkExample:
    """A body with four organs, (K, J, I) voxels of 1.5 x 1.5 x 2.5 mm."""
    k, j, i = np.meshgrid(*(np.linspace(0, 1, size, dtype=np.float32) for size in shape), indexing="ij")
    image = np.zeros(shape, dtype=np.float32)
    labels = np.zeros(shape, dtype=np.uint8)
    for label, (centre, axes, intensity) in enumerate((_BODY, *_ORGANS)):
        waves = rng.uniform(0, 2 * np.pi, 3)
        bend = (
            0.03 * np.sin(9 * k + waves[0])
            + 0.03 * np.sin(14 * j + waves[1])
            + 0.03 * np.sin(14 * i + waves[2])
        )
        distance = sum(
            ((place - middle) / axis) ** 2
            for place, middle, axis in zip((k, j, i), centre, axes, strict=True)
        )
        inside = np.sqrt(distance) + 3 * bend < 1
        image[inside] = intensity
        labels[inside] = label
    image += rng.normal(0, _NOISE, shape).astype(np.float32)
    geometry = Geometry(shape, (1.5, 1.5, 2.5))
    return BenchmarkExample(
        Volume(image, geometry, "generated anatomy", "MR"), LabelMap.of(labels, geometry), axis=0
    )


def measure(method: Peer, example: BenchmarkExample, slices: tuple[int, ...], repeats: int) -> Measurement:
    """The fastest of some runs in one warm process; the memory is the highest of all."""
    task = BenchmarkTask(
        example.image, keep_slices(example.truth, example.axis, slices), example.axis, slices
    )
    best = Outcome(error="never ran")
    with MethodProcess(method, TIME_LIMIT_S) as process:
        for _ in range(repeats):
            outcome = process.run(task)
            if outcome.labels is None:
                return Measurement(method.name, outcome, None)
            if best.seconds is None or (outcome.seconds or 0) < best.seconds:
                best = outcome
    assert best.labels is not None
    spacing = example.image.geometry.array_spacing
    score = score_propagation(example.truth.array, best.labels, spacing, example.axis, slices, surfaces=False)
    return Measurement(method.name, best, score.dice)


def report(measurements: Sequence[Measurement]) -> str:
    """Markdown; ratios are of the first method's seconds to each method's."""
    first = measurements[0].outcome.seconds
    lines = []
    for each in measurements:
        seconds, memory = each.outcome.seconds, each.outcome.memory_mb
        if seconds is None or memory is None or each.dice is None:
            lines.append([each.method, each.outcome.error, "-", "-", "-"])
            continue
        ratio = f"{first / seconds:.2g}" if first is not None else "-"
        lines.append([each.method, f"{seconds:.2f}", f"{memory:.0f}", ratio, f"{each.dice:.3f}"])
    return table(
        ["method", "seconds, warm", "peak MB", f"{measurements[0].method} takes x times", "Dice"], lines
    )


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="compact")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", type=int, nargs=3, default=(128, 256, 256), metavar=("K", "J", "I"))
    parser.add_argument("--prompts", type=int, default=5, help="labelled slices")
    parser.add_argument("--limits", type=float, nargs=2, default=(25.0, 2048.0), metavar=("SECONDS", "MB"))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--peers", nargs="*", default=["nearest slice", "random walker"])
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, method: Peer | None = None) -> int:
    """Measures `method` (a session when None) and the peers; prints the table; 1 when a limit is exceeded."""
    options = arguments(argv)
    method = method or SessionMethod(options.model, options.device, threads=options.threads)
    example = anatomy(tuple(options.shape), np.random.default_rng(0))
    slices = labelled_slices(example.truth, example.axis, options.prompts)
    k, j, i = options.shape
    print(f"{i} x {j} x {k} voxels, {len(example.truth.ids)} classes, slices {slices} labelled\n")
    found = [measure(method, example, slices, options.repeats)]
    found += [measure(peer_by_name(name), example, slices, repeats=1) for name in options.peers]
    print(report(found))
    (most_seconds, most_memory), outcome = options.limits, found[0].outcome
    met = (
        outcome.seconds is not None
        and outcome.memory_mb is not None
        and outcome.seconds <= most_seconds
        and outcome.memory_mb <= most_memory
    )
    print(f"\nLimits of {most_seconds:g} s and {most_memory:g} MB: {'met' if met else 'exceeded'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
