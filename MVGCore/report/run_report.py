"""The account of one run that `mvg segment --report` writes as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.prompts import AXIS_NAMES
from MVGCore.version import __version__
from MVGCore.volume.labelmap import voxel_counts

if TYPE_CHECKING:
    from MVGCore.outcomes import AdaptReport, Estimate
    from MVGCore.session import Result


@dataclass(frozen=True)
class ExpectedDice:
    """A Dice to expect and its standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, estimate: Estimate | None) -> ExpectedDice | None:
        """Rounded for a report."""
        return None if estimate is None else cls(round(estimate.value, 4), round(estimate.error, 4))


@dataclass(frozen=True)
class ClassReport:
    """One class of the result.

    Attributes:
        id: label value.
        name: name of the class.
        voxels: number of voxels of the class.
        millilitres: their volume.
        confidence: mean confidence of the class, 0 to 1; None if the session gave none.
        expected_dice: Dice to expect and its standard error; None if there is nothing to judge.
    """

    id: int
    name: str
    voxels: int
    millilitres: float
    confidence: float | None
    expected_dice: ExpectedDice | None = None


@dataclass(frozen=True)
class RunReport:
    """What was done, how long it took and how sure the result is.

    Attributes:
        version: version of this package.
        model: model as it was asked for.
        device: device that the model ran on.
        image: path of the image.
        output: path of the segmentation.
        axis: "i", "j" or "k", the axis along which slices were labelled.
        slices_used: indices of the labelled slices of this volume, from 0.
        seconds: wall-clock time of the stages that followed each other.
        seconds_within: stage -> the times of its parts; those that ran side by side count in full.
        peak_memory_mb: largest memory of the process so far, in MB of 10^6 bytes.
        classes: the classes, by label value.
        slice_confidence: index of a slice -> mean confidence in it.
        expected_dice: mean Dice over the classes to expect, and its standard error; None if unknown.
        slice_dice: index of a generated slice -> Dice to expect there.
        adaptation: what came of `--adapt`; None without it.
        next_slice: the slice whose labelling would help most, if the session names one.
        questions: whether a class is on a slice, what helps most first; see `MVGCore.outcomes.Question`.
        notes: what the session has to say about the run.
    """

    version: str
    model: str
    device: str
    image: str
    output: str
    axis: str
    slices_used: tuple[int, ...]
    seconds: dict[str, float]
    seconds_within: dict[str, dict[str, float]]
    peak_memory_mb: float
    classes: tuple[ClassReport, ...]
    slice_confidence: dict[int, float]
    expected_dice: ExpectedDice | None
    slice_dice: dict[int, float]
    adaptation: AdaptReport | None
    next_slice: int | None
    questions: list[dict[str, float | int]]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        result: Result,
        *,
        model: str,
        image: Path | str,
        output: Path | str,
        seconds: dict[str, float],
        adaptation: AdaptReport | None = None,
    ) -> RunReport:
        """Sums up a result; `seconds` are the stages outside the session, joined with its own."""
        return cls(
            version=__version__,
            model=model,
            device=result.device,
            image=str(image),
            output=str(output),
            axis=AXIS_NAMES[result.axis],
            slices_used=tuple(int(index) for index in result.prompt_slices),
            seconds=_rounded({"propagate": result.seconds["propagate"], **seconds}),
            seconds_within={"propagate": _rounded(_parts(result.seconds))},
            peak_memory_mb=round(peak_memory_mb(), 1),
            classes=summarise_classes(result),
            slice_confidence={int(k): round(float(v), 4) for k, v in sorted(result.slice_confidence.items())},
            expected_dice=ExpectedDice.of(result.expected_dice),
            slice_dice={int(k): round(each.value, 4) for k, each in sorted(result.slice_dice.items())},
            adaptation=adaptation,
            next_slice=None if result.next_slice is None else int(result.next_slice),
            questions=[asdict(each) for each in result.questions],
            notes=tuple(result.notes),
        )

    def to_json(self) -> str:
        """Returns the report as indented JSON that ends with a newline."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def _parts(seconds: dict[str, float]) -> dict[str, float]:
    return {stage: spent for stage, spent in seconds.items() if stage != "propagate"}


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {stage: round(float(spent), 3) for stage, spent in seconds.items()}


def summarise_classes(result: Result) -> tuple[ClassReport, ...]:
    """Counts the voxels of each class of a result."""
    labels = result.labels
    counts = voxel_counts(labels.array)
    voxel_millilitres = labels.geometry.voxel_volume / 1000
    reports = []
    for segment in labels.classes:
        voxels = int(counts[segment.id])
        confidence = result.class_confidence.get(segment.id)
        reports.append(
            ClassReport(
                id=segment.id,
                name=segment.name,
                voxels=voxels,
                millilitres=round(voxels * voxel_millilitres, 3),
                confidence=None if confidence is None else round(float(confidence), 4),
                expected_dice=ExpectedDice.of(result.class_dice.get(segment.id)),
            )
        )
    return tuple(reports)


def peak_memory_mb() -> float:
    """Returns the largest resident memory that this process has had, in MB of 10^6 bytes."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
