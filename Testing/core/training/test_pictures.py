"""The page of episodes and the curves of a run are drawn, whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib import image

from MVGCore.errors import InputError
from MVGCore.training import TrainConfig, preview
from MVGCore.training.datasets import DataSet
from MVGCore.training.pictures import draw_curves


def test_a_page_shows_every_task(data: Path, tmp_path: Path) -> None:
    config = TrainConfig(
        sets=(DataSet("index", data),), out=tmp_path, per_case=1, synthetic=1, small_side=64, side=64
    )
    preview(config, tmp_path / "page.png", log=lambda text: None)
    page = image.imread(tmp_path / "page.png")
    assert page.shape[0] > 2 * page.shape[1], "nine episodes, one below the other"
    assert page[..., :3].std() > 0.1 and (page[..., 0] != page[..., 1]).any(), "slices, and coloured labels"


def test_curves_are_drawn_from_the_log(tmp_path: Path) -> None:
    rows = [{"step": n, "segmentation": 1 / n, "denoising": 0.1} for n in (50, 100)]
    rows.append({"step": 100, "hinted": 0.5, "corrected": 0.6, "denoising": 30.0, "denoising_draft": 29.0})
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(json.dumps(row) for row in rows))
    draw_curves(log, tmp_path / "curves.png")
    assert image.imread(tmp_path / "curves.png").std() > 0.05


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="log.jsonl"):
        draw_curves(tmp_path / "log.jsonl", tmp_path / "curves.png")
