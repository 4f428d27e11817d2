"""Jobs in a real worker process: the same results as without it, cancelling, problems as events."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from MVGCore.prompts import PromptSet
from MVGCore.session import Session
from MVGCore.session.requests import AskInfo, PreviewSlice, SaveModel, SegmentVolume
from MVGCore.session.results import (
    Cancelled,
    Failed,
    FailureKind,
    Finished,
    Info,
    ModelSaved,
    Previewed,
    Progress,
    Propagated,
    Ready,
)
from MVGCore.volume import Geometry, LabelMap, Volume
from MVGCore.worker.host.client import Client
from Testing.core.worker.waiting import (
    end_of,
    fail,
    finish,
    leftovers,
    log_of,
    pid_of,
    poll_until,
    slice_of,
    slices_of,
    until_end,
)

MakeClient = Callable[..., Client]


@pytest.fixture
def session(small_weights: Path, tube: tuple[Volume, LabelMap], prompts: PromptSet) -> Session:
    """The same session in this process."""
    session = Session(small_weights, "cpu", threads=1)
    session.set_image(tube[0])
    session.set_prompts(prompts)
    return session


def check_same_slices(session: Session, client: Client, job: int) -> None:
    """Check that a propagation gave what a session here gives, bit for bit."""
    events = until_end(client, job)
    expected: list[Any] = []
    result = session.propagate(shown=expected.append)
    for done, other in zip(slices_of(events, job), expected, strict=True):
        assert (done.axis, done.index, done.dice) == (result.axis, other.index, other.dice)
        assert done.values.dtype == np.uint16 and done.confidence is not None
        np.testing.assert_array_equal(done.values, other.labels)
        np.testing.assert_array_equal(done.confidence, other.confidence)
    end = end_of(events, job)
    assert isinstance(end, Finished) and isinstance(end.summary, Propagated)
    for name in ("slice_confidence", "class_confidence", "expected_dice", "slice_dice", "class_dice"):
        assert getattr(end.summary, name) == getattr(result, name)
    assert end.summary.prompt_slices == result.prompt_slices
    assert (end.summary.next_slice, end.summary.notes) == (result.next_slice, result.notes)
    assert end.summary.device == "cpu" and end.summary.seconds.keys() == result.seconds.keys()


def test_a_propagation_is_the_same_as_without_a_worker(client: Client, session: Session) -> None:
    check_same_slices(session, client, client.submit(SegmentVolume()))


def test_arrays_through_files(make_client: MakeClient, session: Session, temp_folder: Path) -> None:
    client, others = make_client(in_memory=False), set(leftovers(temp_folder))
    check_same_slices(session, client, client.submit(SegmentVolume()))
    assert {path.parent for path in set(leftovers(temp_folder)) - others} == {temp_folder}


def test_jobs_one_after_the_other(
    client: Client, session: Session, small_weights: Path, tmp_path: Path, tube: tuple[Volume, LabelMap]
) -> None:
    """One process does all: previews, ranges, new examples, another image, files, and what cannot be done."""
    client.set_model(small_weights, "cpu")
    preview, part, info = (
        client.submit(PreviewSlice(index=5)),
        client.submit(SegmentVolume(slice_range=(3, 6))),
        client.submit(AskInfo()),
    )
    assert client.busy and part - preview == info - part == 1
    events = until_end(client, info)
    (ready,) = [event for event in events if isinstance(event, Ready)]
    assert ready.device == "cpu" and ready.devices[0].name == "cpu" and client.memory == ready.memory != ""
    (shown,) = slices_of(events, preview)
    expected = session.preview(5)
    np.testing.assert_array_equal(shown.values, expected.labels)
    np.testing.assert_array_equal(shown.confidence, expected.confidence)
    end = end_of(events, preview)
    assert isinstance(end, Finished) and isinstance(end.summary, Previewed) and end.summary.index == 5
    assert [done.index for done in slices_of(events, part) if not done.given] == [
        3,
        3,
        6,
        4,
        5,
    ]  # a guess first
    assert any(isinstance(event, Progress) and event.job == part for event in events)
    end = end_of(events, info)
    assert isinstance(end, Finished) and isinstance(end.summary, Info) and "torch" in end.summary.versions
    first_pid = pid_of(client)

    image, labels = tube
    other = Volume(image.array[:, ::-1].copy(), image.geometry, "other")
    fewer = PromptSet.from_labelmap(other, LabelMap(labels.array[:, ::-1], labels.geometry, labels.classes))
    for prompt in fewer.prompts:
        prompt.enabled = prompt.index in (4, 9)
    session.set_image(other)
    session.set_prompts(fewer)
    client.set_image(other)
    client.set_prompts(fewer)
    fewer.prompts[4].labels[...] = 3  # too late: the client has its own
    job = client.submit(SegmentVolume())
    fewer.prompts[4].labels[...] = labels.array[4, ::-1]
    check_same_slices(session, client, job)

    path = tmp_path / "a model.safetensors"
    saved = finish(client, client.submit(SaveModel(str(path))))
    assert saved.summary == ModelSaved(str(path)) and path.is_file()
    refused = fail(client, client.submit(SaveModel(str(tmp_path / "missing" / "model.safetensors"))))
    assert refused.kind in (FailureKind.INPUT, FailureKind.OUTPUT) and "missing" in refused.message
    assert fail(client, client.submit(PreviewSlice(index=99))).kind is FailureKind.INPUT
    assert pid_of(client) == first_pid and not client.busy


def test_cancelling_stops_the_job_and_keeps_the_worker(
    client: Client, long_tube: tuple[Volume, PromptSet]
) -> None:
    client.set_image(long_tube[0])
    client.set_prompts(long_tube[1])
    job, waiting = client.submit(SegmentVolume()), client.submit(SegmentVolume())
    poll_until(client, slice_of(job))
    pid = pid_of(client)
    client.cancel(waiting)
    client.cancel(job)
    assert client.poll() == [Cancelled(waiting), Cancelled(job)] and not client.busy
    after = client.submit(PreviewSlice(index=5))
    events = until_end(client, after)
    assert {event.job for event in events if hasattr(event, "job")} == {after}
    assert isinstance(end_of(events, after), Finished) and pid_of(client) == pid


def test_cancelling_everything_while_the_worker_starts(make_client: MakeClient) -> None:
    client = make_client()
    jobs = [client.submit(PreviewSlice(index=5)), client.submit(SegmentVolume())]
    client.cancel()
    assert client.poll() == [Cancelled(job) for job in jobs]
    finish(client, client.submit(PreviewSlice(index=5)))


def test_what_cannot_be_used_fails_the_next_job(
    client: Client, tube: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    """Not the call that gives it; and a repaired state works at once, in the same process."""
    image = tube[0]
    client.set_image(Volume(np.zeros_like(image.array), image.geometry, "black"))
    failed = fail(client, client.submit(PreviewSlice(index=5)))
    assert failed.kind is FailureKind.INPUT and "constant" in failed.message
    odd = np.full(image.array.shape, "x", dtype=object)
    client.set_image(Volume(odd, image.geometry, "words"))
    failed = fail(client, client.submit(PreviewSlice(index=5)))
    assert failed.kind is FailureKind.INPUT and "object" in failed.message
    client.set_image(image)
    client.set_prompts(PromptSet())
    assert "example" in fail(client, client.submit(PreviewSlice(index=5))).message
    client.set_model("nothing", "cpu")
    (failed,) = [event for event in _warm_up(client) if isinstance(event, Failed)]
    assert failed.job is None and "nothing" in failed.message and failed.kind is FailureKind.INPUT
    client.set_model(tmp_path / "no.safetensors", "cpu")
    assert "no.safetensors" in fail(client, client.submit(AskInfo())).message


def _warm_up(client: Client) -> list[Any]:
    client.start()
    return poll_until(client, lambda event: isinstance(event, Failed))


def test_polling_gives_as_many_events_as_wanted(client: Client) -> None:
    job, got = client.submit(SegmentVolume()), []
    while not any(isinstance(event, Finished) for event in got):
        events = client.poll(limit=1)
        assert len(events) <= 1
        got += events
    assert len(slices_of(got, job)) == 3 + 1 + 2 * 11  # given; one guessed; seen, then chosen


def test_a_host_that_never_lets_threads_run(client: Client, session: Session) -> None:
    """3D Slicer holds Python's lock while it waits for events: threads run in `poll` only."""
    wait_with_lock = ctypes.PyDLL(None).usleep
    job, events = client.submit(SegmentVolume()), []
    while not any(isinstance(event, Finished) for event in events):
        wait_with_lock(10_000)
        events += client.poll()
    assert len(slices_of(events, job)) == 3 + 1 + 2 * 11  # given; one guessed; seen, then chosen


def test_names_with_spaces_and_accents(
    make_client: MakeClient,
    tmp_path: Path,
    temp_folder: Path,
    small_weights: Path,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the folders for logs and temporary files, of the weights and the interpreter; in a plain locale."""
    import tempfile

    odd = tmp_path / "Köpfe und Bäuche – données №1"
    (odd / "tmp").mkdir(parents=True)
    weights = odd / "poids entraînés.safetensors"
    weights.write_bytes(small_weights.read_bytes())
    monkeypatch.setenv("TMPDIR", str(odd / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(odd / "tmp"))
    monkeypatch.setenv("LC_ALL", "C")
    environment = odd / "environnement élevé"
    python = make_environment(environment)
    client = make_client(python=str(python), log_folder=odd / "journaux à lire", in_memory=False)
    client.set_model(weights, "cpu", threads=1)
    check_same_slices(session, client, client.submit(SegmentVolume()))
    assert "journaux" in str(client.log_path) and str(environment) in log_of(client)
    client.close()


def make_environment(folder: Path) -> Path:
    """Another interpreter, that finds this one's packages; returns its program."""
    import site
    import subprocess

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # As sites, for their own .pth files count too: an editable install is one.
    lines = [f"import site; site.addsitedir({each!r})" for each in site.getsitepackages()]
    (packages / "others.pth").write_text("\n".join(lines), encoding="utf-8")
    return folder / "bin" / "python"


def test_a_volume_of_odd_layout_arrives_as_it_is(client: Client, session: Session) -> None:
    """Transposed and reversed arrays of other types, as hosts have them."""
    array = np.random.default_rng(1).normal(100, 20, (36, 40, 14)).astype(">i2").T[:, ::-1]
    image = Volume(array, Geometry.identity(array.shape))
    labels = np.zeros(array.shape, np.uint16)
    labels[4, 10:20, 10:20] = labels[9, 12:22, 9:18] = 2
    prompts = PromptSet.from_labelmap(image, LabelMap.of(labels, image.geometry))
    for each in (client, session):
        each.set_image(image)
        each.set_prompts(prompts)
    check_same_slices(session, client, client.submit(SegmentVolume()))
