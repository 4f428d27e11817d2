"""What workers of the tests do; apart from the tests, so that a new process need not import a network."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.manifest import DONE, Record
from MVGCore.datasets.work import Work
from MVGCore.errors import InputError


def fragile(work: Work) -> Callable[[Item], Record]:
    """Labels nothing; ends its process on one volume, and once on another."""

    def label(item: Item) -> Record:
        once = work.folder / "once"
        if item.name == "case_001" or (item.name == "case_002" and not once.exists()):
            once.touch()
            os._exit(9)
        return Record(item.name, DONE, str(item.image), report={"process": os.getpid()})

    return label


def unusable(work: Work) -> Callable[[Item], Record]:
    raise InputError("The example is damaged.")


def once_killed(work: Work) -> Callable[[Item], Record]:
    """Labels nothing; its process is killed in the middle of one volume the first time."""

    def label(item: Item) -> Record:
        mark = work.folder / "killed"
        if item.name == "case_002" and not mark.exists():
            mark.write_text(item.name)
            os.kill(os.getpid(), signal.SIGKILL)
        output = work.output(item)
        output.write_bytes(b"labels")
        return Record(item.name, DONE, str(item.image), output.name, report={"process": os.getpid()})

    return label
