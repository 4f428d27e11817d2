"""What the panel shows, as plain values: the controller makes it, the panel draws it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume import SliceKey


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
class SliceScore:
    """An expected Dice or a confidence, 0..1, and its standard error, if known."""

    value: float
    error: float | None = None

    @property
    def text(self) -> str:
        """The score with two decimals: "0.91 ± 0.03"."""
        return f"{self.value:.2f}" if self.error is None else f"{self.value:.2f} ± {self.error:.2f}"


@dataclass(frozen=True)
class EndQuestion:
    """Whether a segment is still on a slice, where only the user can tell.

    Attributes:
        name: The segment.
        axis: Array axis that the slice lies across.
        index: The slice.
        onwards: 1 if the segment would have ended towards higher indices, -1 towards lower ones.
        presence: Probability that it is there.
    """

    name: str
    axis: int
    index: int
    onwards: int
    presence: float


@dataclass(frozen=True)
class ShownQuestion:
    """The question that is asked now.

    Attributes:
        text: "Is 'left ventricle' still on axial 11?"
        slice: The slice.
        asked: Whether the slice was shown for it, so that an answer counts.
        first: Whether answering it helps more for the time than labelling a slice.
        count: Number of questions that are open, this one among them.
    """

    text: str
    slice: SliceKey
    asked: bool
    first: bool
    count: int


@dataclass(frozen=True)
class Review:
    """A result that waits to be accepted or discarded.

    Attributes:
        node_id: The MRML node that holds it.
        volume_id: The volume that it belongs to.
        task: What was done.
        axis: Array axis of its slices.
        depth: Number of slices along it.
        plane: "axial", "coronal" or "sagittal".
        slices: Score by slice, of those that were generated.
        known: Indices of the slices that were given.
        expected: The expected Dice of the whole result.
        next_slice: What to label next.
        questions: What only the user can tell, the answer that helps most first.
        ask_first: Whether the first of them helps more for the time than labelling `next_slice`.
        shown: Whether the result is shown; False shows the scene as it was before.
        overlay: Whether the confidence is shown over the slices.
        notes: What the user should know, sentence by sentence.
    """

    node_id: str
    volume_id: str
    task: PanelTask
    axis: int
    depth: int
    plane: str
    slices: dict[int, SliceScore]
    known: tuple[int, ...] = ()
    expected: SliceScore | None = None
    next_slice: int | None = None
    questions: tuple[EndQuestion, ...] = ()
    ask_first: bool = False
    shown: bool = True
    overlay: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EndedReview:
    """A review that has ended; its result can wait for its review again.

    Attributes:
        key: Names it in the controller's actions.
        node_id: The MRML node that held the result.
        name: What the result was called.
        accepted: Whether it was accepted; else it was discarded.
        into: The segmentation that took it, or empty.
    """

    key: int
    node_id: str
    name: str
    accepted: bool
    into: str = ""


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
class RunSettings:
    """The choices of the user; nodes are kept beside them.

    Attributes:
        task: What to do.
        model: Name of a model, or a weight file.
        device: "auto", or as in `MVGCore.Session`.
        adapt: Whether to adapt to the examples first.
        adapt_seconds: For how long at most.
        all_axes: Whether a run of all slices looks along the other axes too.
        quality: How much work the labels take: "draft", "standard" or "thorough".
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
    blocked: dict[str, str] = field(default_factory=dict)
