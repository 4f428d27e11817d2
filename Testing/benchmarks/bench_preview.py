"""How long a host waits: for the first and for a warm preview, and for the neighbours of a corrected slice.

    python Testing/benchmarks/bench_preview.py

The nearest neighbours are shown while the others are made. The volume is that of bench_session.py. Exit code
1 when a limit is exceeded.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from bench_session import anatomy

from MVGCore.evaluation.cases import keep_slices, labelled_slices
from MVGCore.evaluation.tables import table
from MVGCore.prompts import PromptSet
from MVGCore.session import Session

WARM_LIMIT = 0.15
CORRECTION_LIMIT = 2.0


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table; 1 when a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="compact")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", type=int, nargs=3, default=(128, 256, 256), metavar=("K", "J", "I"))
    parser.add_argument("--prompts", type=int, default=9, help="labelled slices")
    options = parser.parse_args(argv)
    example = anatomy(tuple(options.shape), np.random.default_rng(0))
    slices = labelled_slices(example.truth, 0, options.prompts)
    few = keep_slices(example.truth, 0, slices)
    prompts = PromptSet.from_labelmap(example.image, few, axis=0, slices=slices)
    session = Session(options.model, "cpu", threads=options.threads)
    session.set_image(example.image)
    session.set_prompts(prompts)
    middle = slices[len(slices) // 2]
    first = seconds(lambda: session.preview(middle + 3))
    others = range(middle + 4, middle + 8)  # each slice is generated once
    warm = min(seconds(partial(session.preview, index)) for index in others)
    session.propagate()
    labels = prompts.prompts[len(slices) // 2].labels

    def corrected() -> tuple[float, float]:
        """Seconds until the first slice around the corrected one is shown, and until all are."""
        shown, start = list[float](), time.perf_counter()
        session.set_prompts(prompts)
        session.propagate(
            shown=lambda done: None if done.given else shown.append(time.perf_counter() - start)
        )
        return shown[0], time.perf_counter() - start

    labels[100:104, 80:84] = 2  # within an organ of class 1: its group of classes changes as well
    soon, all_of_two = corrected()
    labels[104:108, 80:84] = 0
    soon_of_one, all_of_one = corrected()
    rows = [
        ["first preview", f"{first:.2f}"],
        ["warm preview", f"{warm:.3f}"],
        ["first slices shown after a correction of two structures", f"{soon:.2f}"],
        ["all slices after it", f"{all_of_two:.2f}"],
        ["first slices shown after a correction of one", f"{soon_of_one:.2f}"],
        ["all slices after it", f"{all_of_one:.2f}"],
    ]
    print(table(["what", "seconds"], rows))
    met = warm <= WARM_LIMIT and all_of_two <= CORRECTION_LIMIT
    print(f"\nLimits of {WARM_LIMIT:g} s and {CORRECTION_LIMIT:g} s: {'met' if met else 'exceeded'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
