"""What a training run looks like: a page of its episodes, and its curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.tasks import SegmentationTask
from MVGCore.training.episode import EpisodeBatch
from MVGCore.volume import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PROMPTS_SHOWN = 3
COLUMNS = ("", *("another example",) * (PROMPTS_SHOWN - 1), "asked", "known or draft", "answer")


def draw_episodes(batches: list[EpisodeBatch], path: Path) -> None:
    """One row per batch: its examples (image above label), what is asked, what is known of it, the answer.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure(1.5 * len(COLUMNS), 3.3 * len(batches))
    rows = figure.subplots(2 * len(batches), len(COLUMNS), squeeze=False)
    for axes in rows.flat:
        axes.set_axis_off()
    for number, batch in enumerate(batches):
        _draw_batch(rows[2 * number : 2 * number + 2], batch, number)
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.99, 0.05, 0.14)
    _save(figure, path)


def _draw_batch(rows: np.ndarray, batch: EpisodeBatch, number: int) -> None:
    target = 0  # of the first prompt set
    usable = [n for n in range(batch.prompts.images.shape[1]) if batch.prompts.valid[target, n]]
    for column, n in enumerate(usable[:PROMPTS_SHOWN]):
        _show(rows[0, column], batch.prompts.images[0, n, 1])
        _show(rows[1, column], batch.prompts.labels[0, n])
        rows[1, column].set_title(f"{float(batch.prompts.distance[target, n]):.0f} pixels away", fontsize=7)
    _show(rows[0, PROMPTS_SHOWN], batch.target.images[target, 1])
    given = (batch.target.known + batch.target.draft)[target] > 0
    _show(rows[0, PROMPTS_SHOWN + 1], batch.target.label[target] * given)
    _show(rows[1, PROMPTS_SHOWN + 1], batch.target.known[target, 0])
    rows[1, PROMPTS_SHOWN + 1].set_title("where it is known", fontsize=7)
    _show(rows[0, PROMPTS_SHOWN + 2], _answer(batch)[target])
    for axes, name in zip(rows[0], COLUMNS, strict=True):
        axes.set_title(name, fontsize=7)
    rows[0, 0].set_title(f"{number + 1}: {batch.task.name}", fontsize=8, loc="left", weight="bold")


def _answer(batch: EpisodeBatch) -> Tensor:
    """(T, 3, S, S) colours."""
    if isinstance(batch.task, SegmentationTask):
        return batch.task.encode(batch.answer)
    return batch.answer[:, None].expand(-1, 3, -1, -1)


def _show(axes: Axes, plane: Tensor) -> None:
    picture = plane.float().clamp(0, 1).numpy()
    axes.imshow(np.moveaxis(picture, 0, -1) if picture.ndim == 3 else picture, cmap="gray", vmin=0, vmax=1)


def draw_curves(log: Path, path: Path) -> None:
    """The losses and held-out scores of a run against its steps.

    Args:
        log: the run's `log.jsonl`.
        path: of the picture.

    Raises:
        InputError: there is no such log.
        MissingExtraError: matplotlib is not installed.
    """
    try:
        rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{log} cannot be read ({error}); name the log.jsonl of a run.") from error
    figure = _figure(11, 3.4)
    losses, dice, images = figure.subplots(1, 3)
    _lines(losses, rows, ("segmentation", "synthesis", "denoising", "inpainting"), "loss", scored=False)
    _lines(dice, rows, ("hinted", "hidden", "draft", "corrected"), "held-out Dice", scored=True)
    names = [f"{n}{end}" for n in ("synthesis", "denoising", "inpainting") for end in ("", "_draft")]
    _lines(images, rows, names, "held-out PSNR (dB)", scored=True)
    figure.tight_layout()
    _save(figure, path)


def _lines(
    axes: Axes, rows: list[dict[str, float]], names: tuple[str, ...] | list[str], title: str, scored: bool
) -> None:
    for name in names:
        points = [(row["step"], row[name]) for row in rows if name in row and ("hinted" in row) == scored]
        if points:
            steps, values = zip(*points, strict=True)
            style = "--" if name.endswith("draft") else "-"
            axes.plot(steps, values, style, label=name.replace("_", " "), linewidth=1.2)
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("step", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=7)


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            'Pictures of a run need matplotlib: pip install "mvg-slicer[train]".'
        ) from error
    return Figure(figsize=(width, height), dpi=110)


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
