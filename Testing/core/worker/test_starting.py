"""Workers that cannot start, libraries that print, mistakes of ours: what the host is told, and the log."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from MVGCore.session.requests import AskInfo, PreviewSlice
from MVGCore.session.results import Failed, FailureKind
from MVGCore.worker.host.client import Client
from Testing.core.worker.waiting import (
    check_preview,
    end_of,
    fail,
    finish,
    log_of,
    pid_of,
    poll_until,
    until_end,
)

MakeClient = Callable[..., Client]


def test_interpreters_that_do_not_work(make_client: MakeClient, tmp_path: Path) -> None:
    """One that is missing, one that is none, and one without packages: each names itself and what to do."""
    client = make_client(python=str(tmp_path / "missing" / "python"))
    failed = fail(client, client.submit(PreviewSlice(index=5)))
    assert failed.kind is FailureKind.SETUP and "missing" in failed.message

    (tmp_path / "file").touch()
    unwritable = make_client(log_folder=tmp_path / "file")
    failed = fail(unwritable, unwritable.submit(PreviewSlice(index=5)))
    assert failed.kind is FailureKind.SETUP and "file" in failed.message and "written" in failed.message

    other = make_client(python="/bin/cat")
    failed = fail(other, other.submit(PreviewSlice(index=5)))
    assert failed.kind is FailureKind.SETUP and "/bin/cat" in failed.message
    other.start()  # it is tried again, and nobody waits for the answer
    (event,) = poll_until(other, lambda event: True)
    assert isinstance(event, Failed) and event.job is None

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    bare = make_client(python=str(tmp_path / "bare" / "bin" / "python"))
    jobs = [bare.submit(PreviewSlice(index=5)), bare.submit(AskInfo())]
    events = until_end(bare, jobs[-1])
    for job in jobs:
        end = end_of(events, job)
        assert isinstance(end, Failed) and end.kind is FailureKind.SETUP and "install" in end.message


def test_another_version_is_refused(make_client: MakeClient, patched_worker: Callable[[str], str]) -> None:
    """MVG was replaced on the disk while the host runs the former one."""
    client = make_client(python=patched_worker("MVGCore.version.__version__ = '0.0.0'"))
    failed = fail(client, client.submit(PreviewSlice(index=5)))
    assert failed.kind is FailureKind.SETUP and "MVG 0.0.0" in failed.message and "restart" in failed.message


def test_the_log_tells_what_happened(client: Client) -> None:
    finish(client, client.submit(AskInfo()))
    assert f"Worker {pid_of(client)}" in log_of(client)
    assert psutil.Process(pid_of(client)).nice() > psutil.Process().nice()


def test_prints_of_libraries_go_to_the_log(
    make_client: MakeClient, patched_worker: Callable[[str], str], expected: np.ndarray
) -> None:
    """Those of Python, of C, and of programs that are started; and nobody reads the messages away."""
    python = patched_worker("""
        import ctypes, os, sys
        from MVGCore.session import Session

        preview = Session.preview

        def noisy(self, *arguments):
            print("by Python ü")
            ctypes.CDLL(None).puts(b"by C")
            ctypes.CDLL(None).fflush(None)
            os.system("echo by a program; cat")
            print(repr(sys.stdin.read()), "was read")
            return preview(self, *arguments)

        Session.preview = noisy
    """)
    client = make_client(python=python)
    check_preview(client, expected)
    for said in ("by Python ü", "by C", "by a program", "'' was read"):
        assert said in log_of(client)


def test_a_mistake_of_ours_is_told_and_harms_nothing(
    make_client: MakeClient, patched_worker: Callable[[str], str]
) -> None:
    python = patched_worker("""
        from MVGCore.session import Session

        def preview(self, index, *_arguments):
            if index == 1:
                raise MemoryError()
            raise ZeroDivisionError("an odd thing")

        Session.preview = preview
    """)
    client = make_client(python=python)
    failed = fail(client, client.submit(PreviewSlice(index=5)))
    assert failed.kind is FailureKind.INTERNAL and "an odd thing" in failed.message
    assert "ZeroDivisionError" in log_of(client) and "Traceback" in log_of(client)
    assert fail(client, client.submit(PreviewSlice(index=1))).kind is FailureKind.MEMORY
    finish(client, client.submit(AskInfo()))


def test_a_worker_that_cannot_load_a_package(
    make_client: MakeClient, patched_worker: Callable[[str], str]
) -> None:
    client = make_client(python=patched_worker("sys.modules['torch'] = None"))
    failed = fail(client, client.submit(PreviewSlice(index=5)))
    assert failed.kind is FailureKind.SETUP and "torch" in failed.message and "install" in failed.message
