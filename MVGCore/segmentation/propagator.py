"""Generates slices of a volume from its labelled ones, batch by batch, nearest slices first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from MVGCore.errors import stop_if
from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device, placed, select_device
from MVGCore.models.tiled import is_tiled
from MVGCore.prompts import Prompt
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.existing.guidance import Guidance
from MVGCore.segmentation.fuse.assemble import Assembler, SliceResult
from MVGCore.segmentation.fuse.calibration import SHIPPED_CALIBRATION, Calibration
from MVGCore.segmentation.fuse.decision import ClassOdds, fit_class_odds
from MVGCore.segmentation.fuse.ends import SHIPPED_END_MODEL, EndModel
from MVGCore.segmentation.fuse.extents import Doubt, Extents, GroupPredictions, Known
from MVGCore.segmentation.plan.claims import Claims
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import ClassGroup, Plan, make_plan, plan_from_others
from MVGCore.segmentation.plan.selection import in_batches, transfer_note
from MVGCore.segmentation.predict.context import GroupContext
from MVGCore.segmentation.predict.parallel import batch_size, side_by_side, workers
from MVGCore.segmentation.predict.predictions import batch_key, predict_batch, prediction_key
from MVGCore.segmentation.predict.prepare import Preparation
from MVGCore.segmentation.quality import STANDARD, Quality
from MVGCore.segmentation.refine.multiplanar import refine_across
from MVGCore.segmentation.refine.stack import GroupVolume, probabilities
from MVGCore.segmentation.stages import ACROSS, APPEARANCE, EXAMPLE, Stages
from MVGCore.segmentation.timing import Stopwatch
from MVGCore.volume import Volume

Progress = Callable[[float, str], None]
SLICES_AT_ONCE = 8
T = TypeVar("T")


@dataclass
class Propagator:
    """Propagates the prompts of one axis through one volume; what it prepared once it keeps.

    Attributes:
        model, device: what generates and where; a GPU that runs out of memory is given up for the CPU.
        image: the volume.
        local: labelled slices of this volume, by index; may be empty.
        foreign: labelled slices of other volumes.
        carried: what was carried over to this volume of each volume of these (see `carry_over`).
        crossing: slices of this volume that are labelled across other axes.
        claims: what the user says of slices that are not labelled; None: nothing.
        seed: of the random colours.
        batch: slices that are generated at a time.
        calibration: what the confidence is worth.
        end_model: how probable it is that classes go on beyond the labelled slices.
        memo: what earlier propagators made for the same volume, model and seed.
        watch: took the time of each stage since the last run began.
        notes: what the user should know of the last run.
        quality: how much work it takes.
        guidance: what is known of the volume beside the examples.
    """

    model: InContextModel
    device: Device
    image: Volume
    local: Sequence[Prompt]
    foreign: Sequence[Prompt]
    seed: int = 0
    batch: int = SLICES_AT_ONCE
    cache: ContentCache = field(default_factory=ContentCache)
    calibration: Calibration = SHIPPED_CALIBRATION
    end_model: EndModel = SHIPPED_END_MODEL
    transferred: Sequence[Sequence[Prompt]] = ()
    crossing: Crossing | None = None
    claims: Claims | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)
    notes: list[str] = field(default_factory=list)
    quality: Quality = STANDARD
    guidance: Guidance = field(default_factory=Guidance)
    _contexts: list[list[GroupContext]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        # Sets of examples that have their place in this volume, by index. Each is propagated by itself.
        self.example_sets = [
            sorted([*self.local, *part], key=lambda prompt: prompt.index) for part in self.transferred or [()]
        ]
        together = {id(prompt): prompt for example_set in self.example_sets for prompt in example_set}
        self.placed = sorted(together.values(), key=lambda prompt: prompt.index)
        self.plan = self._make_plan()
        self._planes = np.moveaxis(self.image.array, self.plan.axis, 0)
        height, width = self._planes.shape[1:]
        claims = self.claims or Claims(self.plan.axis, self.image.geometry.shape)
        said = {each: odds for each in self.ids if (odds := self.guidance.presence(each)) is not None}
        known = Known(self.placed, self.plan.spacing, claims, self.crossing, self.end_model, said)
        self._extents = Extents.of(self.plan.groups, known)
        self._assembler = Assembler(
            self.plan.groups,
            (height, width),
            self.placed,
            bool(self.transferred),
            self.crossing,
            self.calibration,
            claims,
            self.guidance,
        )

    def slices(
        self,
        indices: Sequence[int],
        progress: Progress,
        cancelled: Callable[[], bool],
        all_axes: bool = False,
        guess: bool = False,
    ) -> Iterator[SliceResult]:
        """Generate slices, those nearest to a labelled slice first.

        Args:
            indices: of the slices.
            progress: called with the done fraction and a text.
            cancelled: asked between batches; true ends the run.
            all_axes: look at the volume along its other axes as well, if all of its slices are wanted. Their
                labels are then chosen by what was found in all of it, and come a second time.
            guess: show the first slice as soon as may be, as a guess; it comes again like the others.

        Raises:
            Cancelled: `cancelled()` was true.
        """
        self.watch.clear()
        self.notes.clear()
        if not indices:
            progress(1.0, "All slices are labelled")
            return
        again = self._seen_whole(indices)
        across = len(self._groups_across()) if again and all_axes else 0
        stages = self._stages(len(indices), across, progress)
        stages.reached("learn", 0.0, "Preparing the examples")
        self.contexts(cancelled)
        if self.transferred:
            self.notes.append(
                transfer_note(sorted({prompt.index for part in self.transferred for prompt in part}))
            )
        known = [prompt.index for prompt in self.placed]
        batches = in_batches(indices, known, batch_size(self.batch, self.device))
        if guess and self.local and not self._is_kept(batches[0]):
            yield self._guessed(batches[0][0])
        by_index, done = {}, 0
        stages.reached("learn", 0.3, "Learning what the structures look like")
        with closing(self.generated(batches, cancelled)) as generated:
            for batch, predicted in zip(batches, generated, strict=True):
                for index, told in zip(batch, predicted, strict=True):
                    answer = self.guidance.heard(index, self.plan.groups, told)
                    yield self._decided(index, answer, self._extents)
                    if again:
                        by_index[index] = answer
                done += len(batch)
                look = "First look, slice" if across else "Slice"
                text = f"{look} {batch[-1]} ({done} of {len(indices)})"
                stages.reached("first look", done / len(indices), text)
        if again:
            yield from self.revised(by_index, all_axes, partial(stages.reached, "second look"), cancelled)
        stages.reached("decide", 1.0, f"{len(indices)} of {len(indices)} slices")

    def _stages(self, slices: int, across: int, progress: Progress) -> Stages:
        """How the work of a run is spread over its stages, of which one looks at some groups across."""
        new, groups = len(self.plan.groups) - len(self._contexts), len(self.plan.groups)
        examples = sum(map(len, self.example_sets)) or len(self.foreign)
        works = {
            "learn": (EXAMPLE * examples + APPEARANCE) * new,
            "first look": float(slices * groups),
            "second look": ACROSS * len(self._planes) * across,
            "decide": 0.02 * slices * groups,
        }
        return Stages(progress, works)

    def _guessed(self, index: int) -> SliceResult:
        """A slice by what is at hand soonest: the nearest examples in one colouring, the draft of its gap."""
        quick = [[context.quick() for context in example_sets] for example_sets in self._contexts]
        (answer,) = self._with_memory(lambda: self._generate_now([index], contexts=quick))
        heard = self.guidance.heard(index, self.plan.groups, answer)
        return self._decided(index, heard, self._extents)

    def _is_kept(self, batch: Sequence[int]) -> bool:
        return all(batch_key(example_sets, batch) in self.cache for example_sets in self._contexts)

    def revised(
        self,
        by_index: dict[int, GroupPredictions],
        all_axes: bool,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> Iterator[SliceResult]:
        """The slices once more, by what was found in all of them, in the order of the first look.

        Args:
            by_index: index -> what the first look says.
            all_axes: look along the other axes first.
            progress: called with the fraction of this look that is done, and a text.
            cancelled: asked between batches; true ends it.
        """
        extents = Extents.of(self.plan.groups, self._extents.known, by_index)
        weighed = {index: extents.weighed(index, answer) for index, answer in by_index.items()}
        if all_axes:
            self._look_again(weighed, extents, progress, cancelled)
        with self.watch.of("decide"):
            class_odds = fit_class_odds(weighed.values())
        for index, answer in weighed.items():
            yield self._finished(index, answer, extents.doubts(index, by_index[index]), class_odds)

    def generated(
        self, batches: Sequence[Sequence[int]], cancelled: Callable[[], bool]
    ) -> Generator[list[GroupPredictions], None, None]:
        """What the groups say of the slices of each batch, several batches at a time, by a first look.

        What all batches need in the end, the appearances, is learned beside the first drafts. The groups have
        been prepared (see `contexts`).
        """
        learning = partial(self._with_memory, self._learn)
        jobs = [learning, *(partial(self._generate, batch) for batch in batches)]
        with closing(side_by_side(jobs, workers(self.device), cancelled)) as generated:
            yield from islice(generated, 1, None)

    def _learn(self) -> list[GroupPredictions]:
        """Learn the appearances of all groups; no answer yet."""
        for context in (context for example_sets in self._contexts for context in example_sets):
            if context.appearance is not None:
                context.appearance(self.model, self.device)
        return []

    def _seen_whole(self, indices: Sequence[int]) -> bool:
        """Whether every slice is labelled or wanted; some have to be labelled to prove a second look."""
        known = {prompt.index for prompt in self.local}
        return bool(known) and known.union(indices, self.settled) == set(range(len(self._planes)))

    def _look_again(
        self,
        by_index: dict[int, GroupPredictions],
        extents: Extents,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        """Look along the other axes at what was found, and correct it."""
        numbers = self._groups_across()
        for place, number in enumerate(numbers):
            tell = partial(_tell_across, progress, place, len(numbers))
            told = prediction_key(self._contexts[number]), self.guidance.key
            key = ("second look", told, extents.there[number].tobytes())
            revised = self.cache.get(key, partial(self._look_at, number, by_index, tell, cancelled))
            tell(1.0)
            if revised is None:
                continue
            for index, answer in by_index.items():
                planes = self.guidance.spared(self.plan.groups[number], answer[number], revised[index])
                corrected = (*answer[:number], planes, *answer[number + 1 :])
                by_index[index] = extents.possible(index, corrected)

    def _look_at(
        self,
        number: int,
        by_index: dict[int, GroupPredictions],
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> NDArray[np.float16] | None:
        """(K, C - 1, S, S) probabilities of a group's classes after both looks; None: nothing is changed."""
        empty = np.zeros(self._planes.shape[1:], np.uint16)
        labelled = dict.fromkeys(self.settled, empty)
        labelled |= {prompt.index: prompt.labels for prompt in self.local}
        own = {index: answer[number] for index, answer in by_index.items()}

        def look() -> NDArray[np.float16] | None:
            context = self._contexts[number][0]
            return refine_across(self.model, self.device, context, stack, progress, cancelled, self.quality)

        with self.watch.of("look again"):
            stack = GroupVolume.of(self.plan.groups[number], self._planes, own, labelled, self.crossing)
            odds = self._with_memory(look)
            return None if odds is None else np.stack([probabilities(plane) for plane in odds])

    def _groups_across(self) -> list[int]:
        """The groups that are looked at along the other axes.

        What the first look saw in tiles it saw on finer pixels than a look across would (two rendered heads:
        .8617 with it, .8620 without, three quarters of the time), and across thick slices nothing is seen.
        Nor is anything gained of classes that an existing segmentation shows (see `Guidance.spared`).
        """
        along, *within = self.plan.spacing
        if not self.quality.rounds or along > self.quality.thick * min(within):
            return []
        return [
            number
            for number, group in enumerate(self.plan.groups)
            if not is_tiled(self.model, group.canvas.side) and not self.guidance.speaks_of_all(group)
        ]

    def _decided(self, index: int, answer: GroupPredictions, extents: Extents) -> SliceResult:
        """A slice by its answer alone, and by how probable it is that its classes are there."""
        return self._finished(index, extents.weighed(index, answer), extents.doubts(index, answer))

    def _finished(
        self, index: int, answer: GroupPredictions, doubts: Mapping[int, Doubt], class_odds: ClassOdds = None
    ) -> SliceResult:
        with self.watch.of("read back"):
            return self._assembler.finished(index, answer, doubts, class_odds)

    def complete(self, prompt: Prompt, cancelled: Callable[[], bool]) -> SliceResult:
        """A slice that is drawn in part, with the rest generated; what is drawn stays as it is.

        Raises:
            Cancelled: `cancelled()` was true while the groups were prepared.
        """
        assert prompt.known is not None
        self.contexts(cancelled)
        (answer,) = self._with_memory(lambda: self._generate_now([prompt.index], prompt))
        heard = self.guidance.heard(prompt.index, self.plan.groups, answer)
        return self._assembler.completed(prompt, heard)

    @property
    def ids(self) -> tuple[int, ...]:
        """All label values that are generated."""
        return tuple(value for group in self.plan.groups for value in group.ids)

    @property
    def settled(self) -> tuple[int, ...]:
        """Slices that are not labelled, of which the user says that none of the classes is there."""
        return self._extents.settled

    def _make_plan(self) -> Plan:
        sides = self.model.canvas_sides
        if any(prompt.labels.any() for prompt in self.placed):
            return make_plan(self.placed, self.image.geometry.array_spacing, sides, self.crossing)
        return plan_from_others(self.foreign, self.image, sides)

    def contexts(self, cancelled: Callable[[], bool]) -> list[GroupContext]:
        """What each group is generated from in each telling, prepared by now; on the CPU if the GPU is full.

        Raises:
            Cancelled: as soon as `cancelled()` is true between two groups.
        """
        while len(self._contexts) < len(self.plan.groups):
            stop_if(cancelled)
            group = self.plan.groups[len(self._contexts)]
            self._contexts.append(self._with_memory(partial(self._contexts_of, group)))
        return [context for example_sets in self._contexts for context in example_sets]

    def _contexts_of(self, group: ClassGroup) -> list[GroupContext]:
        return [self._preparation(each).context(group) for each in self.example_sets]

    def _with_memory(self, work: Callable[[], T]) -> T:
        """What some work gives; a GPU that is full is left, and the work is done again."""
        while True:
            try:
                return work()
            except torch.cuda.OutOfMemoryError:
                if self.device.name == "cpu":
                    raise
            # Only here, when the exception and with it the tensors of the failed attempt are gone.
            self._leave_gpu()

    def _preparation(self, example_set: Sequence[Prompt]) -> Preparation:
        return Preparation(
            self.model,
            self.device,
            self._planes,
            self.plan,
            example_set,
            () if self.transferred else self.foreign,
            self.seed,
            self.cache,
            self.watch,
            self.crossing,
            self.quality,
        )

    def _generate(self, slices: Sequence[int]) -> list[GroupPredictions]:
        """What the groups say of the slices of a batch; on a full GPU in halves, then on the CPU."""
        generated: list[GroupPredictions] = []
        while len(generated) < len(slices):
            batch = list(slices[len(generated) : len(generated) + self.batch])
            try:
                generated += self._generate_now(batch)
                continue
            except torch.cuda.OutOfMemoryError:
                if self.device.name == "cpu":
                    raise
            # Only here, when the exception and with it the tensors of the failed attempt are gone.
            if len(batch) > 1:
                self.batch = len(batch) // 2
            else:
                self._leave_gpu()
        return generated

    def _generate_now(
        self,
        batch: list[int],
        drawn: Prompt | None = None,
        contexts: Sequence[Sequence[GroupContext]] | None = None,
    ) -> list[GroupPredictions]:
        return predict_batch(
            self.model,
            self.device,
            self._contexts if contexts is None else contexts,
            self._planes,
            batch,
            partial(self._assembler.known, drawn=drawn),
            self.watch,
            self.cache,
            drawn is not None,
        )

    def _leave_gpu(self) -> None:
        self.notes.append(f"{self.device.name} ran out of memory; the rest was computed on the CPU.")
        self.device = select_device("cpu")
        placed(self.model, self.device)
        self.cache.clear()


def _tell_across(progress: Progress, place: int, groups: int, part: float) -> None:
    """So much of the look at one group of several along the other axes is done."""
    which = f", group {place + 1} of {groups}" if groups > 1 else ""
    progress((place + part) / groups, f"Second look, along the other axes{which}")
