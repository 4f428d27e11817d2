"""What comes of a request: plain values, in the order in which things happened; no torch.

`Progress` and `SliceDone` come while the work goes on, a `Summary` ends it. A worker process also says how it
is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.outcomes import AdaptReport, Estimate, Question
from MVGCore.volume import SegmentClass


class FailureKind(str, Enum):
    """Whose turn it is after a failure."""

    INPUT = "input"  # the user's: other data or settings
    OUTPUT = "output"  # a file could not be written
    MEMORY = "memory"  # there is not enough of it
    SETUP = "setup"  # the installation: interpreter, packages, versions
    CRASHED = "crashed"  # the worker ended by itself
    HUNG = "hung"  # the worker did not answer any more
    INTERNAL = "internal"  # a mistake in MVG; the log has the details


@dataclass(frozen=True)
class DeviceInfo:
    """A place to compute.

    Attributes:
        name: as `set_model` takes it, e.g. "cuda:0".
        label: what to call it, e.g. the name of the graphics card.
        free_bytes: memory that is free; None if only using the device would tell.
        total_bytes: memory that it has; None if unknown.
    """

    name: str
    label: str
    free_bytes: int | None
    total_bytes: int | None


@dataclass(frozen=True)
class Previewed:
    """A slice was generated; it came as `SliceDone`."""

    axis: int
    index: int
    seconds: float
    device: str


@dataclass(frozen=True)
class Propagated:
    """All slices came as `SliceDone`, those that were labelled too.

    Attributes:
        adaptation: what came of the adaptation that was asked for; None if none was made for this.
        adapted_to: names what the model in use is adapted to; empty if it is as it was loaded.
        layers: what came of each pass where examples overlap, one after the other; all else is about them
            together. Empty where nothing overlaps.

    The other fields are those of `MVGCore.session.Result`.
    """

    axis: int
    prompt_slices: tuple[int, ...]
    slice_confidence: dict[int, float]
    class_confidence: dict[int, float]
    expected_dice: Estimate | None
    slice_dice: dict[int, Estimate]
    class_dice: dict[int, Estimate]
    next_slice: int | None
    seconds: dict[str, float]
    device: str
    notes: tuple[str, ...]
    adaptation: AdaptReport | None = None
    adapted_to: str = ""
    questions: tuple[Question, ...] = ()
    next_question: Question | None = None
    kept: tuple[SegmentClass, ...] = ()
    layers: tuple[Propagated, ...] = ()


@dataclass(frozen=True)
class Adapted:
    """The model was adapted to the examples, or left as it was: `report.kept`.

    Attributes:
        report: what came of it.
        device: where it was computed.
        adapted_to: as of `Propagated`.
    """

    report: AdaptReport
    device: str
    adapted_to: str = ""


@dataclass(frozen=True)
class Forgotten:
    """The model is as it was loaded."""


@dataclass(frozen=True)
class ImageMade:
    """An image was made; its slices came as `SliceDone`, those given as examples too.

    Attributes:
        axis: array axis of the slices.
        generated, kept: which slices came, made and given.
        weight: share of the network in the answer, 0 to 1.
        dtype: numeric type of the image, as `numpy.dtype.str`.
        fill: what all other slices hold; None if they are those of the input.
        seconds: time per stage.
        device: where it was computed.
        notes: what the user should know.
    """

    axis: int
    generated: tuple[int, ...]
    kept: tuple[int, ...]
    weight: float
    dtype: str
    fill: float | None
    seconds: dict[str, float]
    device: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ModelSaved:
    """The weights in use are in this file."""

    path: str


@dataclass(frozen=True)
class Info:
    """What the worker runs on; `memory` is a hint in words, `versions` has packages and their versions."""

    device: str
    model: str
    memory: str
    devices: tuple[DeviceInfo, ...]
    versions: dict[str, str]


Summary = Previewed | Propagated | Adapted | Forgotten | ImageMade | ModelSaved | Info


NO_JOB = 0  # number of a request that runs in this process, and of what a client asks for by itself


@dataclass(frozen=True)
class Ready:
    """A model is loaded; the fields are those of `Info`."""

    device: str
    model: str
    memory: str
    devices: tuple[DeviceInfo, ...]
    versions: dict[str, str]


@dataclass(frozen=True)
class Progress:
    """So much of a job is done, 0 to 1, and in words."""

    job: int
    fraction: float
    text: str


@dataclass(frozen=True, eq=False)
class SliceDone:
    """A slice is done and will not change.

    Attributes:
        job: the job's number.
        axis, index: which slice.
        values: (H, W), uint16 labels, or intensities in the numeric type of the image that is made.
        confidence: (H, W) float32, probability of the chosen class; None for intensities.
        dice: expected Dice of the slice; None if there is nothing to judge.
        given: whether the slice is an example, bit for bit as it was drawn.
        layer: 0, or of examples that overlap others the number of their pass.
    """

    job: int
    axis: int
    index: int
    values: NDArray[Any]
    confidence: NDArray[np.float32] | None
    dice: Estimate | None
    given: bool = False
    layer: int = 0


@dataclass(frozen=True)
class Finished:
    """A job is done: its number, and what came of it."""

    job: int
    summary: Summary


@dataclass(frozen=True)
class Failed:
    """A job failed, or the worker while no job waited (None); the message is what to show to the user."""

    job: int | None
    message: str
    kind: FailureKind


@dataclass(frozen=True)
class Cancelled:
    """A job was cancelled; nothing more comes of it."""

    job: int


@dataclass(frozen=True)
class Restarted:
    """The worker is a new process; image, examples and model are given to it by themselves.

    Attributes:
        reason: what happened to the former one, as a sentence.
        lost_adaptation: whether an adapted model is gone and has to be adapted again.
    """

    reason: str
    lost_adaptation: bool


@dataclass(frozen=True)
class Log:
    """Something odd that stopped nothing; level "warning" or "error"."""

    level: str
    text: str


Event = Ready | Progress | SliceDone | Finished | Failed | Cancelled | Restarted | Log
