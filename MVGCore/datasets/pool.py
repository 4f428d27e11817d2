"""A pool of processes that label volumes on this machine, and how many of them fit."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.manifest import FAILED, Record
from MVGCore.datasets.work import Work
from MVGCore.errors import MVGError

ATTEMPTS = 2  # a process that dies may have been the victim of another one's memory
# Of one process, measured: 0.91 GB with volumes of 64,000 voxels, 1.42 GB with 1.95 million and seven
# classes, 0.46 GB of them for the network to correct what is fused. Probabilities of each class are most of
# it, so fewer classes take less.
BASE_BYTES = 1.0e9
BYTES_PER_VOXEL = 230.0
_GRACE_S = 5.0

Label = Callable[[Item], Record]


def label_here(work: Work, items: Iterable[Item]) -> Iterator[Record]:
    """Label in this process, one volume after the other.

    Raises:
        InputError: the model or an example is unusable.
    """
    label = one_of_many(work, threads=None)
    for item in items:
        yield label(item)


def one_of_many(work: Work, threads: int | None = 1) -> Label:
    """A labeller, with one thread: as many processes as there are cores share them best like this.

    Raises:
        InputError: the model or an example is unusable.
    """
    from MVGCore.datasets.labelling import Labeller  # torch: the process that only distributes needs none

    return Labeller(work, threads).label


def label_in_processes(
    work: Work, items: Iterable[Item], count: int, start: Callable[[Work], Label] = one_of_many
) -> Iterator[Record]:
    """Label in `count` processes, records in the order in which they are done.

    A volume whose process dies (out of memory, a crash in a library) is tried once more and then reported.

    Args:
        work: what there is to know.
        items: the volumes.
        count: of processes.
        start: makes what labels one volume after the other in a process.

    Raises:
        InputError: the model or an example is unusable.
    """
    waiting = deque(_Errand(item) for item in items)
    crew = [_Worker(work, start) for _ in range(min(count, len(waiting)))]
    try:
        while True:
            for worker in crew:
                if worker.errand is None and waiting:
                    worker.give(waiting.popleft())
            busy = {worker.connection: worker for worker in crew if worker.errand is not None}
            if not busy:
                return
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                errand = worker.errand
                assert errand is not None
                record = worker.take()
                if record is not None:
                    yield record
                    continue
                crew[crew.index(worker)] = _Worker(work, start)
                if errand.attempts < ATTEMPTS:
                    waiting.append(errand)
                else:
                    yield errand.lost()
    finally:
        for worker in crew:
            worker.stop()


def workers_that_fit(items: Sequence[Item], cores: int, free_bytes: float) -> int:
    """How many processes the cores and the memory allow, at least one.

    Args:
        items: what there is to label; the largest counts.
        cores: of the machine.
        free_bytes: memory that is free.
    """
    largest = max((voxel_count(item.image) for item in items), default=0)
    each = BASE_BYTES + BYTES_PER_VOXEL * largest
    return max(1, min(cores, int(free_bytes / each), max(1, len(items))))


def voxel_count(image: Path) -> int:
    """Voxels of an image by its header; by its size on the disk where the header cannot be read."""
    import SimpleITK as sitk

    try:
        if image.is_dir():
            return sum(each.stat().st_size for each in image.iterdir()) // 2
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(image))
        reader.ReadImageInformation()
        voxels = 1
        for size in reader.GetSize():
            voxels *= size
        return voxels
    except (RuntimeError, OSError):
        with suppress(OSError):
            return image.stat().st_size
        return 0


@dataclass
class _Errand:
    """A volume on its way through the pool."""

    item: Item
    attempts: int = 0

    def lost(self) -> Record:
        reason = (
            f"The process that labelled it died {self.attempts} times, perhaps for want of memory; "
            "use fewer workers (--workers 1)."
        )
        return Record(self.item.name, FAILED, str(self.item.image), reason=reason)


@dataclass
class _Worker:
    """A process with a labeller, and what it works on."""

    work: Work
    start: Callable[[Work], Label]
    errand: _Errand | None = field(default=None, init=False)
    connection: Connection = field(init=False)
    _process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # forked threads of torch would hang
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.work, self.start), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, errand: _Errand) -> None:
        errand.attempts += 1
        self.errand = errand
        with suppress(OSError):  # it has died; `take` will find out
            self.connection.send(errand.item)

    def take(self) -> Record | None:
        """What came of the errand; None if the process has died.

        Raises:
            MVGError: the worker could not start.
        """
        self.errand = None
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            self.stop()
            return None
        if isinstance(answer, MVGError):
            raise answer
        record: Record = answer
        return record

    def stop(self) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(connection: Connection, work: Work, start: Callable[[Work], Label]) -> None:
    """The life of a worker: labels what it is sent until the other side closes."""
    _end_with_parent()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        try:
            label = start(work)
        except MVGError as error:
            connection.send(error)
            return
        while True:
            connection.send(label(connection.recv()))


def _end_with_parent() -> None:
    """A parent that was killed must not leave workers behind that go on writing."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
