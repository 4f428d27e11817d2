"""A data set that is labelled under hard conditions: broken files in it, and kill -9 at random moments.

    python Testing/benchmarks/bench_robust.py broken --volumes 500 --broken 20
    python Testing/benchmarks/bench_robust.py kills --times 10

`broken` counts results and reasons, and gives volumes per minute with one and with two processes. `kills`
labels a data set while the command is killed again and again, and compares all files with those of a run that
nobody disturbed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from MVGCore.datasets.checksums import checksum
from MVGCore.datasets.manifest import read_results
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume, write_segmentation, write_volume

SHAPE = (10, 24, 22)
LABELLED = (2, 5, 8)
EXAMPLES = 2


def volume(seed: int) -> tuple[Volume, LabelMap]:
    """A tube that leans, somewhat different for each seed."""
    rng = np.random.default_rng(seed)
    k, j, i = np.indices(SHAPE)
    tube = np.hypot(j - 12 - k / 4 + rng.normal(), i - 10 + rng.normal()) < 5 + rng.random()
    image = rng.normal(0, 6, SHAPE) + 60 * tube + 20 * (np.hypot(j - 12, i - 11) < 10)
    geometry = Geometry(SHAPE, (1.0, 1.0, 2.0))
    labels = LabelMap.of(tube.astype(np.uint8), geometry, [SegmentClass.default(1)])
    return Volume(image.astype(np.int16), geometry, f"case_{seed}"), labels


def truncated(path: Path) -> None:
    """As a copy that was broken off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def constant(path: Path) -> None:
    """An image that shows nothing."""
    image, _ = volume(0)
    write_volume(path, Volume(np.zeros_like(image.array), image.geometry))


def infinite(path: Path) -> None:
    """An image of values that are none."""
    import SimpleITK as sitk

    sitk.WriteImage(sitk.GetImageFromArray(np.full(SHAPE, np.nan, np.float32)), str(path))


DAMAGE: tuple[Callable[[Path], object], ...] = (
    truncated,
    constant,
    infinite,
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"<html>sign in</html>"),
)


def write_dataset(folder: Path, count: int, broken: int) -> None:
    """Images and examples; the broken ones are spread evenly behind the examples."""
    (folder / "images").mkdir(parents=True)
    (folder / "examples").mkdir()
    for n in range(count):
        image, labels = volume(n)
        write_volume(folder / "images" / f"case_{n:04}.nrrd", image)
        if n < EXAMPLES:
            few = np.zeros_like(labels.array)
            few[list(LABELLED)] = labels.array[list(LABELLED)]
            given = LabelMap(few, labels.geometry, labels.classes)
            write_segmentation(folder / "examples" / f"case_{n:04}.seg.nrrd", given)
    for n, place in enumerate(np.linspace(EXAMPLES, count - 1, broken).round().astype(int)):
        DAMAGE[n % len(DAMAGE)](folder / "images" / f"case_{place:04}.nrrd")


def command(folder: Path, results: str, workers: int) -> list[str]:
    """`mvg label` on such a data set."""
    program = [sys.executable, "-m", "MVGCore.cli.main", "label", str(folder / "images")]
    program += ["--examples", str(folder / "examples"), "-o", str(folder / results)]
    return [*program, "--workers", str(workers), "--device", "cpu", "--quiet"]


def broken(options: argparse.Namespace, folder: Path) -> None:
    """All volumes but the broken ones are labelled, and each of these has its reason."""
    write_dataset(folder, options.volumes, options.broken)
    for workers in options.workers:
        start, cpu = time.perf_counter(), os.times()
        done = subprocess.run(command(folder, f"out-{workers}", workers), capture_output=True, text=True)
        seconds, used = time.perf_counter() - start, os.times()
        records = read_results(folder / f"out-{workers}").values()
        results, reasons = sum(each.done for each in records), sum(bool(each.reason) for each in records)
        spent = used.children_user + used.children_system - cpu.children_user - cpu.children_system
        print(
            f"{workers} processes: {results} results, {reasons} reasons, exit status {done.returncode}, "
            f"{60 * len(records) / seconds:.0f} volumes per minute, {spent / len(records):.2f} processor "
            "seconds each",
            flush=True,
        )


def kills(options: argparse.Namespace, folder: Path) -> None:
    """The final files of a run that was killed again and again are those of one that was not."""
    write_dataset(folder, options.volumes, options.broken)
    rng = np.random.default_rng(options.seed)
    start = time.perf_counter()
    subprocess.run(command(folder, "calm", 2), capture_output=True)
    whole = time.perf_counter() - start
    killed = 0
    for _ in range(options.times):
        # A group of its own, so that its processes die with it as in a power cut.
        process = subprocess.Popen(
            command(folder, "disturbed", 2), start_new_session=True, stdout=-3, stderr=-3
        )
        try:
            # A share of the time that is there for all kills, or the work would be done after two of them.
            process.wait(timeout=float(rng.uniform(0.2, 1.8)) * whole / options.times)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    subprocess.run(command(folder, "disturbed", 2), capture_output=True)
    same, different = compared(folder / "calm", folder / "disturbed")
    print(f"killed {killed} times in {whole:.0f} s each: {same} files are the same, {different} differ")


def compared(one: Path, other: Path) -> tuple[int, int]:
    """Files of two folders that are the same, and that differ or are in one only; times are left out."""
    names = {path.relative_to(each) for each in (one, other) for path in each.rglob("*.seg.nrrd")}
    same = sum(
        all((each / n).is_file() for each in (one, other)) and _equal(one / n, other / n) for n in names
    )
    records = [
        {name: (each.status, each.output_checksum, each.reason) for name, each in read_results(path).items()}
        for path in (one, other)
    ]
    different = len(names) - same + (records[0] != records[1])
    return same, different


def _equal(one: Path, other: Path) -> bool:
    return checksum(one) == checksum(other)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("broken", "kills"))
    parser.add_argument("--volumes", type=int, default=500)
    parser.add_argument("--broken", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="*", default=[2], help="processes, one run for each")
    parser.add_argument("--times", type=int, default=10, help="how often the command is killed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="mvg-robust-") as folder:
        (broken if options.what == "broken" else kills)(options, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
