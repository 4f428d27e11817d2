"""What there is to do in a data set: plain data that goes to every worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.checksums import checksum, together
from MVGCore.datasets.examples import ExampleSource
from MVGCore.models.registry import describe
from MVGCore.volume.formats import Format, format_by_name

if TYPE_CHECKING:
    from MVGCore.segmentation.review.expected_dice import DiceLines  # with torch, which the data do not need


BY_IMAGE = "auto"  # labels of a picture as a picture, of anything else as a segmentation


@dataclass(frozen=True)
class Settings:
    """How volumes are labelled.

    Attributes:
        model: name of a model with bundled weights, or a weight file.
        device: see `Session`.
        seed: of the random colours.
        all_axes: whether to look along all axes.
        minutes: of training a specialist for the data set, about; 0 trains none.
        quality: how much work labels take, see `Session`.
        precision: of the network, see `Session`.
        ending: of the segmentations, which says their format; `BY_IMAGE` takes that of each image.
    """

    model: str = "compact"
    device: str = "auto"
    seed: int = 0
    all_axes: bool = True
    minutes: float = 0.0
    quality: str = "standard"
    precision: str = "auto"
    ending: str = BY_IMAGE


@dataclass(frozen=True)
class Completed:
    """A volume of the examples whose other slices have been labelled.

    Attributes:
        image: the volume.
        labels: all of its labels.
        report: of the run that labelled it.
        repeats: whether most of its labels are what other volumes said, since its own slices are few.
    """

    image: Path
    labels: Path
    report: Mapping[str, Any]
    repeats: bool = False


@dataclass(frozen=True)
class Work:
    """What a worker has to know to label any volume of a data set; small enough to be sent.

    Attributes:
        folder: of the results.
        examples: of the whole data set.
        settings: how volumes are labelled.
        made_of: checksums of what all results depend on (see `ingredients`).
        completed: the examples' volumes with all of their slices labelled, once that has been done.
        lines: what the Dice is worth that labels fused from these let expect.
        specialist: file of the network that was trained for the data set; None: there is none.
        draft_shares: class id -> how much of the say drafts have where nothing is drawn.
    """

    folder: Path
    examples: tuple[ExampleSource, ...]
    settings: Settings
    made_of: Mapping[str, str]
    completed: tuple[Completed, ...] = ()
    lines: DiceLines | None = None
    specialist: Path | None = None
    draft_shares: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, examples: tuple[ExampleSource, ...], settings: Settings) -> Work:
        """The work for these examples, whose files are read once for their checksums.

        Raises:
            InputError: a file is missing, or there is no such model.
        """
        return cls(folder, examples, settings, ingredients(examples, settings))

    def output(self, item: Item) -> Path:
        """Where the segmentation of an item goes."""
        ending = self.settings.ending
        return self.folder / f"{item.name}{_ending_for(item.image) if ending == BY_IMAGE else ending}"

    def made_of_item(self, item: Item) -> dict[str, str]:
        """What the result of an item depends on.

        Raises:
            InputError: the image or the draft is missing.
        """
        made_of = {"image": checksum(item.image), **self.made_of}
        return made_of if item.draft is None else {**made_of, "draft": checksum(item.draft)}


def _ending_for(image: Path) -> str:
    """A format in which labels lie beside this image without loss."""
    if format_by_name(image) is not Format.PICTURE:
        return ".seg.nrrd"
    return ".tif" if image.suffix.lower() in (".tif", ".tiff") else ".png"


def ingredients(examples: tuple[ExampleSource, ...], settings: Settings) -> dict[str, str]:
    """Checksums of what all results of a data set depend on, whichever machine makes them.

    Raises:
        InputError: a file is missing, or there is no such model.
    """
    weights = describe(settings.model).weights
    how = [f"{name}={value}" for name, value in asdict(settings).items() if name not in ("model", "device")]
    return {
        "examples": together(each.checksum for each in examples),
        "weights": checksum(weights) if weights is not None else "",
        "settings": ", ".join(how),
    }
