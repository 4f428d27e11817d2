"""Real worker processes with a small model."""

from __future__ import annotations

import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from MVGCore.prompts import PromptSet
from MVGCore.session import Session
from MVGCore.volume import Geometry, LabelMap, Volume
from MVGCore.worker.host.client import Client
from Testing.core.conftest import SMALL
from Testing.core.worker.waiting import is_running, leftovers, wait_until

SLICES = (2, 7, 11)
ROOT = Path(__file__).resolve().parents[3]

MakeClient = Callable[..., Client]


@pytest.fixture(autouse=True)
def single_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same number of threads everywhere, so that results are the same bit for bit."""
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    former = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(former)


@pytest.fixture
def prompts(tube: tuple[Volume, LabelMap]) -> PromptSet:
    """Three labelled slices of the tube."""
    return PromptSet.from_labelmap(*tube, axis=0, slices=SLICES)


@pytest.fixture
def long_tube(tube: tuple[Volume, LabelMap]) -> tuple[Volume, PromptSet]:
    """The tube again and again, so that a run takes a while; its first repetition is labelled."""
    image, labels = tube
    times = 20
    array = np.concatenate([image.array] * times)
    drawn = np.zeros(array.shape, np.uint16)
    for index in SLICES:
        drawn[index] = labels.array[index]
    geometry = Geometry(array.shape, image.geometry.spacing)
    volume = Volume(array, geometry, "long tube")
    return volume, PromptSet.from_labelmap(volume, LabelMap(drawn, geometry, labels.classes), axis=0)


@pytest.fixture
def temp_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of this test, which its workers use too; empty."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def make_client(
    tmp_path: Path, temp_folder: Path, small_weights: Path, tube: tuple[Volume, LabelMap], prompts: PromptSet
) -> Iterator[MakeClient]:
    """Makes clients that have model, image and examples; ends them, and looks for what they left behind."""
    clients: list[Client] = []
    others = set(leftovers(temp_folder))

    def make(**choices: Any) -> Client:
        client = Client(**{"log_folder": tmp_path / "logs", **choices})
        client.set_model(small_weights, "cpu", threads=1)
        client.set_image(tube[0])
        client.set_prompts(prompts)
        clients.append(client)
        return client

    yield make
    pids = [client.worker_pid for client in clients if client.worker_pid is not None]
    for client in clients:
        client.close()
    wait_until(lambda: not any(is_running(pid) for pid in pids))
    wait_until(lambda: set(leftovers(temp_folder)) <= others)


@pytest.fixture
def patched_worker(tmp_path: Path) -> Callable[[str], str]:
    """Makes an interpreter that runs some lines, in which MVGCore is changed, before it runs the worker."""

    def make(lines: str) -> str:
        program = tmp_path / "patched worker"
        start = (
            f"#!{sys.executable}\nimport runpy, sys\nsys.path[0] = {str(ROOT)!r}\nimport MVGCore.version\n"
        )
        run = "\nrunpy.run_module('MVGCore.worker', run_name='__main__')\n"
        program.write_text(start + textwrap.dedent(lines) + run, encoding="utf-8")
        program.chmod(0o700)
        return str(program)

    return make


@pytest.fixture(scope="session")
def other_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of another model of the same sizes."""
    import torch

    from MVGCore.models import create, save_weights

    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("other weights") / "other.safetensors"
    save_weights(create("compact", **SMALL), path, {})
    return path


@pytest.fixture
def expected(small_weights: Path, tube: tuple[Volume, LabelMap], prompts: PromptSet) -> np.ndarray:
    """The labels of slice 5 as a session here gives them."""
    session = Session(small_weights, "cpu", threads=1)
    session.set_image(tube[0])
    session.set_prompts(prompts)
    return session.preview(5).labels


@pytest.fixture(scope="session")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One client for all tests that do not mind what was before: a process takes seconds to start."""
    client = Client(log_folder=tmp_path_factory.mktemp("logs"))
    yield client
    pid = client.worker_pid
    client.close()
    wait_until(lambda: pid is None or not is_running(pid))
    wait_until(lambda: not leftovers(Path(tempfile.gettempdir())))


@pytest.fixture
def client(
    shared_client: Client, small_weights: Path, tube: tuple[Volume, LabelMap], prompts: PromptSet
) -> Client:
    """A client that has all that it needs and nothing to do."""
    shared_client.cancel()
    shared_client.poll()
    shared_client.set_model(small_weights, "cpu", threads=1)
    shared_client.set_image(tube[0])
    shared_client.set_prompts(prompts)
    return shared_client
