"""From the user's choices to what the worker is asked: volume, examples, mask, which slices."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MVGCore.errors import InputError
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.session.requests import WantedSlices
from MVGCore.volume import LabelMap, Volume
from MVGLib.control.examples import Example
from MVGLib.control.parameters import MASK
from MVGLib.control.protocols import Scene
from MVGLib.control.runner import Order
from MVGLib.control.state import Settings, Task
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


@dataclass(frozen=True)
class Trace:
    """What a result was made from: enough to tell which part of it another run has to make anew.

    Attributes:
        basis: Volume, model and settings.
        local: Slice of the volume -> checksum of its labels.
        foreign: Checksum of the examples of other volumes.
    """

    basis: tuple[object, ...]
    local: tuple[tuple[int, int], ...]
    foreign: int

    def stale_range(self, other: Trace, depth: int) -> tuple[int, int] | None:
        """First and last slice of a volume that depend on what differs between two traces.

        A slice depends on the labelled slices next to it, so a change reaches to the next labelled slices
        that are the same in both.

        Args:
            other: Of the new run.
            depth: Number of slices.

        Returns:
            The range, or None where nothing or everything has to be made anew.
        """
        if self.basis != other.basis or self.foreign != other.foreign:
            return None
        changed = sorted({index for index, _sum in set(self.local) ^ set(other.local)})
        same = sorted({index for index, _sum in set(self.local) & set(other.local)} - set(changed))
        if not changed or not same:
            return None
        first = max((index for index in same if index < changed[0]), default=0)
        last = min((index for index in same if index > changed[-1]), default=depth - 1)
        return first, last


class OrderBook:
    """Makes orders for the worker out of the user's choices."""

    def __init__(self, scene: Scene, workspace: Workspace) -> None:
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
        axes = [each.axis for each in self._workspace.book.of(settings.task) if each.enabled]
        if axes and settings.task.takes_examples:
            return max(sorted(set(axes)), key=axes.count)
        spacing = self._scene.volume(self._workspace.volume_id).geometry.array_spacing
        return int(np.argmax(spacing))  # as the image tasks choose: k on a tie

    def order(self, preview: int | None = None) -> Order:
        """What to compute now.

        Args:
            preview: The only slice that is wanted.

        Raises:
            InputError: Something that is chosen cannot be used.
        """
        workspace, settings = self._workspace, self._workspace.settings
        volume, axis = self._scene.volume(workspace.volume_id), self.axis()
        prompts, wanted, mask = None, tuple[WantedSlices, ...](), None
        if settings.task is Task.SEGMENT:
            prompts = self._prompts(axis)
        else:
            wanted = self._wanted(axis) if settings.task.takes_examples else ()
            mask = self._mask(volume) if settings.task is Task.INPAINT else None
        # Inpainting chooses the axis by what is missing, unless the user does.
        free = settings.task is Task.INPAINT and settings.axis < 0
        adapts = prompts is not None and settings.adapt and preview is None
        return Order(
            settings=settings,
            volume=volume,
            prompts=prompts,
            wanted=wanted,
            mask=mask,
            axis=None if free else axis,
            slice_range=(settings.first, settings.last) if settings.limited else None,
            preview=preview,
            adapt=_adaptation(settings, prompts) if adapts and prompts is not None else "",
        )

    def local_prompts(self, order: Order) -> dict[int, Prompt]:
        """Index -> labelled slice of the volume itself, across the axis of the run."""
        if order.prompts is None:
            return {}
        return {
            prompt.index: prompt
            for prompt in order.prompts.prompts
            if prompt.axis == order.axis and _is_slice_of(prompt, order.volume)
        }

    def trace(self, order: Order, local: dict[int, Prompt]) -> Trace:
        """What a result of this order is made from; `local` is as `local_prompts` gives it."""
        keys = {each.key for each in local.values()}
        others = [each for each in order.prompts.prompts if each.key not in keys] if order.prompts else []
        settings = order.settings
        basis = (
            *(settings.task, settings.model, settings.seed, settings.adapt, order.axis),
            self._workspace.volume_id,
            self._scene.fingerprint(self._workspace.volume_id),
            tuple(each.name for each in order.prompts.classes) if order.prompts else (),
        )
        sums = tuple(sorted((index, _checksum([prompt])) for index, prompt in local.items()))
        return Trace(basis, sums, _checksum(others))

    def _prompts(self, axis: int) -> PromptSet:
        """The examples; those across other axes too, unless the user chose an axis that few lie across."""
        prompts = self._workspace.book.prompt_set()
        if not prompts.prompts or prompts.axis != axis:
            prompts = self._workspace.book.prompt_set(axis)
        if not any(prompt.labels.any() for prompt in prompts.prompts):
            if not prompts.prompts:
                raise InputError(_("No example lies across the chosen axis; set the slices in Options."))
            raise InputError(_("The examples show no segment; label at least one slice."))
        return prompts

    def _wanted(self, axis: int) -> tuple[WantedSlices, ...]:
        """The examples by pair of volumes, those of the input first."""
        chosen = [each for each in self._workspace.book.of(self._workspace.task) if each.enabled]
        groups: dict[tuple[str, str], list[Example]] = {}
        for each in chosen:
            if each.axis == axis and not self._workspace.book.cut(each).problem:
                groups.setdefault((each.volume_id, each.partner_id), []).append(each)
        own = self._workspace.volume_id
        ordered = sorted(groups, key=lambda pair: pair[0] != own)
        return tuple(
            WantedSlices(
                wanted=self._scene.volume(wanted_id),
                image=None if volume_id == own else self._scene.volume(volume_id),
                axis=axis,
                slices=tuple(sorted(each.index for each in groups[volume_id, wanted_id])),
            )
            for volume_id, wanted_id in ordered
        )

    def _mask(self, volume: Volume) -> LabelMap:
        mask = self._scene.label_map(self._workspace.nodes[MASK], self._workspace.volume_id)
        if not mask.array.any():
            raise InputError(_("The segmentation marks nothing to fill in; paint over what is to be filled."))
        if mask.array.all():
            raise InputError(_("The segmentation marks the whole volume; leave something to learn from."))
        return mask


def _is_slice_of(prompt: Prompt, volume: Volume) -> bool:
    if prompt.geometry.shape != volume.geometry.shape or not prompt.geometry.is_close(volume.geometry):
        return False
    own = volume.array.take(prompt.index, axis=prompt.axis)
    return bool(np.array_equal(own.astype(np.float32), prompt.image[1]))


def _adaptation(settings: Settings, prompts: PromptSet) -> str:
    return f"{settings.model}|{settings.seed}|{settings.adapt_seconds}|{_checksum(prompts.prompts)}"


def _checksum(prompts: Sequence[Prompt]) -> int:
    digest = hashlib.blake2b(digest_size=8)
    for prompt in sorted(prompts, key=lambda each: each.key):
        digest.update(prompt.key.encode())
        digest.update(np.ascontiguousarray(prompt.labels).tobytes())
    return int.from_bytes(digest.digest(), "big")
