"""The examples of a data set: label maps with a few filled slices, saved prompts, or earlier results."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.checksums import checksum, together
from MVGCore.datasets.manifest import read_results
from MVGCore.errors import InputError
from MVGCore.prompts import PromptSet, read_overlapping
from MVGCore.volume import read_labelmap, read_volume
from MVGCore.volume.formats import format_by_name, stem

PROMPTS_SUFFIX = ".mvgprompts"
NEXT_LIST = "list.json"  # of a folder of proposed slices (see `next_slices`)
_SEPARATORS = "_-. "


@dataclass(frozen=True)
class ExampleSource:
    """Where labelled slices come from.

    Attributes:
        labels: a label map, or a saved set of prompts.
        image: what the labels were drawn on; None for saved prompts of unknown volumes.
        draft: an existing segmentation of the image; None without one.
    """

    labels: Path
    image: Path | None = None
    draft: Path | None = None

    @property
    def checksum(self) -> str:
        """Of all that counts."""
        parts = [checksum(self.labels), checksum(self.image) if self.image else ""]
        if self.draft is not None:
            parts.append(checksum(self.draft))
        return together(parts)

    def prompts(self) -> PromptSet:
        """The labelled slices.

        Raises:
            InputError: a file is missing or damaged, nothing is labelled, labels and image do not fit, or
                segments overlap.
        """
        if self.image is None or self.labels.suffix.lower() == PROMPTS_SUFFIX:
            return PromptSet.load(self.labels)
        image = read_volume(self.image)
        if read_overlapping(self.labels, image.geometry) is not None:
            raise InputError(
                f"Segments of '{self.labels}' overlap, and a data set gets one class for each voxel: give "
                "examples that do not overlap, or label each volume by itself (mvg segment)."
            )
        return PromptSet.from_labelmap(image, read_labelmap(self.labels, image.geometry))


def find_examples(sources: Iterable[Path], items: Sequence[Item]) -> tuple[ExampleSource, ...]:
    """The examples that paths stand for, together with those that the data set itself names.

    Args:
        sources: label maps, which belong to the image of the data set that is called alike (`case_3` or
            `case_3_labels` for `case_3`); folders of them; `.mvgprompts` files; results of an earlier run;
            a CSV with the columns `image` and `labels`.
        items: the data set.

    Raises:
        InputError: a path is missing or no example, or no image or several are called like a label map.
    """
    named = [ExampleSource(item.labels, item.image) for item in items if item.labels is not None]
    given = [example for source in sources for example in _of_source(source, items)]
    examples = tuple(dict.fromkeys([*named, *given]))
    if not examples:
        raise InputError("There is no example: give label maps with a few filled slices, or saved prompts.")
    return examples


def merged_prompts(examples: Iterable[ExampleSource]) -> PromptSet:
    """All labelled slices as one set.

    Raises:
        InputError: as `Example.prompts`; also a label value that has different names.
    """
    together = PromptSet()
    for example in examples:
        together.merge(example.prompts())
    return together


def _of_source(source: Path, items: Sequence[Item]) -> Iterator[ExampleSource]:
    if not source.exists():
        raise InputError(f"There is no example '{source}'; check the name.")
    if source.is_dir():
        yield from _of_folder(source, items)
    elif source.suffix.lower() == PROMPTS_SUFFIX:
        yield ExampleSource(source)
    elif source.suffix.lower() == ".csv":
        yield from _of_csv(source)
    else:
        yield ExampleSource(source, _image_of(source.name, items))


def _of_folder(folder: Path, items: Sequence[Item]) -> Iterator[ExampleSource]:
    results = read_results(folder)
    if results:
        for record in results.values():
            if record.done:
                yield ExampleSource(folder / record.output, Path(record.image))
        return
    if (folder / NEXT_LIST).is_file():
        yield from _of_proposals(folder)
        return
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == PROMPTS_SUFFIX:
            yield ExampleSource(path)
        elif path.is_file() and format_by_name(path) is not None:
            yield ExampleSource(path, _image_of(path.relative_to(folder).as_posix(), items))


def _of_proposals(folder: Path) -> Iterator[ExampleSource]:
    """The proposed slices that a person has corrected and switched on."""
    try:
        entries = [(each["prompts"], each["image"]) for each in json.loads((folder / NEXT_LIST).read_text())]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{folder / NEXT_LIST}' is damaged; write it anew (mvg label --next).") from error
    for prompts, image in entries:
        path = folder / prompts
        if path.is_file() and PromptSet.load(path).enabled:
            yield ExampleSource(path, Path(image))


def _of_csv(path: Path) -> Iterator[ExampleSource]:
    with open(path, newline="", encoding="utf-8-sig") as stream:
        for row in csv.DictReader(stream):
            if not row.get("image") or not row.get("labels"):
                raise InputError(
                    f"'{path}' needs the columns 'image' and 'labels', both filled in each line."
                )
            yield ExampleSource(path.parent / row["labels"], path.parent / row["image"])


def _image_of(labels: str, items: Sequence[Item]) -> Path:
    """The image that is called like a label map; its whole path counts more than its last part."""
    path = PurePosixPath(labels)
    whole = str(path.with_name(stem(path.name)))
    for called in (whole, PurePosixPath(whole).name):
        matching = [item for item in items if alike(called, item.name)]
        matching = matching or [item for item in items if alike(called, PurePosixPath(item.name).name)]
        exact = [item for item in matching if called in (item.name, PurePosixPath(item.name).name)]
        matching = exact or matching
        if len(matching) == 1:
            return matching[0].image
        if matching:
            raise InputError(
                f"The labels '{labels}' may belong to '{matching[0].name}' or '{matching[1].name}'; "
                "call them like their image, or list image and labels in a CSV."
            )
    raise InputError(
        f"No image of the data set is called like the labels '{labels}'; call them like their image, or list "
        "image and labels in a CSV."
    )


def alike(one: str, other: str) -> bool:
    """Whether two names are the same but for a word at the end of either."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and (len(long) == len(short) or long[len(short)] in _SEPARATORS)
