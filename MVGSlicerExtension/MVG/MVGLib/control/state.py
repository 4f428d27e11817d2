"""What the panel shows, as plain values: the controller makes it, the panel draws it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume import SliceKey
from MVGLib.control.reviewstate import EndedReview, Review, ShownQuestion
from MVGLib.control.runsettings import RunSettings


class Phase(str, Enum):
    """What is going on."""

    SETUP = "setup"  # something has to be installed first
    IDLE = "idle"
    PREVIEWING = "previewing"
    RUNNING = "running"
    CANCELLING = "cancelling"


class Level(str, Enum):
    """How much a message matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Remedy(str, Enum):
    """What a button beside a message does."""

    ROTATE_VIEWS = "rotate views"
    UNDO = "undo"  # the end of a review
    MAKE_GRAY = "make gray"
    OPEN_LOG = "open log"  # by the panel, with what the system opens text files with


@dataclass(frozen=True)
class Message:
    """One sentence or two for the user, and what can be done about it by a button."""

    text: str
    level: Level = Level.INFO
    remedy: Remedy | None = None


@dataclass(frozen=True, eq=False)
class ExampleRow:
    """One example in the list.

    Attributes:
        key: Names the example in the controller's actions.
        place: "axial 41".
        slice: The slice, None if it belongs to another volume.
        segments: Names and colours (red, green, blue in 0..1) of what is labelled on it.
        source: Name of the volume, if it is another one than the input.
        enabled: Whether it is used.
        can_jump: Whether its slice can be shown.
        problem: Why it cannot be used, or empty.
        thumbnail: (H, W, 3) uint8, the slice with the outlines of its segments.
        version: Differs whenever the row looks different.
    """

    key: str
    place: str
    slice: SliceKey | None
    segments: tuple[tuple[str, tuple[float, float, float]], ...]
    source: str
    enabled: bool
    can_jump: bool
    problem: str
    thumbnail: NDArray[np.uint8]
    version: int


@dataclass(frozen=True)
class RunProgress:
    """How far a run is.

    Attributes:
        fraction: What is done, 0..1; 0 while it is prepared.
        text: What is being done.
        seconds: Since it began.
        remaining: Seconds until its end, if that can be told.
    """

    fraction: float
    text: str
    seconds: float = 0.0
    remaining: float | None = None


@dataclass(frozen=True)
class ListChoice:
    """One entry of a list to choose from: what is kept, and what is shown."""

    value: str
    text: str


@dataclass(frozen=True)
class PanelState:
    """All that the panel shows.

    Attributes:
        hint: What to do next, one line.
        message: What happened last, or None.
        phase: What is going on.
        settings: The choices of the user.
        volume_id: The input volume, or empty.
        partner_id: What the examples are taken from: a segmentation, or the volume of the wanted contrast.
        mask_id: The segmentation that says what to paint in.
        draft_id: The existing segmentation that is to be corrected.
        examples: The list.
        segments: Names of the segments that the examples are taken from.
        examples_note: "3 slices", "no examples needed".
        plane_names: "axial (k)" by array axis, of the input volume.
        models: What can be chosen; the model in use is among them.
        depth: Number of slices along the axis of the run.
        frames: Number of frames of the input volume, 1 if it is no sequence.
        devices: What can be chosen.
        memory: What is free on the chosen device, and what it means; may be empty.
        progress: Of a run, else None.
        review: A result to be reviewed, else None.
        question: About the result, which the user has not answered yet, else None.
        surface: Whether its segments are shown in 3-D.
        ended: Reviews that have ended and can be taken up again, the last one at the end.
        preview: The slice whose preview is shown, else None.
        install: What has to be installed, one sentence, else empty.
        case: Which slice of a list of cases is to be corrected, and how many are done; empty without a list.
        blocked: Action -> why it cannot be done now; an action that is not in it can be done.
    """

    hint: str
    message: Message | None
    phase: Phase
    settings: RunSettings
    volume_id: str = ""
    partner_id: str = ""
    mask_id: str = ""
    draft_id: str = ""
    examples: tuple[ExampleRow, ...] = ()
    segments: tuple[str, ...] = ()
    examples_note: str = ""
    plane_names: tuple[str, ...] = ()
    depth: int = 0
    frames: int = 1
    models: tuple[ListChoice, ...] = ()
    devices: tuple[ListChoice, ...] = ()
    memory: str = ""
    progress: RunProgress | None = None
    review: Review | None = None
    question: ShownQuestion | None = None
    surface: bool = False
    ended: tuple[EndedReview, ...] = ()
    preview: SliceKey | None = None
    install: str = ""
    case: str = ""
    blocked: dict[str, str] = field(default_factory=dict)
