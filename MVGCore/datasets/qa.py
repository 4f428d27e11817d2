"""Turns the results of a data set into what the review page shows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from MVGCore.datasets.checksums import together
from MVGCore.datasets.manifest import DONE, NAME, Record, read_results
from MVGCore.datasets.review import volume_id
from MVGCore.errors import InputError, MVGError
from MVGCore.metrics import dice_per_class, surface_measures
from MVGCore.prompts import AXIS_NAMES
from MVGCore.report.measures import ClassMeasures, measure_classes, unlike_the_rest
from MVGCore.report.page import OTHER, RESULT, TRUTH, ClassRow, Page, VolumePart, write_page
from MVGCore.report.pictures import Picture, draw_pictures, informative_slices
from MVGCore.volume import (
    LabelMap,
    SegmentClass,
    Volume,
    match_labels,
    read_labelmap,
    read_volume,
    write_segmentation,
    write_volume,
)

PICTURES = 6  # of each volume


@dataclass(frozen=True)
class ReviewRequest:
    """What to review.

    Attributes:
        folder: results of `label_dataset`.
        truths: name of an item -> its true label map.
        other: results of another run on the same data set; None compares with none.
        names: show the volumes' names, which may tell who the patients are.
        title: headline.
        surfaces: measure HD95 and surface Dice too, where truth exists.
    """

    folder: Path
    truths: Mapping[str, Path]
    other: Path | None = None
    names: bool = False
    title: str = "Review"
    surfaces: bool = True


@dataclass(frozen=True)
class _Measured:
    """What is measured of one volume."""

    record: Record
    classes: tuple[SegmentClass, ...] = ()
    measures: tuple[ClassMeasures, ...] = ()
    dice: Mapping[int, float] | None = None
    surface: Mapping[int, tuple[float | None, float | None]] | None = None
    agreement: Mapping[int, float] | None = None
    reason: str = ""


def write_review(request: ReviewRequest, path: Path) -> int:
    """Write the review page of a results folder and give the number of volumes on it.

    Volumes whose image or result cannot be read are on the page with the reason.

    Raises:
        InputError: there are no results in the folder, or none that the other run has too.
        OutputError: the page cannot be written.
    """
    records = list(read_results(request.folder).values())
    if not records:
        raise InputError(
            f"There are no results in '{request.folder}'; give a folder that `mvg label` filled."
        )
    others = read_results(request.other) if request.other is not None else {}
    if request.other is not None and not {each.name for each in records} & others.keys():
        raise InputError(
            f"'{request.other}' has no volume of '{request.folder}'; give two runs on one data set."
        )
    seen = [_looked_at(request, record, others.get(record.name)) for record in records]
    unlike = unlike_the_rest([each.measures for each in seen])
    volumes = [_part(request, n, each, unlike[n]) for n, each in enumerate(seen)]
    known = {each.id: each for one in seen for each in one.classes}
    page = Page(
        request.title,
        together([str(request.folder.resolve()), *(each.output_checksum for each in records)]),
        [known[class_id] for class_id in sorted(known)],
        _map_kinds(request),
    )
    write_page(path, page, volumes, _pictures(request, seen, others))
    return len(volumes)


def write_review_of(image: Volume, labels: LabelMap, axis: int, path: Path, title: str) -> None:
    """Write the review page of one volume that lies in memory.

    Args:
        image: the volume.
        labels: on its grid.
        axis: array axis along which it is shown.
        path: of the page.
        title: headline.

    Raises:
        InputError: nothing is labelled.
        OutputError: the page cannot be written.
    """
    if not labels.array.any():
        raise InputError("Nothing is labelled, so there is nothing to review; label it first.")
    with tempfile.TemporaryDirectory(prefix="mvg-review-") as scratch:
        folder = Path(scratch)
        write_volume(folder / "image.nrrd", image)
        write_segmentation(folder / "labels.seg.nrrd", labels)
        report = {"axis": AXIS_NAMES[axis]}
        record = Record("image", DONE, str(folder / "image.nrrd"), "labels.seg.nrrd", report=report)
        (folder / NAME).write_text(record.to_line(), encoding="utf-8")
        write_review(ReviewRequest(folder, {}, title=title), path)


def _map_kinds(request: ReviewRequest) -> list[str]:
    kinds = [RESULT]
    if request.truths:
        kinds.append(TRUTH)
    if request.other is not None:
        kinds.append(OTHER)
    return kinds


def _looked_at(request: ReviewRequest, record: Record, other: Record | None) -> _Measured:
    """Everything that is measured of a volume; pictures are drawn later, one volume at a time."""
    if not record.done:
        return _Measured(record, reason=record.reason)
    try:
        labels = read_labelmap(request.folder / record.output)
        seen = _Measured(record, labels.classes, measure_classes(labels))
        truth = _truth(request, record, labels)
        if truth is not None:
            seen = _compared(seen, labels, truth, request.surfaces)
        if other is not None and other.done and request.other is not None:
            against = match_labels(read_labelmap(request.other / other.output), labels.geometry)
            ids = sorted({*labels.ids, *against.ids})
            seen = replace(seen, agreement=dice_per_class(labels.array, against.array, ids))
        return seen
    except MVGError as error:
        return _Measured(record, reason=str(error))


def _truth(request: ReviewRequest, record: Record, labels: LabelMap) -> LabelMap | None:
    path = request.truths.get(record.name)
    return None if path is None else match_labels(read_labelmap(path), labels.geometry)


def _compared(seen: _Measured, labels: LabelMap, truth: LabelMap, surfaces: bool) -> _Measured:
    dice = dice_per_class(
        truth.array, labels.array, [each for each in truth.ids if (truth.array == each).any()]
    )
    if not surfaces:
        return replace(seen, dice=dice)
    spacing = labels.geometry.array_spacing
    measured = {
        each: surface_measures(truth.array == each, labels.array == each, spacing, max(spacing))
        for each in dice
    }
    return replace(seen, dice=dice, surface=measured)


def _part(
    request: ReviewRequest, order: int, seen: _Measured, unlike: Mapping[int, tuple[str, ...]]
) -> VolumePart:
    record, report = seen.record, seen.record.report
    label = record.name if request.names else f"Volume {order + 1}"
    if seen.reason:
        return VolumePart(volume_id(record.name), label, reason=_without_names(request, seen, label))
    told = {each["id"]: each for each in report.get("classes", ())}
    rows = tuple(_row(each, told.get(each.id, {}), seen, unlike.get(each.id, ())) for each in seen.measures)
    slices = sorted((int(index), float(value)) for index, value in report.get("slice_confidence", {}).items())
    return VolumePart(
        volume_id(record.name),
        label,
        _mean(row.confidence for row in rows),
        (report.get("expected_dice") or {}).get("value"),
        rows,
        tuple(slices),
        tuple(report.get("slices_used", ())),
        tuple(report.get("notes", ())),
        dice=_mean(row.dice for row in rows),
        agreement=_mean(row.agreement for row in rows),
    )


def _without_names(request: ReviewRequest, seen: _Measured, label: str) -> str:
    """A reason names files, and these may name patients."""
    if request.names:
        return seen.reason
    reason = seen.reason
    for name in (seen.record.image, seen.record.output, Path(seen.record.image).name, seen.record.name):
        reason = reason.replace(name, label) if name else reason
    return reason


def _row(
    measures: ClassMeasures, told: Mapping[str, Any], seen: _Measured, unlike: tuple[str, ...]
) -> ClassRow:
    surface, hd95 = (seen.surface or {}).get(measures.id, (None, None))
    return ClassRow(
        measures.id,
        measures.millilitres,
        told.get("confidence"),
        (told.get("expected_dice") or {}).get("value"),
        unlike,
        (seen.dice or {}).get(measures.id),
        hd95,
        surface,
        (seen.agreement or {}).get(measures.id),
    )


def _mean(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _pictures(
    request: ReviewRequest, seen: Sequence[_Measured], others: Mapping[str, Record]
) -> Iterator[list[Picture]]:
    for each in seen:
        try:
            yield [] if each.reason else _drawn(request, each.record, others.get(each.record.name))
        except MVGError:  # the image has gone since; the numbers stay
            yield []


def _drawn(request: ReviewRequest, record: Record, other: Record | None) -> list[Picture]:
    image = read_volume(record.image)
    labels = read_labelmap(request.folder / record.output)
    nothing = replace(labels, array=labels.array * 0)
    maps = [labels]
    if request.truths:
        maps.append(_truth(request, record, labels) or nothing)
    if request.other is not None:
        there = other is not None and other.done
        maps.append(read_labelmap(request.other / other.output) if other is not None and there else nothing)
    axis = AXIS_NAMES.index(record.report.get("axis", "k"))
    sure = record.report.get("slice_dice") or record.report.get("slice_confidence") or {}
    doubts = {int(index): float(value) for index, value in sure.items()}
    slices = informative_slices(labels, axis, doubts, PICTURES)
    return draw_pictures(image, maps, axis, slices)
