"""Whether results can be made again bit for bit from what their manifest names."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.checksums import checksum
from MVGCore.datasets.manifest import Record, read_results
from MVGCore.datasets.run import Crew
from MVGCore.datasets.work import Work
from MVGCore.errors import InputError


def verify(
    work: Work,
    items: Sequence[Item],
    crew: Crew,
    shown: Callable[[Record, int, int], None] = lambda record, done, total: None,
) -> dict[str, str]:
    """Label the volumes that have a result once more, apart from it, and compare.

    Args:
        work: with the completed examples, if there are any.
        items: the data set.
        crew: who does the work.
        shown: called with each record, how many are done and how many there are to do.

    Returns:
        Name of a volume -> what differs, for those that differ.

    Raises:
        InputError: there are no results.
    """
    records = {name: each for name, each in read_results(work.folder).items() if each.done}
    chosen = [item for item in items if item.name in records]
    if not chosen:
        raise InputError(f"There is no result of this data set in '{work.folder}'; label it first.")
    verdicts = {}
    with tempfile.TemporaryDirectory(prefix=".verify.", dir=work.folder) as scratch:
        apart = replace(work, folder=Path(scratch))
        for done, again in enumerate(crew(apart, chosen), 1):
            difference = _difference(work, records[again.name], again)
            if difference:
                verdicts[again.name] = difference
            shown(again, done, len(chosen))
    return verdicts


def _difference(work: Work, before: Record, again: Record) -> str:
    if not again.done:
        return again.reason
    output = work.folder / before.output
    if not output.is_file() or checksum(output) != before.output_checksum:
        return "The file is not the one that was written; somebody has changed or removed it."
    changed = [name for name, value in before.made_of.items() if again.made_of.get(name) != value]
    if changed:
        return f"It was made of something else: {', '.join(changed)}."
    if again.output_checksum != before.output_checksum:
        version = before.report.get("version", "another version")
        return f"The same ingredients give another result now; it was made by version {version}."
    return ""
