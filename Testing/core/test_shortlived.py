"""Work in a process that may crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from MVGCore import shortlived
from MVGCore.shortlived import Died, ProcessFailedError, ask

PROGRAM = """
import os, sys
what = sys.argv[1]
if what == "crash":
    os.kill(os.getpid(), 11)
if what == "hang":
    while True:
        pass
if what == "cannot":
    print("the file is empty")
    sys.exit(1)
if what == "eat":
    from MVGCore.shortlived import limit_itself
    limit_itself(30, memory=100 << 20)
    try:
        bytearray(1 << 30)
    except MemoryError:
        print("no memory")
        sys.exit(1)
print("done", os.listdir("."))
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "a_program.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "a_program"


def test_what_a_process_says_comes_back(program: str) -> None:
    assert ask(program, ["work"], 60) == "done ['out']"


def test_what_it_cannot_do_is_told(program: str) -> None:
    with pytest.raises(ProcessFailedError, match="the file is empty"):
        ask(program, ["cannot"], 60)


def test_a_crash_costs_nothing(program: str) -> None:
    with pytest.raises(Died, match="signal 11" if os.name == "posix" else "code"):
        ask(program, ["crash"], 60)


def test_a_process_that_hangs_is_ended(program: str) -> None:
    with pytest.raises(Died, match="more than 0 s"):
        ask(program, ["hang"], 0.3)


@pytest.mark.skipif(not Path("/proc").exists(), reason="Only Linux keeps to the limit.")
def test_memory_is_limited(program: str) -> None:
    with pytest.raises(ProcessFailedError, match="no memory"):
        ask(program, ["eat"], 60)


def test_nothing_is_left_behind(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(shortlived.tempfile, "tempdir", str(place))
    ask(program, ["work"], 60)
    with pytest.raises(Died):
        ask(program, ["crash"], 60)
    assert list(place.iterdir()) == []
