"""What a data set teaches before it is labelled: its examples, completed, and how far to trust them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from MVGCore.datasets.atlas.atlas import Atlas
from MVGCore.datasets.atlas.judge import Judgement, judge
from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.checksums import together
from MVGCore.datasets.examples import Example
from MVGCore.datasets.manifest import Record
from MVGCore.datasets.run import Crew, label_dataset
from MVGCore.datasets.work import Completed, Work
from MVGCore.errors import MVGError
from MVGCore.prompts import Prompt
from MVGCore.segmentation.review.expected_dice import Line, Lines
from MVGCore.volume import atomic_path
from MVGCore.volume.formats import stem

FOLDER = ".examples"
JUDGEMENT = "judgement.json"


def learn(
    work: Work,
    crew: Crew,
    shown: Callable[[Record, int, int], None] = lambda record, done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Work:
    """Label the other slices of the examples' volumes, from which all other volumes are labelled then.

    What was learned lies in a hidden folder of the results; a second run with the same examples finds it
    there, and runs for several parts of a data set wait for the first of them.

    Raises:
        MVGError: an example cannot be used, or its result not be written.
        OutputError: the folder cannot be written.
        Cancelled: `cancelled()` was true.
    """
    images = list(dict.fromkeys(each.image for each in work.examples if each.image is not None))
    if not images:
        return work
    folder = work.folder / FOLDER
    folder.mkdir(exist_ok=True)
    items = [_item(work, image) for image in images]
    own = replace(work, folder=folder, settings=replace(work.settings, ending=".seg.nrrd"))
    summary = label_dataset(own, items, crew, shown=shown, cancelled=cancelled, wait=True)
    for record in summary.failed:
        raise MVGError(f"The example '{record.image}' was not completed. {record.reason}")
    completed = tuple(
        Completed(image, folder / record.output, record.report)
        for image, record in zip(images, summary.records, strict=True)
    )
    judged = _judged(work, completed, folder / JUDGEMENT, cancelled)
    return replace(work, completed=completed, lines=judged.lines)


def _item(work: Work, image: Path) -> Item:
    own = [each for each in work.examples if each.image == image]
    return Item(f"{stem(image)}-{together(each.checksum for each in own)[:8]}", image)


def _judged(
    work: Work, completed: tuple[Completed, ...], path: Path, cancelled: Callable[[], bool]
) -> Judgement:
    """How far the completed examples are right about each other; kept in a file."""
    key = together([work.made_of["examples"], work.made_of["weights"], work.made_of["settings"]])
    kept = _read(path, key)
    if kept is not None:
        return kept
    atlases = [Atlas.read(each.image, each.labels) for each in completed]
    drawn = [_drawn(work.examples, each.image) for each in completed]
    found = judge(atlases, drawn, cancelled)
    with atomic_path(path) as temporary:
        content = {"key": key, "lines": asdict(found.lines), "dice": found.dice}
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return found


def _drawn(examples: tuple[Example, ...], image: Path) -> list[Prompt]:
    return [prompt for each in examples if each.image == image for prompt in each.prompts().prompts]


def _read(path: Path, key: str) -> Judgement | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] != key:
            return None
        lines = {name: Line(**values) for name, values in content["lines"].items()}
        return Judgement(Lines(**lines), content["dice"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
