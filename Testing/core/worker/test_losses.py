"""What must not harm the host nor outlive it: crashes, hangs, bad interpreters; and a host that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from MVGCore.prompts import PromptSet
from MVGCore.session import Session
from MVGCore.volume import LabelMap, Volume, write_volume
from MVGCore.worker.client import Client, Limits
from MVGCore.worker.events import Cancelled, Event, Failed, FailureKind, Finished, Ready, Restarted
from Testing.core.worker.waiting import (
    end_of,
    fail,
    finish,
    is_running,
    leftovers,
    log_of,
    pid_of,
    poll_until,
    slice_of,
    slices_of,
    until_end,
    wait_until,
)

MakeClient = Callable[..., Client]
LONG = tuple[Volume, PromptSet]
ROOT = Path(__file__).resolve().parents[3]


def is_restarted(event: Event) -> bool:
    return isinstance(event, Restarted)


def is_ready(event: Event) -> bool:
    return isinstance(event, Ready)


@pytest.fixture
def expected(small_weights: Path, tube: tuple[Volume, LabelMap], prompts: PromptSet) -> np.ndarray:
    """The labels of slice 5 as a session here gives them."""
    session = Session(small_weights, "cpu", threads=1)
    session.set_image(tube[0])
    session.set_prompts(prompts)
    return session.preview(5).labels


def check_preview(client: Client, expected: np.ndarray) -> None:
    """Check that the worker has all that it needs."""
    job = client.preview(5)
    events = until_end(client, job)
    assert isinstance(end_of(events, job), Finished)
    (done,) = slices_of(events, job)
    np.testing.assert_array_equal(done.values, expected)


def test_a_worker_killed_in_mid_run_is_replaced(
    client: Client,
    long_tube: LONG,
    tube: tuple[Volume, LabelMap],
    prompts: PromptSet,
    expected: np.ndarray,
) -> None:
    client.set_image(long_tube[0])
    client.set_prompts(long_tube[1])
    job = client.propagate()
    poll_until(client, slice_of(job))
    client.set_image(tube[0])
    client.set_prompts(prompts)
    first = pid_of(client)
    os.kill(first, signal.SIGKILL)
    events = poll_until(client, is_restarted)
    end = end_of(events, job)
    assert isinstance(end, Failed) and end.kind is FailureKind.CRASHED and "SIGKILL" in end.message
    assert pid_of(client) != first and not client.busy
    check_preview(client, expected)


def test_a_worker_killed_while_idle_is_replaced_with_the_next_job(
    client: Client, expected: np.ndarray
) -> None:
    finish(client, client.info())
    os.kill(pid_of(client), signal.SIGKILL)
    wait_until(lambda: client.poll() == [] and client.worker_pid is None)
    check_preview(client, expected)


def test_waiting_jobs_survive_a_crash(client: Client, long_tube: LONG) -> None:
    client.set_image(long_tube[0])
    client.set_prompts(long_tube[1])
    job, waiting = client.propagate(), client.preview(5)
    poll_until(client, slice_of(job))
    os.kill(pid_of(client), signal.SIGKILL)
    events = until_end(client, waiting)
    assert isinstance(end_of(events, job), Failed) and isinstance(end_of(events, waiting), Finished)
    assert [event.lost_adaptation for event in events if isinstance(event, Restarted)] == [False]


def test_a_worker_that_hangs_is_replaced(make_client: MakeClient, long_tube: LONG) -> None:
    client = make_client(limits=Limits(silence=3.0))
    client.set_image(long_tube[0])
    client.set_prompts(long_tube[1])
    job = client.propagate()
    poll_until(client, slice_of(job))
    first = pid_of(client)
    os.kill(first, signal.SIGSTOP)
    events = poll_until(client, is_restarted)
    end = end_of(events, job)
    assert isinstance(end, Failed) and end.kind is FailureKind.HUNG
    wait_until(lambda: not is_running(first))
    finish(client, client.preview(5))


def test_a_host_that_was_away_does_not_take_the_worker_for_lost(make_client: MakeClient) -> None:
    client = make_client(limits=Limits(silence=2.0))
    finish(client, client.info())
    pid = pid_of(client)
    os.kill(pid, signal.SIGSTOP)  # as if the whole computer had slept
    time.sleep(2.5)
    os.kill(pid, signal.SIGCONT)
    finish(client, client.preview(5))
    assert pid_of(client) == pid


def test_a_worker_that_does_not_stop_is_replaced(make_client: MakeClient, expected: np.ndarray) -> None:
    client = make_client(limits=Limits(cancel=0.5))
    finish(client, client.info())
    first = pid_of(client)
    job = client.propagate()
    wait_until(lambda: client.poll() is not None and client.job == job)
    os.kill(first, signal.SIGSTOP)
    client.cancel(job)
    assert client.poll() == [Cancelled(job)]
    poll_until(client, is_restarted)
    assert pid_of(client) != first
    check_preview(client, expected)


def test_an_adapted_model_survives_a_crash(
    make_client: MakeClient, patched_worker: Callable[[str], str], other_weights: Path, tmp_path: Path
) -> None:
    """The small model gains nothing by adaptation, so this worker takes other weights as if it had."""
    python = patched_worker(f"""
        from MVGCore.outcomes import AdaptReport
        from MVGCore.session import Session

        def adapt(self, seconds, progress, cancelled, steps):
            self.use_adapted({str(other_weights)!r})
            return AdaptReport(True, 0.8, 0.9, 1, 0.1, "Better.")

        Session.adapt = adapt
    """)
    client = make_client(python=python)
    original = _weights(client, tmp_path / "original.safetensors")
    finish(client, client.adapt())
    adapted = _weights(client, tmp_path / "adapted.safetensors")
    assert adapted != original
    os.kill(pid_of(client), signal.SIGKILL)
    wait_until(lambda: client.poll() == [] and client.worker_pid is None)
    assert _weights(client, tmp_path / "after.safetensors") == adapted
    finish(client, client.forget_adaptation())
    assert _weights(client, tmp_path / "forgotten.safetensors") == original

    finish(client, client.adapt())
    (kept,) = (path for path in leftovers(Path(tempfile.gettempdir())) if list(path.glob("adapted*")))
    (kept / "adapted.safetensors").unlink()
    client.restart()
    events = poll_until(client, is_ready)
    assert [event.lost_adaptation for event in events if isinstance(event, Restarted)] == [True]
    assert _weights(client, tmp_path / "lost.safetensors") == original


def _weights(client: Client, path: Path) -> dict[str, bytes]:
    """Name of a tensor of the model in use -> its bytes."""
    finish(client, client.save_model(path))
    return {name: tensor.tobytes() for name, tensor in load_file(path).items()}


def test_restarting_by_hand(client: Client, expected: np.ndarray) -> None:
    job = client.propagate()
    poll_until(client, is_ready)
    first = pid_of(client)
    client.restart("A test wants it.")
    events = poll_until(client, is_restarted)
    assert isinstance(end_of(events, job), Failed) and pid_of(client) != first
    check_preview(client, expected)


def test_closing_in_mid_run_and_starting_again(
    client: Client, temp_folder: Path, expected: np.ndarray
) -> None:
    client.propagate()
    poll_until(client, is_ready)
    pid = pid_of(client)
    client.close()
    client.close()
    assert client.poll() == [] and not client.busy
    wait_until(lambda: not is_running(pid) and not leftovers(temp_folder))
    check_preview(client, expected)


def test_interpreters_that_do_not_work(make_client: MakeClient, tmp_path: Path) -> None:
    """One that is missing, one that is none, and one without packages: each names itself and what to do."""
    client = make_client(python=str(tmp_path / "missing" / "python"))
    failed = fail(client, client.preview(5))
    assert failed.kind is FailureKind.SETUP and "missing" in failed.message

    other = make_client(python="/bin/cat")
    failed = fail(other, other.preview(5))
    assert failed.kind is FailureKind.SETUP and "/bin/cat" in failed.message
    other.start()  # it is tried again, and nobody waits for the answer
    (event,) = poll_until(other, lambda event: True)
    assert isinstance(event, Failed) and event.job is None

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    bare = make_client(python=str(tmp_path / "bare" / "bin" / "python"))
    jobs = [bare.preview(5), bare.info()]
    events = until_end(bare, jobs[-1])
    for job in jobs:
        end = end_of(events, job)
        assert isinstance(end, Failed) and end.kind is FailureKind.SETUP and "install" in end.message


def test_another_version_is_refused(make_client: MakeClient, patched_worker: Callable[[str], str]) -> None:
    """MVG was replaced on the disk while the host runs the former one."""
    client = make_client(python=patched_worker("MVGCore.version.__version__ = '0.0.0'"))
    failed = fail(client, client.preview(5))
    assert failed.kind is FailureKind.SETUP and "MVG 0.0.0" in failed.message and "restart" in failed.message


HOST = """
import os, sys, time
from pathlib import Path
from MVGCore.prompts import PromptSet
from MVGCore.volume import read_volume
from MVGCore.worker.client import Client
from MVGCore.worker.events import SliceDone

folder, weights, then = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
client = Client(log_folder=folder / "logs")
client.set_model(weights, "cpu", threads=1)
client.set_image(read_volume(folder / "image.nrrd"))
client.set_prompts(PromptSet.load(folder / "slices.mvgprompts"))
client.propagate()
while not any(isinstance(event, SliceDone) for event in client.poll()):
    time.sleep(0.01)
child = 0
if then == "fork":  # a child that has all files of its parent open, and lives on
    child = os.fork()
    if not child:
        time.sleep(600)
print(client.worker_pid, child, flush=True)
while then != "end":
    client.poll()
    time.sleep(0.01)
"""


def start_host(folder: Path, weights: Path, run: LONG, then: str) -> tuple[subprocess.Popen[str], int, int]:
    """Start a host; gives it, its worker, which is in the middle of a run, and its child, if it has one."""
    write_volume(folder / "image.nrrd", run[0])
    run[1].save(folder / "slices.mvgprompts")
    command = [sys.executable, "-c", HOST, str(folder), str(weights), then]
    host = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert host.stdout is not None
    worker, child = host.stdout.readline().split()
    return host, int(worker), int(child)


@pytest.mark.parametrize("then", ["poll", "fork"])
def test_a_killed_host_leaves_nothing_behind(
    tmp_path: Path, temp_folder: Path, small_weights: Path, long_tube: LONG, then: str
) -> None:
    """No process and no file, also if another process holds the host's end of the pipe open."""
    host, worker, child = start_host(tmp_path, small_weights, long_tube, then)
    try:
        assert is_running(worker) and leftovers(temp_folder, host.pid)
        host.kill()
        host.wait()
        wait_until(lambda: not is_running(worker))
        wait_until(lambda: not leftovers(temp_folder, host.pid))
    finally:
        if child:
            os.kill(child, signal.SIGKILL)


def test_a_host_that_ends_leaves_nothing_behind(
    tmp_path: Path, temp_folder: Path, small_weights: Path, long_tube: LONG
) -> None:
    """Although it does not close its client."""
    host, worker, _ = start_host(tmp_path, small_weights, long_tube, "end")
    assert host.wait(timeout=60) == 0
    wait_until(lambda: not is_running(worker))
    wait_until(lambda: not leftovers(temp_folder, host.pid))


def test_a_forgotten_client_ends_its_worker(make_client: MakeClient, small_weights: Path) -> None:
    client = Client()
    client.set_model(small_weights, "cpu")
    client.start()
    poll_until(client, is_ready)
    pid = pid_of(client)
    del client
    wait_until(lambda: not is_running(pid))


def test_the_log_tells_what_happened(client: Client) -> None:
    finish(client, client.info())
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

        def preview(self, index, cancelled):
            if index == 1:
                raise MemoryError()
            raise ZeroDivisionError("an odd thing")

        Session.preview = preview
    """)
    client = make_client(python=python)
    failed = fail(client, client.preview(5))
    assert failed.kind is FailureKind.INTERNAL and "an odd thing" in failed.message
    assert "ZeroDivisionError" in log_of(client) and "Traceback" in log_of(client)
    assert fail(client, client.preview(1)).kind is FailureKind.MEMORY
    finish(client, client.info())


def test_a_worker_that_cannot_load_a_package(
    make_client: MakeClient, patched_worker: Callable[[str], str]
) -> None:
    client = make_client(python=patched_worker("sys.modules['torch'] = None"))
    failed = fail(client, client.preview(5))
    assert failed.kind is FailureKind.SETUP and "torch" in failed.message and "install" in failed.message
