"""A data set is labelled once, whatever happens on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from MVGCore.datasets import labelling
from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.cluster import label_on_cluster
from MVGCore.datasets.labelling import Labeller
from MVGCore.datasets.manifest import NAME, Record
from MVGCore.datasets.pool import label_here, label_in_processes, workers_that_fit
from MVGCore.datasets.review import volume_id
from MVGCore.datasets.run import Part, label_dataset
from MVGCore.datasets.verify import verify
from MVGCore.datasets.work import Work
from MVGCore.errors import CancelledError, InputError, MissingExtraError
from MVGCore.metrics import dice_per_class
from MVGCore.volume import read_labelmap, read_segmentation, write_volume
from Testing.core.datasets.conftest import Tiny, tiny_case
from Testing.core.datasets.labellers import fragile, unusable

Make = Callable[[int], Tiny]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a results folder; of the manifest what does not depend on the clock."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".lock"):
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    records = [json.loads(line) for line in found.pop(NAME).decode().splitlines()]
    for record in records:
        for clock in ("seconds", "seconds_within", "peak_memory_mb"):
            record["report"].pop(clock, None)
    return {**found, NAME: json.dumps(records).encode()}


def break_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.usefixtures("quick_session")
def test_every_volume_gets_a_result_or_a_reason(make_tiny: Make) -> None:
    tiny = make_tiny(4)
    break_file(tiny.images / "case_002.nrrd")
    seen: list[tuple[str, int, int]] = []
    summary = label_dataset(
        tiny.work(),
        tiny.items,
        label_here,
        shown=lambda record, done, total: seen.append((record.name, done, total)),
    )
    assert seen == [(f"case_00{n}", n + 1, 4) for n in range(4)]
    assert [record.name for record in summary.failed] == ["case_002"]
    assert "case_002.nrrd" in summary.failed[0].reason
    result = read_segmentation(tiny.results / "case_001.seg.nrrd")
    assert [segment.class_.name for segment in result.segments] == ["tube"]
    assert not (tiny.results / "case_002.seg.nrrd").exists()


@pytest.mark.usefixtures("quick_session")
def test_a_second_run_does_what_is_missing_or_has_changed(make_tiny: Make) -> None:
    tiny = make_tiny(5)
    label_dataset(tiny.work(), tiny.items, label_here)
    assert label_dataset(tiny.work(), tiny.items, label_here).labelled == ()
    (tiny.results / "case_001.seg.nrrd").unlink()
    break_file(tiny.results / "case_002.seg.nrrd")
    write_volume(tiny.images / "case_003.nrrd", tiny_case(33)[0])
    again = label_dataset(tiny.work(), tiny.items, label_here)
    assert again.labelled == ("case_001", "case_002", "case_003")
    other = label_dataset(tiny.work(seed=1), tiny.items[:2], label_here)
    assert other.labelled == ("case_000", "case_001")


@pytest.mark.usefixtures("quick_session")
def test_only_what_is_rejected_is_done_anew(make_tiny: Make) -> None:
    tiny = make_tiny(3)
    first = label_dataset(tiny.work(), tiny.items, label_here)
    again = label_dataset(tiny.work(seed=1), tiny.items, label_here, redo={"case_001"})
    assert again.labelled == ("case_001",)
    assert [a.made_of == b.made_of for a, b in zip(first.records, again.records, strict=True)] == [
        True,
        False,
        True,
    ]


def killed_after(count: int) -> Callable[[Work, Sequence[Item]], Iterator[Record]]:
    """A crew whose last volume is written, but not yet in the manifest, when it ends."""

    def crew(work: Work, items: Sequence[Item]) -> Iterator[Record]:
        for n, record in enumerate(label_here(work, items)):
            if n == count:
                raise KeyboardInterrupt
            yield record

    return crew


def killed_while_writing(path: Path) -> Path:
    """Let a process begin to write a file and end it; gives what it leaves behind."""
    program = """
import os, sys
from MVGCore.volume import atomic_path
with atomic_path(sys.argv[1]) as scratch:
    scratch.write_bytes(b"half")
    print(scratch.parent, flush=True)
    os.kill(os.getpid(), 9)
"""
    words = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    left = Path(done.stdout.strip())
    assert left.is_dir()
    return left


@pytest.mark.usefixtures("quick_session")
def test_what_a_killed_run_left_is_completed_to_the_same_bytes(make_tiny: Make) -> None:
    tiny = make_tiny(4)
    label_dataset(tiny.work(), tiny.items, label_here)
    undisturbed = contents(tiny.results)
    for path in tiny.results.iterdir():
        path.unlink()
    for count in (0, 2):
        with pytest.raises(KeyboardInterrupt):
            label_dataset(tiny.work(), tiny.items, killed_after(count))
    half = killed_while_writing(tiny.results / "case_003.seg.nrrd")
    with open(tiny.results / NAME, "ab") as stream:
        stream.write(b'{"name": "case_00')
    label_dataset(tiny.work(), tiny.items, label_here)
    assert contents(tiny.results) == undisturbed and not half.exists()


@pytest.mark.usefixtures("quick_session")
def test_parts_make_the_whole(make_tiny: Make) -> None:
    tiny = make_tiny(3)
    for number in (1, 2):
        label_dataset(tiny.work(), tiny.items, label_here, Part(number, 2))
    written = sorted(path.name for path in tiny.results.glob("[!.]*"))
    results = [f"case_00{n}.seg.nrrd" for n in range(3)]
    assert written == [*results, "manifest-1-of-2.jsonl", "manifest-2-of-2.jsonl"]
    with pytest.raises(InputError, match="no part 3 of 2"):
        Part(3, 2)


def test_processes_share_the_work_and_outlive_crashes(make_tiny: Make) -> None:
    tiny = make_tiny(5)
    records = {each.name: each for each in label_in_processes(tiny.work(), tiny.items, 2, fragile)}
    assert len(records) == 5
    assert [name for name, record in records.items() if not record.done] == ["case_001"]
    assert "died 2 times" in records["case_001"].reason
    assert os.getpid() not in {record.report.get("process") for record in records.values()}


def test_workers_that_cannot_start_say_why(make_tiny: Make) -> None:
    tiny = make_tiny(1)
    with pytest.raises(InputError, match="The example is damaged"):
        list(label_in_processes(tiny.work(), tiny.items, 1, unusable))


def test_the_network_labels_the_other_volumes(make_tiny: Make) -> None:
    tiny = make_tiny(2)
    record = Labeller(tiny.work(), threads=None).label(tiny.items[1])
    assert record.done and record.report["classes"][0]["name"] == "tube"
    result, truth = read_labelmap(tiny.results / record.output), tiny_case(1)[1]
    assert dice_per_class(truth.array, result.array, [3])[3] > 0.7


@pytest.mark.usefixtures("quick_session")
def test_an_unusable_model_stops_the_run_at_once(make_tiny: Make, tmp_path: Path) -> None:
    tiny = make_tiny(2)
    with pytest.raises(InputError, match="There is no model"):
        tiny.work(model="nothing")


@pytest.mark.usefixtures("quick_session")
def test_a_second_run_in_the_folder_is_refused(make_tiny: Make) -> None:
    tiny = make_tiny(2)

    def crew(work: Work, items: Sequence[Item]) -> Iterator[Record]:
        label_dataset(work, items, label_here)
        yield from ()

    with pytest.raises(InputError, match="Another run is at work"):
        label_dataset(tiny.work(), tiny.items, crew)


@pytest.mark.usefixtures("quick_session")
def test_a_run_is_cancelled_between_volumes(make_tiny: Make) -> None:
    tiny = make_tiny(3)
    with pytest.raises(CancelledError):
        label_dataset(tiny.work(), tiny.items, label_here, cancelled=lambda: True)
    assert label_dataset(tiny.work(), tiny.items, label_here).labelled == ("case_001", "case_002")


@pytest.mark.usefixtures("quick_session")
@pytest.mark.parametrize("error", [MemoryError(), ValueError("odd")])
def test_whatever_goes_wrong_becomes_a_reason(
    make_tiny: Make, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tiny = make_tiny(1)

    def fail(path: Path) -> None:
        raise error

    monkeypatch.setattr(labelling, "read_volume", fail)
    record = Labeller(tiny.work(), threads=None).label(tiny.items[0])
    assert not record.done and record.reason.endswith(".")


@pytest.mark.usefixtures("quick_session")
def test_as_many_workers_as_fit(make_tiny: Make) -> None:
    items = make_tiny(3).items
    assert workers_that_fit(items, 2, 64e9) == 2
    assert workers_that_fit(items, 8, 64e9) == 3
    assert workers_that_fit(items, 8, 2.5e9) == 2
    assert workers_that_fit(items, 8, 1e6) == 1


@pytest.mark.usefixtures("quick_session")
def test_the_command_labels_reports_and_does_again(
    make_tiny: Make, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from MVGCore.cli.main import main

    tiny = make_tiny(3)
    break_file(tiny.images / "case_001.nrrd")
    words = [str(tiny.images), "--examples", str(tiny.examples), "-o", str(tiny.results), "--one-axis"]
    command = ["label", *words, "--model", str(tiny.weights), "--device", "cpu", "--workers", "0"]
    assert main(command) == 1
    printed = capsys.readouterr()
    assert "2 of 3 volumes are labelled" in printed.out
    assert "mvg: case_001: " in printed.err and "1 of 3 volumes have no result" in printed.err
    write_volume(tiny.images / "case_001.nrrd", tiny_case(1)[0])
    review = tmp_path / "rejected.csv"
    review.write_text(f"volume,verdict,remark\n{volume_id('case_000')},rejected,leaks\n")
    before = os.stat(tiny.results / "case_000.seg.nrrd").st_mtime_ns
    assert main([*command, "--redo", str(review)]) == 0
    assert "3 of 3" in capsys.readouterr().out
    assert os.stat(tiny.results / "case_000.seg.nrrd").st_mtime_ns > before
    review.write_text("volume,verdict\nelse,rejected\n")
    assert main([*command, "--redo", str(review)]) == 2
    assert "of which" in capsys.readouterr().err


def test_a_cluster_needs_ray(make_tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = make_tiny(1)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        list(label_on_cluster(tiny.work(), tiny.items, "auto"))


@pytest.mark.usefixtures("quick_session")
def test_results_are_made_again_bit_for_bit(make_tiny: Make) -> None:
    tiny = make_tiny(4)
    label_dataset(tiny.work(), tiny.items, label_here)
    assert verify(tiny.work(), tiny.items, label_here) == {}
    break_file(tiny.results / "case_000.seg.nrrd")
    write_volume(tiny.images / "case_001.nrrd", tiny_case(9)[0])
    (tiny.images / "case_002.nrrd").unlink()
    different = verify(
        tiny.work(seed=1), (*tiny.items, Item("case_002", tiny.images / "case_002.nrrd")), label_here
    )
    assert "somebody has changed" in different["case_000"]
    assert "something else: image, settings" in different["case_001"]
    assert "There is no file" in different["case_002"]
    assert not list(tiny.results.glob(".verify*"))
