"""Labels what is missing of a data set, and keeps account of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.checksums import checksum
from MVGCore.datasets.manifest import NAME, Manifest, Record
from MVGCore.datasets.work import Work
from MVGCore.errors import InputError, stop_if
from MVGCore.volume.atomic import sweep_scratch

Crew = Callable[[Work, Sequence[Item]], Iterator[Record]]


@dataclass(frozen=True)
class Part:
    """One of several equal parts of a data set, each done by a run of its own.

    Attributes:
        number: 1 to `count`.
        count: how many there are.
    """

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise InputError(f"There is no part {self.number} of {self.count}; count them from 1.")

    def of(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """Every `count`-th item, so that large and small volumes are spread evenly."""
        return tuple(items[self.number - 1 :: self.count])

    @property
    def manifest(self) -> str:
        """File name of the part's manifest."""
        if self.count == 1:
            return NAME
        return f"manifest-{self.number:0{len(str(self.count))}}-of-{self.count}.jsonl"


@dataclass(frozen=True)
class Summary:
    """What a run came to.

    Attributes:
        records: of all items of the part, in their order; those that were there before among them.
        labelled: names of the items that this run worked on.
    """

    records: tuple[Record, ...]
    labelled: tuple[str, ...]

    @property
    def failed(self) -> tuple[Record, ...]:
        """Those without a result."""
        return tuple(record for record in self.records if not record.done)


def label_dataset(
    work: Work,
    items: Sequence[Item],
    crew: Crew,
    part: Part | None = None,
    redo: Collection[str] | None = None,
    shown: Callable[[Record, int, int], None] = lambda record, done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    wait: bool = False,
) -> Summary:
    """Label the items that have no result of the same image, examples, weights and settings.

    Args:
        work: examples, settings and the folder of the results.
        items: the data set.
        crew: who does the work (`label_here`, `label_in_processes`, a cluster).
        part: work on a part of the data set only.
        redo: names of items to label anew. If given, all other results stay, whatever they were made of.
        shown: called with each record, how many are done and how many there were to do.
        cancelled: asked after each volume; true ends the run.
        wait: for another run in the folder to end, instead of refusing to work beside it.

    Raises:
        InputError: another run works in the folder, or the model or an example is unusable.
        OutputError: the manifest cannot be written.
        Cancelled: `cancelled()` was true.
    """
    part = part or Part()
    own = part.of(items)
    path = work.folder / part.manifest
    with alone(path, wait):
        manifest = Manifest(path)
        _clear_leftovers(work, own)
        missing = [item for item in own if _is_missing(item, work, manifest.records.get(item.name), redo)]
        for done, record in enumerate(crew(work, missing) if missing else (), 1):
            manifest.add(record)
            shown(record, done, len(missing))
            stop_if(cancelled)
        manifest.tidy(item.name for item in items)
        records = tuple(manifest.records[item.name] for item in own)
    return Summary(records, tuple(item.name for item in missing))


def _is_missing(item: Item, work: Work, record: Record | None, redo: Collection[str] | None) -> bool:
    if record is None or not record.done or not _is_whole(work, record):
        return True
    if redo is not None:
        return item.name in redo
    return dict(record.made_of) != _made_of(item, work)


def _is_whole(work: Work, record: Record) -> bool:
    """Whether the output is there as it was written."""
    output = work.folder / record.output
    return output.is_file() and checksum(output) == record.output_checksum


def _made_of(item: Item, work: Work) -> dict[str, str] | None:
    """What a result would be made of now; None if the image is gone, which the labeller will report."""
    try:
        return work.made_of_item(item)
    except InputError:
        return None


def _clear_leftovers(work: Work, items: Sequence[Item]) -> None:
    """Remove what a run that was killed had begun to write."""
    for folder in {work.output(item).parent for item in items}:
        sweep_scratch(folder)


@contextmanager
def alone(manifest: Path, wait: bool) -> Iterator[None]:
    """Hold the lock of a manifest, which the system releases however the process ends.

    Raises:
        InputError: another process holds it, and is not to be waited for.
    """
    try:
        import fcntl
    except ImportError:  # Windows: two runs in one folder are not noticed there
        yield
        return
    with open(manifest.with_name(f".{manifest.name}.lock"), "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            raise InputError(
                f"Another run is at work in '{manifest.parent}'; wait for its end or choose another folder."
            ) from error
        yield
