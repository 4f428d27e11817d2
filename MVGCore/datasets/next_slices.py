"""Which slice of which volume to label next, as saved prompts and a list that a host opens one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.examples import NEXT_LIST, PROMPTS_SUFFIX
from MVGCore.datasets.manifest import Record, read_results
from MVGCore.errors import InputError
from MVGCore.prompts import AXIS_NAMES, Prompt, PromptSet
from MVGCore.volume import SliceKey, atomic_path, read_labelmap, read_volume, robust_window

FOLDER = "next"
SIMILAR_WITHIN = 0.1  # of the extent of what is labelled: slices so near to each other tell much the same
SAME_VOLUME, OTHER_VOLUME = 0.9, 0.5  # what a slice tells of one at the same place


@dataclass(frozen=True)
class Candidate:
    """A slice that may be labelled.

    Attributes:
        volume: name of the item.
        index: of the slice.
        place: along what is labelled of the volume, 0..1.
        doubt: pixels of it that are probably wrong, as a share of the volume's labelled ones.
    """

    volume: str
    index: int
    place: float
    doubt: float


@dataclass(frozen=True)
class NextSlice:
    """An entry of the list.

    Attributes:
        volume: name of the item.
        image: path of its image.
        axis: "i", "j" or "k".
        index: of the slice.
        prompts: file in the list's folder with the slice as it is labelled now, switched off until a person
            has corrected it and switches it on.
        gain: expected gain, in the doubt that it takes away.
    """

    volume: str
    image: str
    axis: str
    index: int
    prompts: str
    gain: float


def propose(folder: Path, count: int) -> list[NextSlice]:
    """Choose the slices to label next in a results folder, and write them and their list to `next/` there.

    Raises:
        InputError: there is no result to choose from, or an image has gone.
        OutputError: the folder cannot be written.
    """
    records = {name: each for name, each in read_results(folder).items() if each.done}
    candidates = [each for record in records.values() for each in candidates_of(folder, record)]
    if not candidates:
        raise InputError(f"There is no generated slice in '{folder}'; label the data set first (mvg label).")
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    entries = []
    for n, (chosen, gain) in enumerate(choose(candidates, count), 1):
        record = records[chosen.volume]
        entry = NextSlice(
            chosen.volume,
            record.image,
            str(record.report["axis"]),
            chosen.index,
            f"{n:0{len(str(count))}}{PROMPTS_SUFFIX}",
            round(gain, 5),
        )
        _proposed(folder, record, entry).save(target / entry.prompts)
        entries.append(entry)
    with atomic_path(target / NEXT_LIST) as temporary:
        temporary.write_text(
            json.dumps([asdict(each) for each in entries], indent=1) + "\n", encoding="utf-8"
        )
    return entries


def candidates_of(folder: Path, record: Record) -> list[Candidate]:
    """The generated slices of a volume that show labels, and how much of each is in doubt.

    Where slices of its own and other volumes tell of it together, those near a labelled one are stated to be
    no surer than the rest, though they are.
    """
    report = record.report
    axis = AXIS_NAMES.index(report["axis"])
    labels = np.moveaxis(read_labelmap(folder / record.output).array, axis, 0)
    areas = np.count_nonzero(labels.reshape(len(labels), -1), axis=1)
    present = np.flatnonzero(areas)
    if not len(present):
        return []
    sure: Mapping[str, float] = report.get("slice_dice") or {}
    confidence: Mapping[str, float] = report.get("slice_confidence", {})
    first, extent = int(present[0]), max(1, int(present[-1] - present[0]))
    used = report.get("slices_used", ())
    drawn = (np.array(used, float) - first) / extent
    candidates = []
    for index in present.tolist():
        known = sure.get(str(index), confidence.get(str(index)))
        if known is not None and index not in used:
            place = (index - first) / extent
            left = float(np.prod(1 - SAME_VOLUME * _nearness(drawn, place)))
            doubt = (1 - known) * left * float(areas[index]) / float(areas.sum())
            candidates.append(Candidate(record.name, index, place, doubt))
    return candidates


def _nearness(places: NDArray[np.float64], place: float) -> NDArray[np.float64]:
    """How much the same slices at some places tell as one at another, 0..1."""
    return np.exp(-0.5 * ((places - place) / SIMILAR_WITHIN) ** 2)


def choose(candidates: Sequence[Candidate], count: int) -> list[tuple[Candidate, float]]:
    """So many slices and what each should gain, best first: the doubt, less what those before tell of it.

    What is labelled in one volume helps most there, and at the same place of all others too.
    """
    places = np.array([each.place for each in candidates])
    names = np.array([each.volume for each in candidates])
    left = np.array([each.doubt for each in candidates])
    chosen = []
    for _ in range(min(count, len(candidates))):
        best = int(left.argmax())
        if left[best] <= 0:
            break
        chosen.append((candidates[best], float(left[best])))
        told = np.where(names == names[best], SAME_VOLUME, OTHER_VOLUME)
        left = left * (1 - told * _nearness(places, places[best]))
        left[best] = 0
    return chosen


def read_list(folder: Path) -> list[NextSlice]:
    """The list of a folder that `propose` wrote.

    Raises:
        InputError: it is missing or damaged.
    """
    path = folder / NEXT_LIST
    try:
        return [NextSlice(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"'{path}' is no list of slices to label; write it anew (mvg label --next)."
        ) from error


def _proposed(folder: Path, record: Record, entry: NextSlice) -> PromptSet:
    """The slice as it is labelled now, switched off."""
    image, labels = read_volume(record.image), read_labelmap(folder / record.output)
    place = SliceKey(AXIS_NAMES.index(entry.axis), entry.index)
    prompt = Prompt.of(image, labels, place, robust_window(image.array), record.name)
    prompt.enabled = False
    return PromptSet([prompt], labels.classes)
