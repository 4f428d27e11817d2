"""A run learns, can be interrupted, and ends in weights that load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from MVGCore.errors import InputError
from MVGCore.models import describe, load
from MVGCore.training import TrainConfig, train
from MVGCore.training.config import EpisodeConfig
from MVGCore.training.pool import load_stacks, stack_paths
from MVGCore.training.stack import build_stack, save_stack
from MVGCore.training.trainer import Trainer


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stacks of a bright ball on a dark ground, for training and held out."""
    folder = tmp_path_factory.mktemp("pool")
    rng = np.random.default_rng(0)
    z, y, x = np.mgrid[:12, :160, :160].astype(np.float32)
    for number in range(4):
        center, radius = rng.uniform(65, 95, 2), rng.uniform(25, 45)
        ball = ((z - 6) * 6) ** 2 + (y - center[0]) ** 2 + (x - center[1]) ** 2 < radius**2
        image = np.clip(0.2 + 0.6 * ball + rng.normal(0, 0.05, ball.shape), 0, 1).astype(np.float32)
        stack = build_stack(f"synthetic_{number}", image, ball.astype(np.uint8), 6.0, rng)
        assert stack is not None
        for split in ("train", "held_out"):
            (folder / split).mkdir(exist_ok=True)
            save_stack(stack, folder / split / f"synthetic_{number}.npz")
    return folder


def config(pool: Path, out: Path, steps: int, **changes: object) -> TrainConfig:
    return TrainConfig(
        **{
            "out": out,
            "pool": pool,
            "steps": steps,
            "minutes": 1e6,
            "per_case": 0,
            "synthetic": 0,
            "small_side": 64,
            "side": 64,
            "workers": 0,
            "held_out_batches": 2,
            "warmup_steps": 2,
            "episodes": EpisodeConfig(sets=1, targets=2, image_tasks=0.0),
            **changes,
        }
    )


def rows(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_run_ends_in_weights_that_load(pool: Path, tmp_path: Path) -> None:
    path = train(config(pool, tmp_path, 2), log=lambda text: None)
    model = load(path)
    assert sum(p.numel() for p in model.parameters()) > 1e6
    facts = describe(path).metadata
    assert facts["step"] == "2" and "licence" in facts
    assert {"hinted", "hidden", "draft", "corrected"} <= set(rows(tmp_path)[-1])


def test_a_resumed_run_goes_on_where_it_stopped(pool: Path, tmp_path: Path) -> None:
    train(config(pool, tmp_path, 2), log=lambda text: None)
    before = {
        k: v.clone() for k, v in Trainer(config(pool, tmp_path, 4, resume=True)).model.state_dict().items()
    }
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert all(torch.equal(before[name], value) for name, value in saved["model"].items())
    train(config(pool, tmp_path, 4, resume=True), log=lambda text: None)
    after = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert after["step"] == 4 and after["elapsed"] > saved["elapsed"]
    assert any(not torch.equal(before[name], value) for name, value in after["model"].items())


def test_resuming_nothing_is_refused(pool: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run to resume"):
        train(config(pool, tmp_path, 2, resume=True), log=lambda text: None)


def test_an_empty_pool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too few stacks"):
        train(config(tmp_path / "empty", tmp_path, 2), log=lambda text: None)


def test_a_few_steps_lower_the_loss(pool: Path, tmp_path: Path) -> None:
    run = config(pool, tmp_path, 1000, learning_rate=1e-3)
    tmp_path.mkdir(exist_ok=True)
    trainer = Trainer(run, log=lambda text: None)
    from MVGCore.training.episodes import EpisodeSampler

    stacks = load_stacks(stack_paths(pool, "train"))
    batch = EpisodeSampler(stacks, run.episodes, 64, np.random.default_rng(0)).batch()
    losses = [trainer._train_step([batch])[0][1] for _ in range(24)]  # it swings before it falls
    assert losses[-1] < 0.8 * losses[0]


def test_the_same_seed_gives_the_same_run(pool: Path, tmp_path: Path) -> None:
    paths = [train(config(pool, tmp_path / name, 2), log=lambda text: None) for name in ("a", "b")]
    first, second = (load(path).state_dict() for path in paths)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_weights_tell_their_settings_but_no_folders(pool: Path, tmp_path: Path) -> None:
    path = train(config(pool, tmp_path, 1), log=lambda text: None)
    settings = describe(path).metadata["training"]
    assert json.loads(settings)["small_side"] == 64
    assert str(tmp_path) not in settings and str(pool) not in settings


SCRIPT = """
import sys, json
from pathlib import Path
import torch
from MVGCore.training.config import EpisodeConfig, TrainConfig
from MVGCore.training import train
torch.set_num_threads(1)
out, pool = map(Path, sys.argv[1:3])
train(TrainConfig(model=sys.argv[3], network=json.loads(sys.argv[4]), out=out, pool=pool, steps=50,
    minutes=1e6, per_case=0, synthetic=0, small_side=32, side=32, workers=0,
    held_out_batches=2, warmup_steps=2, streams=2,
    episodes=EpisodeConfig(sets=1, targets=1, image_tasks=0.0)))
"""


@pytest.mark.parametrize(
    ("model", "network"),
    [("compact", {}), ("vit-tiny", {"depth": 4, "width": 32, "heads": 2, "drop_path": 0.0})],
)
def test_two_processes_learn_what_one_learns(
    model: str, network: dict[str, float], pool: Path, tmp_path: Path
) -> None:
    """Over gloo, on the CPU: the same mean loss, the same weights but for the order of additions."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    one, two = tmp_path / "one", tmp_path / "two"
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for command, out in ([sys.executable], one), (launch, two):
        done = subprocess.run(
            [*command, str(script), str(out), str(pool), model, json.dumps(network)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    losses = [next(row["segmentation"] for row in rows(out) if "segmentation" in row) for out in (one, two)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    first, second = (load(out / f"{model}.safetensors").state_dict() for out in (one, two))
    moved = [float((first[name] - second[name]).abs().max()) for name in first]
    assert max(moved) < 0.02


def test_streams_that_cannot_be_shared_are_refused(
    pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 2)
    with pytest.raises(InputError, match="multiple of the processes"):
        Trainer(config(pool, tmp_path, 1, streams=3))
