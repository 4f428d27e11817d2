"""From the user's choices to what the worker is asked: volume, examples, mask, which slices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from MVGCore.errors import InputError
from MVGCore.prompts import IntensityRange, PromptSet, main_axis
from MVGCore.session.requests import (
    AllSlices,
    Denoise,
    Inpaint,
    PreviewSlice,
    SegmentVolume,
    Synthesize,
    TargetSlices,
)
from MVGCore.volume import LabelMap, SliceKey, Volume
from MVGLib.control.examples import Example, renumbered
from MVGLib.control.parameters import DRAFT, MASK
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.runner import Order
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


class OrderBook:
    """Makes orders for the worker out of the user's choices."""

    def __init__(self, scene: SceneAccess, workspace: Workspace) -> None:
        """
        Args:
            scene: Where volumes and labels are.
            workspace: The user's choices.
        """
        self._scene = scene
        self._workspace = workspace

    def axis(self) -> int:
        """Array axis of the slices that a run would make.

        Raises:
            InputError: The volume cannot be used.
        """
        settings = self._workspace.settings
        if settings.axis >= 0:
            return settings.axis
        axes = [each.axis for each in self._workspace.book.used(settings.task)]
        if axes and settings.task.takes_examples:
            return main_axis(axes)
        return self._scene.volume(self._workspace.volume_id).geometry.coarsest_axis

    def order(self, preview: int | None = None) -> Order:
        """What to compute now.

        Args:
            preview: The only slice that is wanted.

        Raises:
            InputError: Something that is chosen cannot be used.
        """
        settings = self._workspace.settings
        volume = self._scene.volume(self._workspace.volume_id)
        if settings.task is not PanelTask.SEGMENT:
            return Order(settings, self._image_request(volume, preview), volume)
        first, *overlapping = self._passes()
        told: dict[str, Any] = {
            "image": volume,
            "prompts": first,
            "overlapping": tuple(overlapping),
            "axis": None if settings.axis < 0 else settings.axis,
            "draft": self._draft(),
            "ranges": self._ranges(),
        }
        if preview is not None:
            return Order(settings, PreviewSlice(index=preview, **told), volume)
        segment = SegmentVolume(
            slice_range=self._slice_range(),
            all_axes=settings.all_axes,
            quality=settings.quality,
            adapt_seconds=float(settings.adapt_seconds) if settings.adapt else 0.0,
            **told,
        )
        return Order(settings, segment, volume)

    def completion(self, place: SliceKey) -> Order:
        """Fill in the rest of a slice on which a little of each segment is drawn.

        Raises:
            InputError: Nothing is drawn on it, or no other slice is an example.
        """
        workspace = self._workspace
        drawn = workspace.book.cut(
            Example(workspace.volume_id, workspace.partner_id, place.axis, place.index)
        )
        if drawn.prompt is None or not drawn.prompt.labels.any():
            raise InputError(_("Nothing is drawn on this slice; draw a little of each segment first."))
        passes = workspace.book.passes(with_slice=drawn)
        whole = [each for told in passes for each in told.prompts if each.key != drawn.prompt.key]
        if not any(each.labels.any() and each.axis == place.axis for each in whole):
            raise InputError(_("MVG learns from whole slices: label one across this axis and add it first."))
        first, *overlapping = [_as_hints(each, drawn.prompt.key) for each in passes]
        volume = self._scene.volume(workspace.volume_id)
        request = PreviewSlice(
            index=place.index,
            image=volume,
            prompts=first,
            axis=place.axis,
            overlapping=tuple(overlapping),
        )
        return Order(workspace.settings, request, volume)

    def _image_request(self, volume: Volume, preview: int | None) -> AllSlices:
        settings, axis = self._workspace.settings, self.axis()
        limits = self._slice_range() if preview is None else (preview, preview)
        if settings.task is PanelTask.INPAINT:  # chooses the axis by what is missing, unless the user does
            chosen = None if settings.axis < 0 else axis
            return Inpaint(image=volume, mask=self._mask(volume), axis=chosen, slice_range=limits)
        targets = self._targets(axis)
        if settings.task is PanelTask.SYNTHESIZE:
            return Synthesize(image=volume, examples=targets, slice_range=limits)
        examples = targets[0] if targets else None
        return Denoise(image=volume, examples=examples, axis=axis, slice_range=limits)

    def _slice_range(self) -> tuple[int, int] | None:
        settings = self._workspace.settings
        return (settings.first, settings.last) if settings.limited else None

    def _passes(self) -> list[PromptSet]:
        """The examples that are used, across all axes: a set for each pass."""
        passes = self._workspace.book.passes()
        if not passes:
            raise InputError(_("The examples show no segment; label at least one slice."))
        return [self._workspace.claims.tell(each) for each in passes]

    def _draft(self) -> LabelMap | None:
        """The existing segmentation that is to be corrected, with the numbers of the classes."""
        workspace = self._workspace
        chosen = workspace.nodes[DRAFT]
        if not chosen:
            return None
        if any(each.partner_id == chosen for each in workspace.book.used(workspace.task)):
            raise InputError(
                _(
                    "The draft is the segmentation that the examples are taken from, so nothing tells where "
                    "it is wrong: choose it as it was before you corrected slices, such as a copy of it."
                )
            )
        labels = self._scene.label_map(chosen, workspace.volume_id)
        if not labels.array.any():
            raise InputError(_("The draft is empty on this volume; choose another one, or none."))
        numbers = workspace.classes.adopt(labels.classes)
        known = workspace.classes.classes
        classes = [known[number] for number in sorted(set(numbers.values()))]
        return LabelMap.of(renumbered(labels.array, numbers), labels.geometry, classes)

    def _ranges(self) -> tuple[IntensityRange, ...]:
        settings = self._workspace.settings
        return (IntensityRange(settings.low, settings.high),) if settings.intensities else ()

    def _targets(self, axis: int) -> tuple[TargetSlices, ...]:
        """The examples by pair of volumes, those of the input first."""
        chosen = self._workspace.book.used(self._workspace.task)
        groups: dict[tuple[str, str], list[Example]] = {}
        for each in chosen:
            if each.axis == axis and not self._workspace.book.cut(each).problem:
                groups.setdefault((each.volume_id, each.partner_id), []).append(each)
        own = self._workspace.volume_id
        ordered = sorted(groups, key=lambda pair: pair[0] != own)
        return tuple(
            TargetSlices(
                target=self._scene.volume(target_id),
                image=None if volume_id == own else self._scene.volume(volume_id),
                axis=axis,
                slices=tuple(sorted(each.index for each in groups[volume_id, target_id])),
            )
            for volume_id, target_id in ordered
        )

    def _mask(self, volume: Volume) -> LabelMap:
        mask = self._scene.label_map(self._workspace.nodes[MASK], self._workspace.volume_id)
        if not mask.array.any():
            raise InputError(_("The segmentation marks nothing to fill in; paint over what is to be filled."))
        if mask.array.all():
            raise InputError(_("The segmentation marks the whole volume; leave something to learn from."))
        return mask


def _as_hints(prompts: PromptSet, key: str) -> PromptSet:
    """The same examples, but one slice says only where its classes are; nothing if it shows none of them."""
    told = []
    for each in prompts.prompts:
        if each.key != key:
            told.append(each)
        elif each.labels.any():
            told.append(replace(each, known=each.labels > 0))
    return PromptSet(told, prompts.classes)
