"""What the user chooses for a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from MVGLib.texts import _


class PanelTask(str, Enum):
    """What MVG is to do with the volume."""

    SEGMENT = "segment"
    DENOISE = "denoise"
    INPAINT = "inpaint"
    SYNTHESIZE = "synthesize"

    @property
    def makes_segments(self) -> bool:
        """Whether the result is a segmentation; otherwise it is a volume."""
        return self is PanelTask.SEGMENT

    @property
    def takes_examples(self) -> bool:
        """Whether examples are of any use."""
        return self is not PanelTask.INPAINT

    @property
    def needs_examples(self) -> bool:
        """Whether nothing can be done without an example."""
        return self in (PanelTask.SEGMENT, PanelTask.SYNTHESIZE)

    def result_name(self, volume: str) -> str:
        """What the result of a volume of this name is called."""
        names = {
            PanelTask.SEGMENT: _("{name} MVG"),
            PanelTask.DENOISE: _("{name} denoised"),
            PanelTask.INPAINT: _("{name} filled in"),
            PanelTask.SYNTHESIZE: _("{name} synthesised"),
        }
        return names[self].format(name=volume)


@dataclass(frozen=True)
class RunSettings:
    """The choices of the user; nodes are kept beside them.

    Attributes:
        task: What to do.
        model: Name of a model, or a weight file.
        device: "auto", or as in `MVGCore.Session`.
        adapt: Whether to adapt to the examples first.
        adapt_seconds: For how long at most.
        all_axes: Whether a run of all slices looks along the other axes too.
        quality: How much work the labels take: "draft" or "standard".
        limited: Whether only the slices `first` to `last` are wanted.
        first: First slice wanted.
        last: Last slice wanted.
        axis: Array axis of the slices; -1 takes that of most examples.
        seed: The same seed gives the same result.
        into_own: Whether an accepted segmentation goes into the user's own segments.
        protect: Whether nothing is drawn or accepted over the user's other segments.
        all_frames: Whether a run makes all frames of a sequence.
        intensities: Whether only voxels with intensities from `low` to `high` are labelled.
        low: Lowest intensity that is labelled.
        high: Highest intensity that is labelled.
    """

    task: PanelTask = PanelTask.SEGMENT
    model: str = "compact"
    device: str = "auto"
    adapt: bool = False
    adapt_seconds: int = 20
    all_axes: bool = True
    quality: str = "standard"
    limited: bool = False
    first: int = 0
    last: int = 0
    axis: int = -1
    seed: int = 0
    into_own: bool = False
    protect: bool = False
    all_frames: bool = False
    intensities: bool = False
    low: float = 0.0
    high: float = 0.0
