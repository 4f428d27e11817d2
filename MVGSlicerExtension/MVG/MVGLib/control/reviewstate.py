"""What the panel shows of results that wait for their review, and of those that have waited."""

from __future__ import annotations

from dataclasses import dataclass

from MVGCore.volume import SliceKey
from MVGLib.control.runsettings import PanelTask


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
        until: The last slice on which it is not either, if it is not on this one.
        presence: Probability that it is there.
    """

    name: str
    axis: int
    index: int
    until: int
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
        visible: Whether the result is shown; False shows the scene as it was before.
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
    visible: bool = True
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
