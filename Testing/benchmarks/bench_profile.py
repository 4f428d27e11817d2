"""What a version takes and what it finds, stage by stage, and beside another version in the same run.

    MVG_DATA=/data python Testing/benchmarks/bench_profile.py
    MVG_DATA=/data python Testing/benchmarks/bench_profile.py --against ../mvg-before --precision float32

Each version labels the same volumes in a process of its own, which takes its code from a checkout; versions
take turns, so that whatever else the machine does weighs on both. Seconds are those of the processor, of all
threads together, unless they are said to be of the wall. A volume is labelled whole, then one of its labelled
slices is corrected and the slices around it are labelled again.

On a GPU, seconds by the clock tell, not those of the processor:

    python Testing/benchmarks/bench_profile.py --device cuda --volumes "512 x 512 x 200, 30 classes"

Volumes: one of each kind (`--volumes`), or the held-out training cases, and hearts, which no training
has seen (`--held-out`). Each result is appended to `--out`; an interrupted run goes on there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

VOLUMES = ("hippocampus", "head and neck", "heart", "brain template", "512 x 512 x 20, 30 classes")
_CASE_OF = {"hippocampus": "hippocampus_001", "head and neck": "head_neck_pt_25", "heart": "heart_1_ed"}
HEARTS = ("heart_1_ed", "heart_4_ed", "heart_6_es")
HERE = "this version"
LARGE = "512 x 512 x 200, 30 classes"  # for a GPU
MANY = 30  # classes of the large volume
# What makes a processor of today compute as one without AVX-512 does.
PLAIN = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


@dataclass(frozen=True)
class Job:
    """What one line of the table is about."""

    volume: str
    labelled: int
    precision: str
    threads: int
    quality: str = ""
    device: str = "cpu"


@dataclass(frozen=True)
class Cost:
    """What a version took for a job, and what it found.

    Attributes:
        first, whole: processor seconds until the first slice is there, and all of them.
        corrected: processor seconds until the first slice beside a corrected one is there; some versions
            guess it.
        settled: processor seconds until that slice is there as it stays, all slices between its neighbours.
        wall: seconds of the whole volume by the clock.
        memory_mb: highest resident memory, libraries included.
        dice: mean over the classes, labelled slices left out.
        stages: seconds of each stage by the clock, of all threads together.
    """

    first: float
    whole: float
    corrected: float
    settled: float
    wall: float
    memory_mb: float
    dice: float
    stages: dict[str, float]


def example(volume: str) -> Any:
    """The image and the truth of a volume: one of `VOLUMES`, or a training case by name."""
    from MVGCore.evaluation.cases import DemoCase, read_cases

    if volume == VOLUMES[3]:
        return DemoCase().load()
    if volume == VOLUMES[4]:
        return many_structures(np.random.default_rng(0))
    if volume == LARGE:
        return many_structures(np.random.default_rng(0), (200, 512, 512))
    name = _CASE_OF.get(volume, volume)
    return next(case for case in read_cases("train") if case.id == name).load()


def many_structures(rng: np.random.Generator, shape: tuple[int, int, int] = (20, 512, 512)) -> Any:
    """A body full of structures that wander from slice to slice, each with a brightness of its own."""
    from MVGCore.evaluation import cases
    from MVGCore.volume import Geometry, LabelMap, Volume

    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    image, labels = np.full(shape, 60.0, np.float32), np.zeros(shape, np.uint8)
    image[np.broadcast_to(((j - 256) / 220) ** 2 + ((i - 256) / 240) ** 2 > 1, shape)] = 0
    for label in range(1, MANY + 1):
        row, column = divmod(label - 1, 6)
        size, drift = rng.uniform(18, 36, 2), rng.uniform(-1, 1, 2)
        swelling = 1 + 0.3 * np.sin(k / 4 + rng.uniform(0, 6))
        down = (j - (100 + 78 * row) - drift[0] * k) / (size[0] * swelling)
        across = (i - (95 + 64 * column) - drift[1] * k) / (size[1] * swelling)
        inside = down**2 + across**2 < 1
        image[inside], labels[inside] = rng.uniform(80, 220), label
    image += rng.normal(0, 9, shape).astype(np.float32)
    geometry = Geometry(shape, (0.98, 0.98, 2.0))
    example: Any = getattr(cases, "BenchmarkExample", None) or vars(cases)["Example"]  # as it was called
    return example(Volume(image, geometry, "structures", "CT"), LabelMap.of(labels, geometry), axis=0)


def measured(job: Job) -> Cost:
    """Do a job with the version of MVG that is imported."""
    from MVGCore.evaluation.cases import labelled_prompts, labelled_slices
    from MVGCore.evaluation.runner import peak_memory

    case = example(job.volume)
    slices = labelled_slices(case.truth, case.axis, job.labelled)
    session, first = started(job), list[float]()
    prompts = labelled_prompts(case, slices)

    def shown(done: Any) -> None:
        """Takes the time of the first slice that is not the user's own."""
        if not first and done.index not in slices:
            first.append(time.process_time() - start)

    with peak_memory() as peak:
        wall, start = time.perf_counter(), time.process_time()
        session.set_image(case.image)
        session.set_prompts(prompts)
        result = session.propagate(shown=shown)
        whole, wall = time.process_time() - start, time.perf_counter() - wall
    array, spacing = case.truth.array, case.image.geometry.array_spacing
    score = scores().score_propagation(array, result.labels.array, spacing, case.axis, slices, surfaces=False)
    stages = {name: value for name, value in result.seconds.items() if name != "propagate"}
    corrected = correction(session, prompts, slices)
    return Cost(first[0], whole, *corrected, wall, peak.megabytes, score.dice or 0.0, stages)


def scores() -> Any:
    """The module of scores; earlier versions have it elsewhere."""
    try:
        return import_module("MVGCore.metrics")
    except ModuleNotFoundError:
        return import_module("MVGCore.evaluation.metrics")


def correction(session: Any, prompts: Any, slices: Sequence[int]) -> tuple[float, float]:
    """Processor seconds until a slice beside a corrected one is there, and until it is there as it stays."""
    number = len(slices) // 2
    middle, shown = prompts.prompts[number], list[tuple[int, float]]()
    labels = middle.labels.copy()
    rows, columns = np.nonzero(labels)
    labels[rows[:4], columns[:4]] = 0
    start = time.process_time()
    session.set_prompts(replace_prompt(prompts, number, replace(middle, labels=labels)))
    session.propagate(
        slice_range=(slices[max(0, number - 1)], slices[min(number + 1, len(slices) - 1)]),
        shown=lambda done: done.index in slices or shown.append((done.index, time.process_time() - start)),
    )
    return shown[0][1], [seconds for index, seconds in shown if index == shown[0][0]][-1]


def replace_prompt(prompts: Any, number: int, prompt: Any) -> Any:
    """The set with another slice in the place of one."""
    changed = [*prompts.prompts]
    changed[number] = prompt
    return type(prompts)(changed, prompts.classes)


def started(job: Job) -> Any:
    """A session with the precision and the quality of a job."""
    import torch

    from MVGCore.session import Session

    options = {"quality": job.quality} if job.quality else {}
    session = Session(device=job.device, threads=job.threads, **options)
    if job.precision == "float32":  # earlier versions have no option for it, and the device elsewhere
        owner, name = (session.model, "device") if hasattr(session, "model") else (session, "_device")
        setattr(owner, name, replace(getattr(owner, name), dtype=torch.float32))
    return session


def serve() -> None:
    """Does the jobs that come in, one a line, and answers each with a line."""
    for line in sys.stdin:
        print(json.dumps(asdict(measured(Job(**json.loads(line))))), flush=True)


class Version:
    """A checkout at work in a process of its own."""

    def __init__(self, name: str, checkout: Path, plain: bool) -> None:
        """Start it; `plain` keeps it from the instructions that other processors lack."""
        self.name = name
        environment = {**os.environ, "PYTHONPATH": str(checkout), **(PLAIN if plain else {})}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Version:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def cost(self, job: Job) -> Cost:
        """Have a job done.

        Raises:
            RuntimeError: the process has ended; what it said of that is in its standard error.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} has ended at {job}.")
        return Cost(**json.loads(answer))


def jobs(options: argparse.Namespace) -> Iterator[Job]:
    """The jobs that the command line asks for."""
    for volume in held_out() if options.held_out else options.volumes:
        for labelled in options.slices:
            yield Job(volume, labelled, options.precision, options.threads, options.quality, options.device)


def held_out() -> list[str]:
    """The training cases that no weights were trained on."""
    from MVGCore.evaluation.cases import data_folder
    from MVGCore.training.datasets.case import DataSet
    from MVGCore.training.datasets.catalogue import cases_of
    from MVGCore.training.pool import held_out_people

    cases = cases_of(DataSet("index", data_folder()))
    people = held_out_people([cases])
    return [case.id for case in cases if case.person in people] + list(HEARTS)


def table_of(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """Markdown: what each version took, and how many times less the first one took than the second."""
    from MVGCore.evaluation.tables import table

    measures = ("first", "whole", "corrected", "settled", "wall")
    heads = ["volume", "labelled", "version", "first slice (s)", "whole (s)", "correction (s)", "settled (s)"]
    lines, ratios = [], list[str]()
    for key in dict.fromkeys((row["volume"], row["labelled"]) for row in rows):
        found = {row["version"]: row for row in rows if (row["volume"], row["labelled"]) == key}
        for name in [each for each in names if each in found]:
            row = found[name]
            seconds = [f"{row[each]:.2f}" for each in measures]
            lines.append(
                [key[0], str(key[1]), name, *seconds, f"{row['memory_mb']:.0f}", f"{row['dice']:.4f}"]
            )
        if len(found) == 2:
            mine, other = (found[name] for name in names)
            less = [f"{other[each] / mine[each]:.1f} times" for each in measures]
            gain = f"{mine['dice'] - other['dice']:+.4f}"
            memory = f"{mine['memory_mb'] - other['memory_mb']:+.0f}"
            lines.append([key[0], str(key[1]), "less", *less, memory, gain])
    text = table([*heads, "wall (s)", "peak MB", "Dice"], lines)
    for name in names:
        mine = [row for row in rows if row["version"] == name]
        whole, dice = sum(row["whole"] for row in mine), np.mean([row["dice"] for row in mine])
        stages: dict[str, float] = {}
        for stage, value in (each for row in mine for each in row["stages"].items()):
            stages[stage] = stages.get(stage, 0.0) + value
        shares = ", ".join(f"{stage} {value:.1f}" for stage, value in stages.items())
        ratios.append(f"{name}: {whole:.1f} s in all, mean Dice {dice:.4f}; by the clock: {shares}.")
    return "\n\n".join([text, *ratios])


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="another version to measure beside")
    parser.add_argument("--volumes", nargs="*", default=VOLUMES, help="kinds, or training cases by name")
    parser.add_argument("--held-out", action="store_true", help="the held-out training cases instead")
    parser.add_argument("--slices", type=int, nargs="*", default=[5], help="numbers of labelled slices")
    parser.add_argument("--precision", choices=("auto", "float32"), default="auto")
    parser.add_argument("--plain", action="store_true", help="without AVX-512, as most processors are")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="of both versions: cpu, cuda, mps")
    parser.add_argument("--quality", default="", help="draft or standard; of this version only")
    parser.add_argument("--out", type=Path, help="file for the results, one a line")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    options = arguments(argv)
    if options.serve:
        serve()
        return 0
    rows = [json.loads(line) for line in earlier(options.out)]
    checkouts = {HERE: Path(__file__).parents[2]}
    if options.against:
        checkouts["the other"] = options.against.resolve()
    with ExitStack() as stack:
        versions = [
            stack.enter_context(Version(name, checkout, options.plain))
            for name, checkout in checkouts.items()
        ]
        for job in jobs(options):
            for version in versions:
                asked = replace(job, quality=job.quality if version.name == HERE else "")
                row = {"version": version.name, **asdict(job)}
                if not any(row.items() <= each.items() for each in rows):
                    rows.append({**row, **asdict(version.cost(asked))})
                    keep(options.out, rows[-1])
    print(table_of(rows, list(checkouts)))
    return 0


def earlier(path: Path | None) -> list[str]:
    """The lines of an earlier run."""
    return path.read_text(encoding="utf-8").splitlines() if path and path.is_file() else []


def keep(path: Path | None, row: dict[str, Any]) -> None:
    """Adds a result to the file, if there is one."""
    if path:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    sys.exit(main())
