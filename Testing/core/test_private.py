"""Files beside the work: nobody else reads, foresees or redirects them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from MVGCore import private
from MVGCore.private import (
    is_own_file,
    log_folder,
    make_private,
    open_to_append,
    sweep,
    temporary_folder,
    temporary_prefix,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes and owners.")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_for_this_user_alone(tmp_path: Path) -> None:
    for folder in (tmp_path / "a" / "b", tmp_path / "open"):
        make_private(folder)
        folder.chmod(0o755)
        make_private(folder)
        assert mode(folder) == 0o700


def test_links_and_the_folders_of_others_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError, match="is a link"):
        make_private(tmp_path / "link")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(OSError, match="somebody else"):
        make_private(tmp_path)


def test_files_are_for_this_user_alone_and_never_behind_a_link(tmp_path: Path) -> None:
    with open_to_append(tmp_path / "log") as stream:
        stream.write(b"1")
    with open_to_append(tmp_path / "log") as stream:
        stream.write(b"2")
    assert (tmp_path / "log").read_bytes() == b"12" and mode(tmp_path / "log") == 0o600
    (tmp_path / "foreign").write_bytes(b"dear")
    (tmp_path / "link").symlink_to(tmp_path / "foreign")
    os.link(tmp_path / "foreign", tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("link", "hard", "pipe"):
        with pytest.raises(OSError):
            open_to_append(tmp_path / name)
        assert name == "hard" or not is_own_file(tmp_path / name)
    os.close(reader)
    assert (tmp_path / "foreign").read_bytes() == b"dear" and is_own_file(tmp_path / "foreign")


def test_the_logs_have_a_private_folder_or_one_that_nobody_can_foresee(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    folder = log_folder()
    assert folder.is_relative_to(tmp_path / "home") and mode(folder) == 0o700
    (tmp_path / "file").write_bytes(b"")
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file"))
    assert log_folder().parent == temporary and log_folder() != log_folder()


def test_the_folders_of_killed_processes_are_swept_and_no_others(temporary: Path, tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f"MVG-{gone.pid}-scene-x", f"MVG-{os.getpid()}-scene-x", "MVG-x", "MVG-12x-y", "other"):
        (temporary / name).mkdir()
        (temporary / name / "file").write_bytes(b"")
    (tmp_path / "dear").mkdir()
    (temporary / f"MVG-{gone.pid}-scene-link").symlink_to(tmp_path / "dear")
    sweep()
    left = {each.name for each in temporary.iterdir()}
    assert left == {f"MVG-{os.getpid()}-scene-x", "MVG-x", "MVG-12x-y", "other", f"MVG-{gone.pid}-scene-link"}
    assert (tmp_path / "dear").is_dir()


def test_new_folders_are_known_to_the_sweep(temporary: Path) -> None:
    folder = temporary_folder("scene")
    assert folder.parent == temporary and folder.name.startswith(temporary_prefix("scene"))
    assert mode(folder) == 0o700 and private.is_alive(os.getpid())
