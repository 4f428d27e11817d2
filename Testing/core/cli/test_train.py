"""`mvg train`: where settings come from, and which one wins."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

Mvg = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class FakeLoss:
    beta: float = 0.01
    dice: bool = True


@dataclass(frozen=True)
class FakeSet:
    reader: str
    folder: Path = Path("cases")

    @classmethod
    def parse(cls, words: str) -> FakeSet:
        return cls(words)


@dataclass(frozen=True)
class FakeConfig:
    sets: tuple[FakeSet, ...] = ()
    out: Path = Path("runs/default")
    minutes: float = 10.0
    seed: int = 0
    resume: bool = False
    batch: int = 8
    prompts: tuple[int, ...] = (1, 5)
    loss: FakeLoss = FakeLoss()


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[FakeConfig]:
    """The configurations that `train` was called with."""
    called: list[FakeConfig] = []
    module = ModuleType("MVGCore.training")
    module.TrainConfig = FakeConfig  # type: ignore[attr-defined]
    module.train = called.append  # type: ignore[attr-defined]
    module.preview = lambda config, path: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "MVGCore.training", module)
    return called


def test_options_become_settings(configs: list[FakeConfig], mvg: Mvg) -> None:
    words = ["--data", "amos:a", "--data", "b", "--out", "run", "--minutes", "2.5", "--seed", "7", "--resume"]
    assert mvg("train", *words)[0] == 0
    assert configs == [FakeConfig((FakeSet("amos:a"), FakeSet("b")), Path("run"), 2.5, 7, True)]


def test_data_sets_in_a_file_are_groups_of_settings(
    configs: list[FakeConfig], mvg: Mvg, tmp_path: Path
) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"sets": [{"reader": "amos", "folder": "x"}, "word:y"]}')
    assert mvg("train", "--config", file)[0] == 0
    assert configs == [FakeConfig((FakeSet("amos", Path("x")), FakeSet("word:y")))]
    assert mvg("train", "--config", file, "--data", "z")[0] == 0
    assert configs[1] == FakeConfig((FakeSet("z"),))


def test_a_later_source_wins(configs: list[FakeConfig], mvg: Mvg, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"seed": 1, "batch": 2, "minutes": 3, "prompts": [2, 3], "out": "from-file"}')
    assert mvg("train", "--config", file, "--seed", "4", "--set", "batch=5", "--set", "seed=6")[0] == 0
    assert configs == [FakeConfig(out=Path("from-file"), minutes=3, seed=6, batch=5, prompts=(2, 3))]


def test_groups_of_settings_are_filled_one_by_one(
    configs: list[FakeConfig], mvg: Mvg, tmp_path: Path
) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"loss": {"beta": 1, "dice": true}}')
    assert mvg("train", "--config", file, "--set", "loss.dice=false")[0] == 0
    assert configs == [FakeConfig(loss=FakeLoss(beta=1.0, dice=False))]


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "batches=3"],
        ["--set", "batch"],
        ["--set", "batch=many"],
        ["--set", "resume=1"],
        ["--set", "loss=3"],
        ["--set", "loss.alpha=3"],
        ["--set", 'sets=[{"folder": "a"}]'],
        ["--set", 'sets=[{"reader": "a", "place": "b"}]'],
        ["--set", "sets=[3]"],
        ["--config", "missing.json"],
    ],
)
def test_settings_that_cannot_be(configs: list[FakeConfig], mvg: Mvg, words: list[str]) -> None:
    code, _, complaint = mvg("train", *words)
    assert code == 2 and complaint.count("\n") == 1
    assert not configs


def test_a_file_that_is_no_object(configs: list[FakeConfig], mvg: Mvg, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text("[1, 2]")
    assert mvg("train", "--config", file)[0] == 2
