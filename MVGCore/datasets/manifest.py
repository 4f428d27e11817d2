"""The manifest of a labelled data set: one line of JSON for each volume, complete at any moment.

A line is appended and brought to the disk as soon as its volume is done; of a line that was cut off by a
crash only that volume is lost. When a run ends, the lines are put in the order of the data set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from MVGCore.errors import OutputError
from MVGCore.volume import atomic_path

NAME = "manifest.jsonl"
DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Record:
    """What came of one volume.

    Attributes:
        name: of the item.
        status: `DONE` or `FAILED`.
        image: path of the image as it was given.
        output: path of the segmentation relative to the manifest's folder; empty if there is none.
        reason: why it failed, one sentence.
        made_of: what a result depends on, by name: checksums of the image, examples, weights and settings.
        output_checksum: of the file that was written.
        report: the fields of a `RunReport`; empty if it failed.
    """

    name: str
    status: str
    image: str
    output: str = ""
    reason: str = ""
    made_of: Mapping[str, str] = field(default_factory=dict)
    output_checksum: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self.status == DONE

    def to_line(self) -> str:
        """Returns one line of JSON with its end."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Record | None:
        """The record of a line; None for one that is cut off or from elsewhere."""
        try:
            values = json.loads(line)
        except ValueError:
            return None
        names = {each.name for each in fields(cls)}
        if not isinstance(values, dict) or not {"name", "status", "image"} <= values.keys() <= names:
            return None
        return cls(**values)


class Manifest:
    """The records of a results folder, or of one part of its data set.

    Example:
        >>> manifest = Manifest(folder / NAME)
        >>> manifest.add(record)
        >>> manifest.records["case_1"].status
        'done'
    """

    def __init__(self, path: Path) -> None:
        """Reads what is there; a later line about a volume replaces an earlier one.

        Raises:
            OutputError: the file cannot be read.
        """
        self._path = path
        self.records: dict[str, Record] = {each.name: each for each in _read(path)}

    def add(self, record: Record) -> None:
        """Appends a record; it is on the disk when this returns.

        Raises:
            OutputError: the file cannot be written.
        """
        try:
            with open(self._path, "ab+") as stream:
                _end_last_line(stream)
                stream.write(record.to_line().encode("utf-8"))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise OutputError(
                f"'{self._path}' cannot be written ({error.strerror}); free some space."
            ) from error
        self.records[record.name] = record

    def tidy(self, order: Iterable[str]) -> None:
        """Rewrites the file with one line for each volume: in this order, then those that are not in it.

        Raises:
            OutputError: the file cannot be written; the former one is unchanged.
        """
        first = [name for name in order if name in self.records]
        rest = sorted(self.records.keys() - set(first))
        with atomic_path(self._path) as temporary:
            lines = "".join(self.records[name].to_line() for name in [*first, *rest])
            temporary.write_text(lines, encoding="utf-8")


def read_results(folder: Path) -> dict[str, Record]:
    """The records of a results folder, of all parts of its data set, by name.

    Raises:
        OutputError: a manifest cannot be read.
    """
    results: dict[str, Record] = {}
    for path in sorted(folder.glob("manifest*.jsonl")):
        results.update(Manifest(path).records)
    return results


def _read(path: Path) -> list[Record]:
    if not path.exists():
        return []
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise OutputError(f"'{path}' cannot be read ({error.strerror}); check its permissions.") from error
    records = (Record.from_line(line) for line in text.split("\n"))
    return [record for record in records if record is not None]


def _end_last_line(stream: Any) -> None:
    """A line that was cut off by a crash must not swallow the next one."""
    if stream.seek(0, os.SEEK_END):
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) != b"\n":
            stream.write(b"\n")
