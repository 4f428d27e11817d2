"""A host that is killed, ends or forgets its client: no process and no file of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from MVGCore.prompts import PromptSet
from MVGCore.volume import Volume, write_volume
from MVGCore.worker.host.client import Client
from Testing.core.worker.waiting import is_ready, is_running, leftovers, pid_of, poll_until, wait_until

LONG = tuple[Volume, PromptSet]
ROOT = Path(__file__).resolve().parents[3]

HOST = """
import os, sys, time
from pathlib import Path
from MVGCore.prompts import PromptSet
from MVGCore.volume import read_volume
from MVGCore.worker.host.client import Client
from MVGCore.session.requests import SegmentVolume
from MVGCore.session.results import SliceDone

folder, weights, then = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
client = Client(log_folder=folder / "logs")
client.set_model(weights, "cpu", threads=1)
client.set_image(read_volume(folder / "image.nrrd"))
client.set_prompts(PromptSet.load(folder / "slices.mvgprompts"))
client.submit(SegmentVolume())
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


def test_a_forgotten_client_ends_its_worker(temp_folder: Path, tmp_path: Path, small_weights: Path) -> None:
    client = Client(log_folder=tmp_path)
    client.set_model(small_weights, "cpu")
    client.start()
    poll_until(client, is_ready)
    pid = pid_of(client)
    del client
    wait_until(lambda: not is_running(pid))
