"""What the worker process costs a host: waiting for the first slice, blocked time, cancelling, overhead.

    python Testing/benchmarks/bench_worker.py

Run it with the package installed (or with PYTHONPATH=. from a checkout). The volume is generated, as in
bench_session.py: 256 x 256 x 100 voxels with four organs, five slices labelled. The session without a worker
runs in the same priority as the worker. Exit code 1 when a limit is exceeded.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from bench_session import anatomy

from MVGCore.evaluation.cases import keep_slices, labelled_slices
from MVGCore.evaluation.tables import table
from MVGCore.prompts import PromptSet
from MVGCore.session.requests import AskInfo, SegmentVolume
from MVGCore.session.results import Cancelled, Event, Failed, Finished, Ready, SliceDone
from MVGCore.volume import Geometry, Volume
from MVGCore.worker.host.client import Client

FIRST_SLICE_LIMIT = 1.0  # seconds, warm
BLOCKED_LIMIT = 0.050  # seconds that one call of the client may take
CANCEL_LIMIT = 0.2  # seconds until a cancelled job is told to have ended
OVERHEAD_LIMIT = 1.10  # times as long as without a worker
TICK = 0.01  # seconds between two polls, as of a host's timer


@dataclass
class Host:
    """A host's event loop that notes how long the client held it up."""

    client: Client
    blocked: dict[str, float] = field(default_factory=dict)

    def call(self, name: str, *arguments: object) -> object:
        """Call a method of the client; the longest call of each counts."""
        start = time.perf_counter()
        answer = getattr(self.client, name)(*arguments)
        self.blocked[name] = max(self.blocked.get(name, 0.0), time.perf_counter() - start)
        return answer

    def wait(self, kind: type, job: object = None) -> float:
        """Poll until an event of a kind comes (of a job, if one is given); gives the seconds."""
        start = time.perf_counter()
        while True:
            events: list[Event] = self.call("poll")  # type: ignore[assignment]
            for event in events:
                if isinstance(event, Failed):
                    sys.exit(event.message)
                if getattr(event, "given", False):  # an example, which nobody had to compute
                    continue
                if isinstance(event, kind) and job in (None, getattr(event, "job", None)):
                    return time.perf_counter() - start
            time.sleep(TICK)


def inline(options: argparse.Namespace, image: Volume, prompts: PromptSet) -> float:
    """Seconds of a warm propagation in this process."""
    from MVGCore.session import Session

    session = Session(options.model, options.device, threads=options.threads)
    session.set_image(image)
    session.set_prompts(prompts)
    session.propagate()
    return min(_timed(session.propagate) for _ in range(options.repeats))


def _timed(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


def cancelling(host: Host, repeats: int) -> tuple[float, float]:
    """Longest times from a cancel until the host is told, and until the worker is free again."""
    told, free = [], []
    for number in range(repeats):
        job = host.call("submit", SegmentVolume())
        host.wait(SliceDone, job)
        time.sleep(0.07 * number)  # at different moments of a batch
        start = time.perf_counter()
        host.call("cancel", job)
        host.wait(Cancelled, job)
        told.append(time.perf_counter() - start)
        host.wait(Finished, host.call("submit", AskInfo()))
        free.append(time.perf_counter() - start)
    return max(told), max(free)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="compact")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", type=int, nargs=3, default=(100, 256, 256), metavar=("K", "J", "I"))
    parser.add_argument("--prompts", type=int, default=5, help="labelled slices")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cancels", type=int, default=5)
    parser.add_argument("--files", action="store_true", help="exchange arrays through temporary files")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures; prints the table; 1 when a limit is exceeded."""
    options = arguments(argv)
    example = anatomy(tuple(options.shape), np.random.default_rng(0))
    slices = labelled_slices(example.truth, example.axis, options.prompts)
    prompts = PromptSet.from_labelmap(example.image, keep_slices(example.truth, example.axis, slices), 0)
    large = Volume(np.zeros((300, 512, 512), np.int16), Geometry.identity((300, 512, 512)))
    large.array[::2] = 1

    client = Client(in_memory=not options.files)
    host = Host(client)
    host.call("set_model", options.model, options.device, 0, options.threads)
    host.call("start")
    rows = [("process started, model loaded", host.wait(Ready), None)]
    host.call("set_image", large)
    handed_over = host.wait(Finished, host.call("submit", AskInfo()))
    rows.append(("512 x 512 x 300 voxels handed over", handed_over, None))
    host.call("set_image", example.image)
    host.wait(Finished, host.call("submit", AskInfo()))
    host.call("set_prompts", prompts)
    rows.append(
        ("first slice, examples new", host.wait(SliceDone, host.call("submit", SegmentVolume())), None)
    )
    host.wait(Finished)
    first, whole = [], []
    for _ in range(options.repeats):
        job = host.call("submit", SegmentVolume())
        start = time.perf_counter()
        first.append(host.wait(SliceDone, job))
        host.wait(Finished, job)
        whole.append(time.perf_counter() - start)
    told, free = cancelling(host, options.cancels)
    host.call("close")
    if hasattr(os, "nice"):
        from MVGCore.worker.process.server import POLITENESS

        os.nice(POLITENESS)
    alone = inline(options, example.image, prompts)
    rows += [
        ("first slice, examples prepared", min(first), FIRST_SLICE_LIMIT),
        ("all slices, in the worker", min(whole), None),
        ("all slices, without a worker", alone, None),
        ("times as long in the worker", min(whole) / alone, OVERHEAD_LIMIT),
        ("cancel: the host is told", told, CANCEL_LIMIT),
        ("cancel: the worker is free", free, None),
        *((f"longest {name}()", seconds, BLOCKED_LIMIT) for name, seconds in sorted(host.blocked.items())),
    ]
    cells = [[what, f"{value:.3f}", "" if limit is None else f"{limit:g}"] for what, value, limit in rows]
    print(table(["seconds", "measured", "limit"], cells))
    if hasattr(os, "getloadavg"):
        print(f"\nLoad of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    met = all(limit is None or value <= limit for _, value, limit in rows)
    print(f"\nLimits: {'met' if met else 'exceeded'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
