"""What must not harm the host: a worker that crashes, hangs or does not stop; it is replaced."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from MVGCore.prompts import PromptSet
from MVGCore.session.requests import Adapt, AskInfo, ForgetAdaptation, PreviewSlice, SaveModel, SegmentVolume
from MVGCore.session.results import Cancelled, Failed, FailureKind, Finished, Restarted
from MVGCore.volume import LabelMap, Volume
from MVGCore.worker.host.client import Client, Limits
from Testing.core.worker.waiting import (
    check_preview,
    end_of,
    finish,
    is_ready,
    is_restarted,
    is_running,
    leftovers,
    pid_of,
    poll_until,
    slice_of,
    until_end,
    wait_until,
)

MakeClient = Callable[..., Client]
LONG = tuple[Volume, PromptSet]


def test_a_worker_killed_in_mid_run_is_replaced(
    client: Client,
    long_tube: LONG,
    tube: tuple[Volume, LabelMap],
    prompts: PromptSet,
    expected: np.ndarray,
) -> None:
    client.set_image(long_tube[0])
    client.set_prompts(long_tube[1])
    job = client.submit(SegmentVolume())
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
    finish(client, client.submit(AskInfo()))
    os.kill(pid_of(client), signal.SIGKILL)
    wait_until(lambda: client.poll() == [] and client.worker_pid is None)
    check_preview(client, expected)


def test_waiting_jobs_survive_a_crash(client: Client, long_tube: LONG) -> None:
    client.set_image(long_tube[0])
    client.set_prompts(long_tube[1])
    job, waiting = client.submit(SegmentVolume()), client.submit(PreviewSlice(index=5))
    poll_until(client, slice_of(job))
    os.kill(pid_of(client), signal.SIGKILL)
    events = until_end(client, waiting)
    assert isinstance(end_of(events, job), Failed) and isinstance(end_of(events, waiting), Finished)
    assert [event.lost_adaptation for event in events if isinstance(event, Restarted)] == [False]


def test_a_worker_that_hangs_is_replaced(make_client: MakeClient, long_tube: LONG) -> None:
    client = make_client(limits=Limits(silence=5.0))
    client.set_image(long_tube[0])
    client.set_prompts(long_tube[1])
    job = client.submit(SegmentVolume())
    poll_until(client, slice_of(job))
    first = pid_of(client)
    os.kill(first, signal.SIGSTOP)
    events = poll_until(client, is_restarted)
    end = end_of(events, job)
    assert isinstance(end, Failed) and end.kind is FailureKind.HUNG
    wait_until(lambda: not is_running(first))
    finish(client, client.submit(PreviewSlice(index=5)))


def test_a_host_that_was_away_does_not_take_the_worker_for_lost(make_client: MakeClient) -> None:
    client = make_client(limits=Limits(silence=5.0))
    finish(client, client.submit(AskInfo()))
    pid = pid_of(client)
    os.kill(pid, signal.SIGSTOP)  # as if the whole computer had slept
    time.sleep(5.5)
    os.kill(pid, signal.SIGCONT)
    finish(client, client.submit(PreviewSlice(index=5)))
    assert pid_of(client) == pid


def test_a_worker_that_does_not_stop_is_replaced(make_client: MakeClient, expected: np.ndarray) -> None:
    client = make_client(limits=Limits(cancel=0.5))
    finish(client, client.submit(AskInfo()))
    first = pid_of(client)
    job = client.submit(SegmentVolume())
    wait_until(lambda: client.poll() is not None and client.job == job)
    os.kill(first, signal.SIGSTOP)
    client.cancel(job)
    assert client.poll() == [Cancelled(job)]
    poll_until(client, is_restarted)
    assert pid_of(client) != first
    check_preview(client, expected)


def test_a_worker_that_loads_a_model_need_not_stop(
    make_client: MakeClient, patched_worker: Callable[[str], str], expected: np.ndarray
) -> None:
    """It would only have to load again."""
    python = patched_worker("""
        import time
        from MVGCore.session import Session

        begin = Session.__init__

        def slow(self, *arguments):
            time.sleep(2)
            begin(self, *arguments)

        Session.__init__ = slow
    """)
    client = make_client(python=python, limits=Limits(cancel=0.5))
    job = client.submit(PreviewSlice(index=5))
    wait_until(lambda: client.poll() == [] and client.job == job)
    pid = pid_of(client)
    client.cancel()
    check_preview(client, expected)
    assert pid_of(client) == pid


def test_an_adapted_model_survives_a_crash(
    make_client: MakeClient,
    patched_worker: Callable[[str], str],
    small_weights: Path,
    other_weights: Path,
    tmp_path: Path,
) -> None:
    """The small model gains nothing by adaptation, so this worker takes other weights as if it had."""
    python = patched_worker(f"""
        from MVGCore.outcomes import AdaptReport
        from MVGCore.session import Session

        def adapt(self, seconds, progress, cancelled, steps):
            self.use_adapted({str(other_weights)!r}, 'the examples')
            return AdaptReport(True, 0.8, 0.9, 1, 0.1, "Better.")

        Session.adapt = adapt
    """)
    client = make_client(python=python)
    original = _weights(client, tmp_path / "original.safetensors")
    finish(client, client.submit(Adapt()))
    adapted = _weights(client, tmp_path / "adapted.safetensors")
    assert adapted != original
    os.kill(pid_of(client), signal.SIGKILL)
    wait_until(lambda: client.poll() == [] and client.worker_pid is None)
    assert _weights(client, tmp_path / "after.safetensors") == adapted
    client.set_model(small_weights, "cpu", seed=1, threads=1)
    assert _weights(client, tmp_path / "seed.safetensors") == adapted
    finish(client, client.submit(ForgetAdaptation()))
    assert _weights(client, tmp_path / "forgotten.safetensors") == original

    finish(client, client.submit(Adapt()))
    (kept,) = (path for path in leftovers(Path(tempfile.gettempdir())) if list(path.glob("adapted*")))
    (kept / "adapted.safetensors").unlink()
    client.restart()
    events = poll_until(client, is_ready)
    assert [event.lost_adaptation for event in events if isinstance(event, Restarted)] == [True]
    assert _weights(client, tmp_path / "lost.safetensors") == original


def _weights(client: Client, path: Path) -> dict[str, bytes]:
    """Name of a tensor of the model in use -> its bytes."""
    finish(client, client.submit(SaveModel(str(path))))
    return {name: tensor.tobytes() for name, tensor in load_file(path).items()}


def test_restarting_by_hand(client: Client, expected: np.ndarray) -> None:
    job = client.submit(SegmentVolume())
    poll_until(client, slice_of(job))
    first = pid_of(client)
    client.restart("A test wants it.")
    events = poll_until(client, is_restarted)
    assert isinstance(end_of(events, job), Failed) and pid_of(client) != first
    check_preview(client, expected)


def test_closing_in_mid_run_and_starting_again(
    make_client: MakeClient, temp_folder: Path, expected: np.ndarray
) -> None:
    client, others = make_client(), leftovers(temp_folder)
    client.submit(SegmentVolume())
    poll_until(client, is_ready)
    pid = pid_of(client)
    client.close()
    client.close()
    assert client.poll() == [] and not client.busy
    wait_until(lambda: not is_running(pid) and set(leftovers(temp_folder)) == set(others))
    check_preview(client, expected)
