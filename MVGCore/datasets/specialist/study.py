"""How a specialist comes to its material: labelled volumes, slices to judge it by, volumes without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.atlas.atlas import Atlas, label_by_atlases
from MVGCore.datasets.atlas.judge import Told
from MVGCore.datasets.specialist.specialist import Specialist, SpecialistCase, learn_specialist
from MVGCore.errors import MVGError, stop_if
from MVGCore.models.device import Device, torch_threads
from MVGCore.prompts import Prompt
from MVGCore.volume import Volume, read_volume

# Volumes without labels that are learned from: they have to be registered first, which takes its time, too.
OTHERS_A_MINUTE, LEAST_OTHERS, MOST_OTHERS = 8, 8, 24
MOST_BYTES = 1.5e9  # of what is known of them
TO_SPARE_ONE = 3  # slices of a volume, or volumes of a slice each, of which one can be spared as a judge


def study(
    atlases: Sequence[Atlas],
    drawn: Sequence[Sequence[Prompt]],
    told: Sequence[Told],
    others: Sequence[Path],
    minutes: float,
    seed: int,
    device: Device,
    cancelled: Callable[[], bool] = lambda: False,
    shown: Callable[[float, str], object] = lambda share, text: None,
) -> tuple[Specialist, list[list[Prompt]]]:
    """A specialist, and of each volume the drawn slices that it was judged by and did not learn from.

    Args:
        atlases: labelled volumes.
        drawn: the slices of each that were labelled by hand.
        told: what the other atlases say of each; empty if there is a single one.
        others: images of the data set without labels.
        minutes: of one core, about.
        seed: of weights and lessons.
        device: the processor, with the precision in which is trained.
        cancelled: asked between steps.
        shown: called with the done fraction and a text.

    Raises:
        Cancelled: `cancelled()` was true.
    """
    classes = tuple(sorted({class_id for atlas in atlases for class_id in atlas.ids}))
    judging = judges(drawn)
    cases = []
    for n, atlas in enumerate(atlases):
        places = np.searchsorted([0, *classes], atlas.labels.array)
        said = _on_classes(told[n], classes) if told else _nothing(classes, atlas.image)
        known = tuple(each in atlas.ids for each in classes)
        indices = [tuple(prompt.index for prompt in each) for each in (drawn[n], judging[n])]
        axis = drawn[n][0].axis if drawn[n] else 0
        cases.append(SpecialistCase(atlas.image, said, places, known, axis, *indices))

    def unlabelled() -> Iterator[tuple[Volume, NDArray[np.float32]]]:
        room = MOST_BYTES
        most = int(np.clip(round(OTHERS_A_MINUTE * minutes), LEAST_OTHERS, MOST_OTHERS))
        for path in _spread(others, most):
            stop_if(cancelled)
            try:
                image = read_volume(path)
                known = _on_classes(Told(*label_by_atlases(image, atlases, cancelled=cancelled)), classes)
            except MVGError:  # it is told when its turn comes
                continue
            room -= known.nbytes
            if room < 0:
                return
            yield image, known

    with torch_threads(1):  # sums of several threads differ in their last bits
        return learn_specialist(classes, cases, unlabelled, minutes, seed, device, cancelled, shown), judging


def judged_together(specialist: Specialist, atlases: Sequence[Atlas], told: Sequence[Told]) -> list[Told]:
    """What the other atlases and the specialist say together of each labelled volume."""
    return [
        Told(said.ids, specialist.mixed(atlas.image, said.ids, said.probabilities))
        for atlas, said in zip(atlases, told, strict=False)
    ]


def judges(drawn: Sequence[Sequence[Prompt]]) -> list[list[Prompt]]:
    """Of each volume a drawn slice between others, another one in each; of single slices every fourth."""
    chosen = []
    singles = [n for n, prompts in enumerate(drawn) if len(prompts) == 1]
    spared = set(singles[TO_SPARE_ONE - 1 :: TO_SPARE_ONE + 1])
    for n, prompts in enumerate(drawn):
        ordered = sorted(prompts, key=lambda prompt: prompt.index)
        if len(ordered) >= TO_SPARE_ONE:
            chosen.append([ordered[1 + n % (len(ordered) - 2)]])
        else:
            chosen.append(ordered if n in spared else [])
    return chosen


def _spread(paths: Sequence[Path], most: int) -> list[Path]:
    if len(paths) <= most:
        return list(paths)
    return [paths[n] for n in np.linspace(0, len(paths) - 1, most).round().astype(int)]


def _on_classes(told: Told, classes: Sequence[int]) -> NDArray[np.float32]:
    """Probabilities of all classes, 0 of those that nobody told of."""
    whole = np.zeros((len(classes) + 1, *told.probabilities.shape[1:]), np.float32)
    whole[[0, *(list(classes).index(each) + 1 for each in told.ids)]] = told.probabilities
    return whole


def _nothing(classes: Sequence[int], image: Volume) -> NDArray[np.float32]:
    whole = np.zeros((len(classes) + 1, *image.array.shape), np.float32)
    whole[0] = 1
    return whole
