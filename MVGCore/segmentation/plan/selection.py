"""Which prompts and slices take part in a propagation, and what to tell of those that do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from MVGCore.prompts import AXIS_NAMES, Prompt
from MVGCore.segmentation.plan.grouping import label_values
from MVGCore.volume import Volume

FIRST_BATCH = 2
BLOCK = 8  # slices that are generated at a time, if nothing speaks against it


def blocks_of(known: Sequence[int], slices: Sequence[int]) -> list[list[int]]:
    """The slices of a volume that are to be labelled, in blocks that share their nearest labelled ones.

    They are the same whatever is asked for: of a canvas that part is generated which shows something on some
    slice of a block. Within a gap the nearest come first, outwards beyond the ends.

    Args:
        known: indices of labelled slices, ascending, among them those that were carried over.
        slices: all that may be asked for, ascending.
    """
    gaps: dict[int, list[int]] = {}
    for index in slices:
        gaps.setdefault(int(np.searchsorted(known, index)), []).append(index)
    ordered = [sorted(gap, key=lambda index: _distance(index, known)) for gap in gaps.values()]
    return [gap[n : n + BLOCK] for gap in ordered for n in range(0, len(gap), BLOCK)]


def in_batches(
    indices: Sequence[int], known: Sequence[int], blocks: Sequence[Sequence[int]], size: int
) -> list[list[int]]:
    """Slices of the same block, in batches; nearest batches come first.

    The very first is small: something is to be seen soon.

    Args:
        indices: indices of slices, at least one, all of them in a block.
        known: those of labelled slices, ascending.
        blocks: see `blocks_of`.
        size: slices of a batch at most.
    """
    asked = set(indices)
    parts = [[index for index in block if index in asked] for block in blocks]
    batches = [part[n : n + size] for part in parts for n in range(0, len(part), size)]
    first, *rest = sorted(batches, key=lambda batch: _distance(batch[0], known))
    return [part for part in (first[:FIRST_BATCH], first[FIRST_BATCH:]) if part] + rest


def _distance(index: int, known: Sequence[int]) -> int:
    return min((abs(index - place) for place in known), default=0)


def axis_notes(prompts: Sequence[Prompt], axis: int, image: Volume, ids: Sequence[int]) -> list[str]:
    """What of the slices across other axes than that of a run is not used: classes that are labelled on them
    only, and slices of other volumes."""
    notes = []
    across = [prompt for prompt in prompts if prompt.axis != axis]
    own = [prompt for prompt in across if prompt.is_slice_of(image)]
    missing = sorted({value for prompt in own for value in label_values(prompt.labels)} - set(ids))
    if missing:
        notes.append(
            f"The classes {missing} are labelled across another axis than {AXIS_NAMES[axis]} only: what is "
            f"drawn was kept, but nothing was added; label them on a slice across {AXIS_NAMES[axis]}."
        )
    if len(across) > len(own):
        notes.append(
            f"{len(across) - len(own)} labelled slices of other volumes lie across another axis than "
            f"{AXIS_NAMES[axis]} and were not used."
        )
    return notes


def class_notes(foreign: Sequence[Prompt], ids: Sequence[int]) -> list[str]:
    """That classes of other volumes are not generated."""
    missing = sorted({value for prompt in foreign for value in label_values(prompt.labels)} - set(ids))
    if not missing:
        return []
    return [f"The classes {missing} are labelled on other volumes only and were left out; label them here."]


def transfer_note(places: Sequence[int]) -> str:
    """That examples of other volumes were carried over, and to which slices."""
    slices = ", ".join(str(place) for place in places)
    return (
        "No labelled slice of this volume shows a structure, so the examples of other volumes were carried "
        f"over to its slices {slices} by matching the images: check the result, and label a slice here."
    )
