"""`mvg segment` where labelled volumes of other patients say all that is known: as `mvg label` does it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from MVGCore.cli.console import ProgressBar

if TYPE_CHECKING:
    from MVGCore.prompts import PromptSet
    from MVGCore.session import Result
    from MVGCore.volume import Volume


def tell_alone(arguments: argparse.Namespace, image: Volume, prompts: PromptSet) -> bool:
    """Whether other volumes are all that an image is labelled by.

    They are registered then. Whatever a user says of the image itself, and single images, go the way of all
    examples: slice by slice.
    """
    said = (arguments.labels, arguments.prompts, arguments.draft, arguments.adapt, arguments.ranges)
    if not arguments.example or any((*said, arguments.ends, arguments.empty, arguments.axis != "auto")):
        return False
    geometries = [image.geometry, *(prompt.geometry for prompt in prompts.prompts)]
    volumes = all(geometry.flat_axis is None for geometry in geometries)
    return volumes and not any(prompt.is_slice_of(image) for prompt in prompts.prompts)


def labelled(arguments: argparse.Namespace, image: Volume) -> Result:
    """The image, labelled by the volumes of --example.

    Raises:
        InputError: one of them cannot be used.
        MVGError: one of them was not completed.
    """
    from MVGCore.datasets.by_others import label_by_others
    from MVGCore.datasets.examples import ExampleSource
    from MVGCore.datasets.work import Settings

    settings = Settings(
        arguments.model,
        arguments.device,
        all_axes=not arguments.one_axis,
        quality=arguments.quality,
        precision=arguments.precision,
    )
    examples = [ExampleSource(labels, other) for other, labels in arguments.example]
    with ProgressBar("Completing the examples", arguments.progress) as bar:
        return label_by_others(
            image, examples, settings, lambda record, done, total: bar.update(done / (total + 1))
        )
