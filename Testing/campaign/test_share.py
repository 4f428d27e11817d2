"""A small share of the campaign, the same every time; all of it is run by hand."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from Testing.campaign.__main__ import outcomes, table
from Testing.campaign.disks import Disks
from Testing.campaign.flips import ENDINGS, Flips
from Testing.campaign.mutators import mutate
from Testing.campaign.soak import Soak
from Testing.campaign.trials import Outcome, in_processes

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has neither these limits nor alarms."
)


def findings(trial, numbers: range) -> list[str]:
    return [f"{number}: {found}" for number in numbers if (found := trial(number)[1])]


def test_mutated_files_are_read_or_told(tmp_path: Path) -> None:
    pytest.importorskip("slicer_core", reason="the desktop window needs slicer-core")
    from Testing.campaign.reads import Reads

    reads = Reads(tmp_path)
    assert findings(reads.trial, range(4 * len(reads.seeds))) == []


def test_flipped_bits_in_own_files_are_told_or_change_nothing(tmp_path: Path) -> None:
    assert findings(Flips(tmp_path).trial, range(20 * len(ENDINGS))) == []


def test_full_disks_lose_nothing(tmp_path: Path) -> None:
    disks = Disks(tmp_path, commands=False)
    assert findings(disks.trial, range(2 * len(disks.kinds))) == []


def test_mutations_come_again_with_their_number() -> None:
    data = b"sizes: 4 5 6\n" * 9
    made = [mutate(data, np.random.default_rng(number)) for number in range(50)]
    assert made == [mutate(data, np.random.default_rng(number)) for number in range(50)]
    assert len(set(made)) > 40


PROGRAM = """
import os, sys
from pathlib import Path
from Testing.campaign.trials import opened_files, serve, within

def trial(number):
    if number == 3:
        os.kill(os.getpid(), 11)
    if number == 5:
        try:
            with within(1):
                while True:
                    pass
        except TimeoutError as error:
            return "hang", str(error)
    if number == 6:
        with opened_files() as opened:
            open("/etc/hostname").close()
        return "elsewhere", opened[0]
    return "good", ""

serve("trials", trial, int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
"""


def test_crashes_hangs_and_files_elsewhere_are_found(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a_campaign.py").write_text(PROGRAM)
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{root}")
    outcome = in_processes("a_campaign", [], range(8), tmp_path)
    assert outcome.trials == 8 and outcome.kinds == {"good": 5, "hang": 1, "elsewhere": 1}
    told = sorted(outcome.findings)
    assert told[0] == "trial 3: the process ended with code -11" and len(told) == 3
    assert told[1:] == ["trial 5, hang: it took more than 1 s", "trial 6, elsewhere: /etc/hostname"]


def test_the_table_adds_up(tmp_path: Path) -> None:
    first = Outcome("reads", 10, ["bad"], 1.5)
    with open(tmp_path / "out", "w") as stream:
        for each in (first, Outcome("reads", 5, [], 1.0), Outcome("kills", 2000, [], 9.0)):
            stream.write(each.to_json() + "\n")
    assert [each.trials for each in outcomes(tmp_path / "out")] == [10, 5, 2000]
    assert "| reads | 15 | 1 | 2 |" in table(tmp_path / "out")
    assert "| kills | 2,000 | 0 | 9 |" in table(tmp_path / "out")
    with open(tmp_path / "out", "a") as stream:
        stream.write(Outcome("rounds", 2, [], 3.0, Counter(actions=400)).to_json() + "\n")
    assert "| rounds (actions 400) | 2 | 0 | 3 |" in table(tmp_path / "out")


def test_runs_in_one_worker(tmp_path: Path) -> None:
    soak = Soak(tmp_path, 3)
    assert findings(soak.trial, range(1, 4)) == []
    soak.close()
