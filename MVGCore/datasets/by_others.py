"""One volume that is labelled by labelled slices of others, as if all of them were a data set."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from MVGCore.datasets.examples import ExampleSource
from MVGCore.datasets.labelling import Labeller
from MVGCore.datasets.learning import learn
from MVGCore.datasets.manifest import Record
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.work import Settings, Work
from MVGCore.private import temporary_prefix
from MVGCore.session import Result
from MVGCore.volume import Volume


def label_by_others(
    image: Volume,
    examples: Sequence[ExampleSource],
    settings: Settings,
    shown: Callable[[Record, int, int], None] = lambda record, done, total: None,
) -> Result:
    """Complete the examples' volumes, register them to another and have the network read them there.

    Args:
        image: the volume to label.
        examples: labelled slices of other volumes of the same kind.
        settings: how it is labelled.
        shown: called with the record of each example that is completed, how many are and how many there are.

    Raises:
        InputError: an example cannot be used, or the model.
        MVGError: an example was not completed.
    """
    with tempfile.TemporaryDirectory(prefix=temporary_prefix("others")) as folder:
        work = learn(Work.of(Path(folder), tuple(examples), settings), label_here, shown)
        return Labeller(work, threads=None).result(image)
