"""Labelled slices whose segments overlap, on the command line: a pass and a layer for each group of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MVGCore.cli import absences

if TYPE_CHECKING:
    from MVGCore.prompts import PromptSet
    from MVGCore.session import Result
    from MVGCore.volume import LabelMap, Segmentation, Volume


def passes_in(image: Volume, labels: Path | None, axis: int | None) -> list[PromptSet]:
    """The passes of a file whose segments overlap; none for any other.

    Args:
        image: the volume.
        labels: the file; None: there is none.
        axis: array axis of the slices; None finds it.

    Raises:
        InputError: the file cannot be used.
    """
    from MVGCore.prompts import passes_of, read_overlapping

    segmentation = None if labels is None else read_overlapping(labels, image.geometry)
    return [] if segmentation is None else passes_of(image, segmentation, axis, str(labels))


def say(passes: Sequence[PromptSet], image: Volume, ends: Sequence[str], empty: Sequence[str]) -> None:
    """Add what --ends and --empty say to the passes that it is about; errors as of `absences.say`."""
    names = [{name for each in prompts.classes for name in (each.name, str(each.id))} for prompts in passes]
    for number, prompts in enumerate(passes):
        own = [text for text in ends if text.rpartition(":")[0].strip() in names[number]]
        if number == 0:  # which says that a class is in none of them
            own += [
                text for text in ends if not any(text.rpartition(":")[0].strip() in each for each in names)
            ]
        absences.say(prompts, image, own, empty)


def labels_of(results: Sequence[Result]) -> LabelMap | Segmentation:
    """What is to be written: a label map, or the layers of several passes."""
    from MVGCore.session.layers import joined

    return results[0].labels if len(results) == 1 else joined(results)


def confidence_of(results: Sequence[Result]) -> np.ndarray:
    """(K, J, I) float32, that of the pass that is least sure of a voxel."""
    return np.asarray(np.minimum.reduce([each.confidence for each in results]), np.float32)
