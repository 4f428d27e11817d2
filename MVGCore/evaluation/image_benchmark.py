"""MVG and its peers on denoising, inpainting and synthesis, in one run.

Like the segmentation benchmark (`MVGCore.evaluation.benchmark`): every method in a process of its own, every
result kept as soon as it is there, and a run into the same folder goes on where an interrupted one stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError, OutputError
from MVGCore.evaluation.image_method import ImageSessionMethod
from MVGCore.evaluation.image_peers import ImagePeer, image_peers
from MVGCore.evaluation.image_problems import ImageSource, Problem, sources
from MVGCore.evaluation.image_tables import ImageReport, ImageRow
from MVGCore.evaluation.runner import MethodProcess
from MVGCore.volume import Geometry, LabelMap, Volume, Window

IMAGE_RESULTS = "image_results.jsonl"

Progress = Callable[[float, str], None]


def run_images(
    methods: Sequence[ImagePeer] | None = None,
    progress: Progress | None = None,
    out_dir: str | Path = "benchmark",
    sources_used: Sequence[ImageSource] | None = None,
    cases: Sequence[str] | None = None,
    time_limit_s: float = 120.0,
) -> ImageReport:
    """Run all methods on all problems of the image tasks.

    Args:
        methods: what to compare; MVG's compact model and all peers when None.
        progress: called with the fraction done and what is being done.
        out_dir: folder of `image_results.jsonl`; earlier results of the same methods and settings found there
            are kept and not computed again.
        sources_used: volumes to make problems of, instead of the suite's own.
        cases: only those of these names; there may be none of them.
        time_limit_s: a method that takes longer on a problem is stopped there.

    Raises:
        OutputError: the folder cannot be written.
    """
    methods = (ImageSessionMethod(), *image_peers()) if methods is None else tuple(methods)
    notes = []
    try:
        sources_used = sources() if sources_used is None else sources_used
    except InputError as error:
        sources_used, notes = [], [f"The image tasks were skipped: {error}"]
    sources_used = [source for source in sources_used if cases is None or source.case.id in cases]
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made ({error}): choose another.") from error
    run = _ImageRun(methods, folder / IMAGE_RESULTS, time_limit_s)
    run.complete(sources_used, progress or (lambda fraction, text: None))
    return ImageReport(tuple(run.rows), (*notes, *run.notes))


class _ImageRun:
    """The results so far, and one process per method."""

    def __init__(self, methods: Sequence[ImagePeer], path: Path, time_limit_s: float) -> None:
        self._methods = methods
        self._path = path
        self._time_limit_s = time_limit_s
        self._unavailable: set[str] = set()
        self.rows: list[ImageRow] = []
        self.notes: list[str] = []

    def complete(self, sources_used: Sequence[ImageSource], progress: Progress) -> None:
        """Read what is there and compute the rest."""
        places = [
            (source, condition, choice) for source in sources_used for condition, choice in source.conditions
        ]
        earlier = self._earlier()
        keys = {
            (source.task, source.case.id, condition, choice, method.name)
            for source, condition, choice in places
            for method in self._methods
            if source.task in method.tasks
        }
        self.rows = [row for key, row in earlier.items() if key in keys]
        total, done = max(1, len(keys) - len(self.rows)), 0
        with ExitStack() as stack:
            processes = {
                method.name: stack.enter_context(
                    MethodProcess(method, self._time_limit_s, warm_up_problem(method.tasks[0]))
                )
                for method in self._methods
            }
            for source in sources_used:
                missing = [each for each in source.conditions if self._open(source, *each, earlier)]
                for problem in source.problems(missing) if missing else ():
                    for method in self._open(source, problem.condition, problem.choice, earlier):
                        progress(done / total, f"{problem.case}, {problem.condition}: {method.name}")
                        self._one(problem, method, processes[method.name])
                        done += 1
        progress(1.0, "done")
        order = [(s.task, s.case.id, condition, choice) for s, condition, choice in places]
        names = [method.name for method in self._methods]
        self.rows.sort(
            key=lambda row: (
                order.index((row.task, row.case, row.condition, row.choice)),
                names.index(row.method),
            )
        )

    def _open(
        self, source: ImageSource, condition: str, choice: int, earlier: dict[tuple[Any, ...], ImageRow]
    ) -> list[ImagePeer]:
        """The methods that have no result there yet."""
        return [
            method
            for method in self._methods
            if source.task in method.tasks
            and (source.task, source.case.id, condition, choice, method.name) not in earlier
        ]

    def _one(self, problem: Problem, method: ImagePeer, process: MethodProcess) -> None:
        if method.name in self._unavailable:
            return
        outcome = process.run(problem)
        if outcome.missing_extra:
            self._unavailable.add(method.name)
            self.notes.append(f"{method.name} was skipped: {outcome.error}")
            return
        row = ImageRow(
            problem.task,
            problem.case,
            problem.condition,
            problem.choice,
            method.name,
            repr(method),
            error=outcome.error,
        )
        if outcome.labels is not None:
            psnr, ssim, mae = score_image(problem, outcome.labels)
            row = replace(
                row, seconds=outcome.seconds, memory_mb=outcome.memory_mb, psnr=psnr, ssim=ssim, mae=mae
            )
        self.rows.append(row)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(row.to_line() + "\n")
        except OSError as error:
            raise OutputError(f"Cannot add a result to {self._path} ({error}): make room there.") from error

    def _earlier(self) -> dict[tuple[Any, ...], ImageRow]:
        """Results of the same methods with the same settings."""
        settings = {method.name: repr(method) for method in self._methods}
        sources_used = {}
        for line in self._path.read_text(encoding="utf-8").splitlines() if self._path.is_file() else ():
            try:
                row = ImageRow.from_line(line)
            except (json.JSONDecodeError, TypeError):  # cut short by an interruption
                continue
            if settings.get(row.method) == row.settings:
                sources_used[row.task, row.case, row.condition, row.choice, row.method] = row
        return sources_used


def score_image(problem: Problem, answer: NDArray[Any]) -> tuple[float, float | None, float]:
    """PSNR in dB, SSIM (None without scikit-image) and mean absolute error, against the truth's window.

    Args:
        problem: gives the truth; of an inpainting only what lies in the holes counts.
        answer: the counted slices, (T, H, W).
    """
    truth = problem.planes(problem.truth)[list(problem.slices)]
    first, second = (_in_window(each, problem.window) for each in (answer, truth))
    counted = np.ones(truth.shape, dtype=bool)
    if problem.holes is not None:
        counted = problem.planes(problem.holes.array)[list(problem.slices)] > 0
    difference = (first - second)[counted]
    error = max(float(np.square(difference).mean()), 1e-10)
    return -10 * float(np.log10(error)), _ssim(first, second, counted), float(np.abs(difference).mean())


def _in_window(array: NDArray[Any], window: Window) -> NDArray[np.float64]:
    scaled = (array.astype(np.float64) - window.low) / (window.high - window.low)
    return np.clip(scaled, 0, 1)


def _ssim(first: NDArray[Any], second: NDArray[Any], counted: NDArray[np.bool_]) -> float | None:
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        return None
    size = min(7, min(first.shape[1:]) // 2 * 2 - 1)
    total = 0.0
    for one, other, here in zip(first, second, counted, strict=True):
        _, plane = structural_similarity(one, other, win_size=size, data_range=1.0, full=True)
        total += float(plane[here].sum())
    return total / int(counted.sum())


def warm_up_problem(task: str) -> Problem:
    """A small problem of a task, so that libraries and weights are loaded before the clock runs."""
    rng = np.random.default_rng(0)
    array = np.zeros((8, 32, 32), dtype=np.float32)
    array[:, 8:24, 10:26] = 1.0
    geometry = Geometry.identity(array.shape)
    image = Volume(array + rng.normal(0, 0.05, array.shape).astype(np.float32), geometry, "warm-up")
    window = Window(0.0, 1.0)
    base = Problem(task, "warm-up", "warm-up", 0, image, 0, array, window, (3, 4), sigma=0.05)
    if task == "inpaint":
        holes = np.zeros(array.shape, dtype=np.uint8)
        holes[3:5, 12:18, 12:18] = 1
        return replace(base, holes=LabelMap.of(holes, geometry))
    if task == "synthesize":
        few = np.zeros_like(array)
        few[[1, 6]] = 1 - array[[1, 6]]
        return replace(base, target=Volume(few, geometry), given=(1, 6), truth=1 - array)
    return base
