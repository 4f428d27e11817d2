"""Generates slices of a volume from its labelled ones, batch by batch, nearest slices first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from MVGCore.errors import Cancelled
from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device, select_device
from MVGCore.outcomes import Estimate
from MVGCore.prompts import Prompt
from MVGCore.propagation.calibration import SHIPPED, Calibration
from MVGCore.propagation.context import GroupContext, canvases, draw_given, generate
from MVGCore.propagation.ends import EndTracker
from MVGCore.propagation.estimate import slice_estimate
from MVGCore.propagation.memo import Memo
from MVGCore.propagation.merge import Areas, MergedSlice, merge_groups
from MVGCore.propagation.mixture import COMPLETING, USUAL, blend
from MVGCore.propagation.plan import Plan, make_plan, plan_from_others
from MVGCore.propagation.prepare import Preparation
from MVGCore.propagation.wanted import carry_note
from MVGCore.volume import Volume

Progress = Callable[[float, str], None]
BATCH = 8
FIRST_BATCH = 2


@dataclass(frozen=True)
class SliceResult:
    """One generated slice.

    Attributes:
        index: along the axis of the prompts.
        labels: (H, W) class ids.
        confidence: (H, W) probability that the label is right.
        dice: mean Dice over its classes to expect; None where there is nothing to judge.
        areas: class id -> what is expected of it.
    """

    index: int
    labels: NDArray[np.uint16]
    confidence: NDArray[np.float32]
    dice: Estimate | None = None
    areas: Mapping[int, Areas] = field(default_factory=dict)


@dataclass
class Propagator:
    """Propagates the prompts of one axis through one volume; what it prepared once it keeps.

    Attributes:
        model, device: what generates and where; a GPU that runs out of memory is given up for the CPU.
        image: the volume.
        local: labelled slices of this volume, by index; may be empty.
        foreign: labelled slices of other volumes.
        carried: of these, what was carried over to this volume, by index (see `carry`).
        seed: of the random colours.
        batch: slices that are generated together.
        calibration: what the confidence is worth.
        memo: what earlier propagators made for the same volume, model and seed.
        seconds: time spent per stage since the last run began.
        notes: what the user should know of the last run.
    """

    model: InContextModel
    device: Device
    image: Volume
    local: Sequence[Prompt]
    foreign: Sequence[Prompt]
    seed: int = 0
    batch: int = BATCH
    memo: Memo = field(default_factory=Memo)
    calibration: Calibration = SHIPPED
    carried: Sequence[Prompt] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _contexts: list[GroupContext] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        # The examples that have their place in this volume, by index.
        self.placed = sorted([*self.local, *self.carried], key=lambda prompt: prompt.index)
        self.plan = self._make_plan()
        self._planes = np.moveaxis(self.image.array, self.plan.axis, 0)

    def slices(
        self, wanted: Sequence[int], progress: Progress, cancelled: Callable[[], bool]
    ) -> Iterator[SliceResult]:
        """Generate slices, those nearest to a labelled slice first.

        Raises:
            Cancelled: as soon as `cancelled()` is true between two batches.
        """
        self.seconds.clear()
        self.notes.clear()
        if not wanted:
            progress(1.0, "All slices are labelled")
            return
        progress(0.0, "Preparing the examples")
        self.contexts(cancelled)
        if self.carried:
            self.notes.append(carry_note(self.carried))
        known, done = [prompt.index for prompt in self.placed], 0
        ends = EndTracker(self.placed) if self.placed else None
        for batch in self._batches(wanted, known):
            if cancelled():
                raise Cancelled("Cancelled.")
            for index, merged in zip(batch, self._generate(batch), strict=True):
                side = self._side(index)
                kept = ends.ended(side, merged) if ends and side else merged
                done += 1
                expected = slice_estimate(kept.areas)
                yield SliceResult(index, kept.labels, kept.confidence, expected, kept.areas)
            progress(done / len(wanted), f"{done} of {len(wanted)} slices")

    def complete(self, prompt: Prompt, cancelled: Callable[[], bool]) -> SliceResult:
        """A slice that is drawn in part, with the rest generated; what is drawn stays as it is.

        Raises:
            Cancelled: `cancelled()` was true while the groups were prepared.
        """
        assert prompt.known is not None
        self.contexts(cancelled)
        while True:
            try:
                (merged,) = self._generate_now([prompt.index], prompt)
                break
            except torch.cuda.OutOfMemoryError:
                if self.device.name == "cpu":
                    raise
            self._leave_gpu()
        labels = np.where(prompt.known, prompt.labels, merged.labels)
        confidence = np.where(prompt.known, np.float32(1), merged.confidence)
        return SliceResult(prompt.index, labels, confidence, slice_estimate(merged.areas), merged.areas)

    def _side(self, index: int) -> int:
        """-1 before the first labelled slice, 1 after the last, else 0; 0 with none."""
        if not self.placed:
            return 0
        return (index > self.placed[-1].index) - (index < self.placed[0].index)

    @property
    def ids(self) -> tuple[int, ...]:
        """All label values that are generated."""
        return tuple(value for group in self.plan.groups for value in group.ids)

    def _batches(self, wanted: Sequence[int], known: Sequence[int]) -> list[list[int]]:
        """Slices that share their nearest prompts, in batches.

        Nearest batches come first, outwards beyond the ends. The very first is small: something is to be seen
        soon.
        """
        gaps: dict[int, list[int]] = {}
        for index in wanted:
            gaps.setdefault(int(np.searchsorted(known, index)), []).append(index)

        def distance(index: int) -> int:
            return min((abs(index - place) for place in known), default=0)

        batches = []
        for gap in gaps.values():
            ordered = sorted(gap, key=distance)
            batches += [ordered[n : n + self.batch] for n in range(0, len(ordered), self.batch)]
        first, *rest = sorted(batches, key=lambda batch: distance(batch[0]))
        return [part for part in (first[:FIRST_BATCH], first[FIRST_BATCH:]) if part] + rest

    def _make_plan(self) -> Plan:
        sides = self.model.canvas_sides
        if any(prompt.labels.any() for prompt in self.placed):
            return make_plan(self.placed, self.image.geometry.array_spacing, sides)
        return plan_from_others(self.foreign, self.image, sides)

    def contexts(self, cancelled: Callable[[], bool]) -> list[GroupContext]:
        """What each group is generated from, prepared by now; on the CPU if the GPU is full.

        Raises:
            Cancelled: as soon as `cancelled()` is true between two groups.
        """
        while len(self._contexts) < len(self.plan.groups):
            if cancelled():
                raise Cancelled("Cancelled.")
            group = self.plan.groups[len(self._contexts)]
            try:
                self._contexts.append(self._preparation().context(group))
                continue
            except torch.cuda.OutOfMemoryError:
                if self.device.name == "cpu":
                    raise
            self._leave_gpu()
        return self._contexts

    def _preparation(self) -> Preparation:
        return Preparation(
            self.model,
            self.device,
            self._planes,
            self.plan,
            self.placed,
            self.foreign,
            self.seed,
            self.memo,
            self.seconds,
        )

    def _generate(self, slices: Sequence[int]) -> list[MergedSlice]:
        """Merged slices of a batch; on a full GPU in halves, then on the CPU."""
        merged: list[MergedSlice] = []
        while len(merged) < len(slices):
            batch = list(slices[len(merged) : len(merged) + self.batch])
            try:
                merged += self._generate_now(batch)
                continue
            except torch.cuda.OutOfMemoryError:
                if self.device.name == "cpu":
                    raise
            # Only here, when the exception and with it the tensors of the failed attempt are gone.
            if len(batch) > 1:
                self.batch = len(batch) // 2
            else:
                self._leave_gpu()
        return merged

    def _generate_now(self, batch: list[int], drawn: Prompt | None = None) -> list[MergedSlice]:
        around = np.clip(np.array(batch)[:, None] + [-1, 0, 1], 0, len(self._planes) - 1)
        slab = self._planes[around]
        answers = [self._group_probabilities(context, slab, batch, drawn) for context in self._contexts]
        start = time.perf_counter()
        shape = (int(slab.shape[-2]), int(slab.shape[-1]))
        groups = [context.group for context in self._contexts]
        merged = [
            merge_groups(
                groups,
                [answer[n] for answer in answers],
                shape,
                self.calibration.of(not self.placed or self._side(index) != 0, carried=bool(self.carried)),
            )
            for n, index in enumerate(batch)
        ]
        self._spent("read back", start)
        return merged

    def _group_probabilities(
        self, context: GroupContext, slab: NDArray[np.generic], batch: list[int], drawn: Prompt | None
    ) -> NDArray[np.float32]:
        """(T, C - 1, S, S) foreground probabilities; of one slice if it is drawn in part."""
        start = time.perf_counter()
        hint = context.hint(batch)
        start = self._spent("draft", start)
        images = canvases(context.group, slab)
        chosen = context.prompts_for(batch[len(batch) // 2])
        given = None if drawn is None else draw_given(context.group, drawn)
        logs = generate(self.model, self.device, context, images, batch, chosen, hint, given)
        start = self._spent("generate", start)
        if hint is not None:
            if drawn is None:
                looks = context.looks(self.model, self.device, images)
                logs = blend(logs, hint, looks, USUAL, context.small)
            else:
                logs = blend(logs, hint, None, COMPLETING)
            self._spent("mix", start)
        return logs.exp()[:, 1:].numpy()

    def _leave_gpu(self) -> None:
        self.notes.append(f"{self.device.name} ran out of memory; the rest was computed on the CPU.")
        self.device = select_device("cpu")
        self.model.to("cpu")
        self.memo.clear()
        for context in self._contexts:
            context.memories = tuple(memory.to("cpu") for memory in context.memories)

    def _spent(self, stage: str, start: float) -> float:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - start
        return now
