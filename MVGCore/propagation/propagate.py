"""Generates all slices of a volume from its labelled ones, batch by batch, nearest slices first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from MVGCore.errors import Cancelled
from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device, autocast, select_device
from MVGCore.prompts import Prompt
from MVGCore.propagation.context import (
    GroupContext,
    canvases,
    draft_group,
    draw_prompts,
    encode_prompts,
    palettes,
)
from MVGCore.propagation.merge import EndTracker, MergedSlice, merge_groups
from MVGCore.propagation.plan import ClassGroup, Plan, make_plan
from MVGCore.volume import Volume

Progress = Callable[[float, str], None]
PROMPTS_PER_SLICE = 5  # the nearest ones; more was never trained and never helped
BATCH = 8
COLOURINGS = 2


@dataclass(frozen=True)
class SliceResult:
    """One generated slice: class ids (H, W) and confidence (H, W) in 0..1."""

    index: int
    labels: NDArray[np.uint16]
    confidence: NDArray[np.float32]


@dataclass
class Propagator:
    """Propagates the prompts of one axis through one volume.

    Attributes:
        model, device: what generates and where; a GPU that runs out of memory is given up for the CPU.
        image: the volume.
        local: labelled slices of this volume; may be empty.
        foreign: labelled slices of other volumes.
        rng: source of the random colours.
        seconds: time spent per stage, filled while running.
        notes: what the user should know, filled while running.
    """

    model: InContextModel
    device: Device
    image: Volume
    local: Sequence[Prompt]
    foreign: Sequence[Prompt]
    rng: np.random.Generator
    batch: int = BATCH
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        prompts = self.local or self.foreign
        self.plan: Plan = make_plan(prompts, prompts[0].geometry.array_spacing, self.model.canvas_sides)
        self._planes = np.moveaxis(self.image.array, self.plan.axis, 0)

    def slices(
        self, wanted: Sequence[int], progress: Progress, cancelled: Callable[[], bool]
    ) -> Iterator[SliceResult]:
        """Generate slices, those nearest to a labelled slice first.

        Raises:
            Cancelled: as soon as `cancelled()` is true between two batches.
        """
        progress(0.0, "Preparing the examples")
        contexts = [self._context(group, wanted, cancelled) for group in self.plan.groups]
        ends, done = EndTracker(), 0
        known = [prompt.index for prompt in self.local]
        for batch in self._batches(wanted, known):
            if cancelled():
                raise Cancelled("Cancelled.")
            for index, merged in zip(batch, self._generate(contexts, batch), strict=True):
                labels = merged.labels
                side = (index > max(known)) - (index < min(known)) if known else 0
                if side:
                    labels = ends.ended(side, self.ids, labels)
                done += 1
                yield SliceResult(index, labels, merged.confidence)
            progress(done / len(wanted), f"{done} of {len(wanted)} slices")

    @property
    def ids(self) -> tuple[int, ...]:
        """All label values that are generated."""
        return tuple(value for group in self.plan.groups for value in group.ids)

    def _batches(self, wanted: Sequence[int], known: Sequence[int]) -> list[list[int]]:
        """Slices that share their nearest prompts, in batches; nearest batches first, outwards beyond the ends."""
        gaps: dict[int, list[int]] = {}
        for index in wanted:
            gaps.setdefault(int(np.searchsorted(sorted(known), index)), []).append(index)

        def distance(index: int) -> int:
            return min((abs(index - place) for place in known), default=0)

        batches = []
        for gap in gaps.values():
            ordered = sorted(gap, key=distance)
            batches += [ordered[n : n + self.batch] for n in range(0, len(ordered), self.batch)]
        return sorted(batches, key=lambda batch: distance(batch[0]))

    def _context(
        self, group: ClassGroup, wanted: Sequence[int], cancelled: Callable[[], bool]
    ) -> GroupContext:
        if cancelled():
            raise Cancelled("Cancelled.")
        start = time.perf_counter()
        parts = [draw_prompts(group, self.local)] if self.local else []
        parts += [draw_prompts(self._fitted(group, prompt), [prompt]) for prompt in self.foreign]
        images, positions = (torch.cat(each) for each in zip(*parts, strict=True))
        tasks = palettes(group, COLOURINGS, self.rng)
        memories = tuple(encode_prompts(self.model, self.device, images, positions, task) for task in tasks)
        start = self._spent("encode examples", start)
        step = self.plan.spacing[0] / group.canvas.pixel_mm(self.plan.spacing[1:])
        known = [prompt.index for prompt in self.local]
        places = np.array([*known, *[np.nan] * len(self.foreign)], dtype=np.float64)
        draft, first = None, 0
        if self.local:
            span = (
                range(min(*known, *wanted), max(*known, *wanted) + 1)
                if wanted
                else range(min(known), max(known) + 1)
            )
            first = span.start
            draft = draft_group(self._planes, group, self.local, positions[: len(known)], span, step)
        self._spent("draft", start)
        return GroupContext(group, tasks, memories, places, draft, first, step)

    def _fitted(self, group: ClassGroup, prompt: Prompt) -> ClassGroup:
        """The group on the canvas and window that suit a prompt from another volume."""
        own = make_plan([prompt], prompt.geometry.array_spacing, (group.canvas.side,)).groups[0]
        return ClassGroup(group.ids, own.canvas, own.window)

    def _generate(self, contexts: Sequence[GroupContext], batch: list[int]) -> list[MergedSlice]:
        """Merged slices of a batch; on a full GPU in halves, then on the CPU."""
        try:
            return self._generate_now(contexts, batch)
        except torch.OutOfMemoryError:
            if len(batch) > 1:
                half = len(batch) // 2
                self.batch = half
                return self._generate(contexts, batch[:half]) + self._generate(contexts, batch[half:])
            if self.device.torch_device.type == "cpu":
                raise
        self._leave_gpu(contexts)
        return self._generate(contexts, batch)

    def _generate_now(self, contexts: Sequence[GroupContext], batch: list[int]) -> list[MergedSlice]:
        start = time.perf_counter()
        around = np.clip(np.array(batch)[:, None] + [-1, 0, 1], 0, len(self._planes) - 1)
        slab = self._planes[around]
        answers = [self._group_probabilities(context, slab, batch) for context in contexts]
        start = self._spent("generate", start)
        shape = (int(slab.shape[-2]), int(slab.shape[-1]))
        groups = [context.group for context in contexts]
        merged = [merge_groups(groups, [answer[n] for answer in answers], shape) for n in range(len(batch))]
        self._spent("read back", start)
        return merged

    def _group_probabilities(
        self, context: GroupContext, slab: NDArray[np.generic], batch: list[int]
    ) -> NDArray[np.float32]:
        """(T, C - 1, S, S) foreground probabilities, averaged over the colourings."""
        images = canvases(context.group, slab)
        chosen = context.prompts_for(batch[len(batch) // 2], PROMPTS_PER_SLICE)
        distance = context.distances(batch, chosen).to(self.device.torch_device)
        total: torch.Tensor | None = None
        for task, memory in zip(context.tasks, context.memories, strict=True):
            target = context.target(images, batch, task).to(self.device.torch_device)
            with torch.inference_mode(), autocast(self.device):
                colours = self.model.generate(memory.select(chosen).with_distance(distance), target)
            # Logits add up: a colour that two classes share in one colouring tells them apart in another.
            logits = F.log_softmax(task.logits(colours.float()), dim=1)
            total = logits if total is None else total + logits
        assert total is not None
        return (total / len(context.tasks)).softmax(1)[:, 1:].cpu().numpy()

    def _leave_gpu(self, contexts: Sequence[GroupContext]) -> None:
        self.notes.append(f"{self.device.name} ran out of memory; the rest was computed on the CPU.")
        self.device = select_device("cpu")
        self.model.to("cpu")
        for context in contexts:
            context.memories = tuple(memory.to("cpu") for memory in context.memories)

    def _spent(self, stage: str, start: float) -> float:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - start
        return now
