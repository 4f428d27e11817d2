"""Generates slices of a volume from its labelled ones, batch by batch, nearest slices first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from MVGCore.models.fallback import OnDevice
from MVGCore.prompts import Prompt
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.existing.guidance import Guidance
from MVGCore.segmentation.fuse.assemble import Assembler, SliceResult
from MVGCore.segmentation.fuse.calibration import SHIPPED_CALIBRATION, Calibration
from MVGCore.segmentation.fuse.decision import ClassOdds, fit_class_odds
from MVGCore.segmentation.fuse.ends import SHIPPED_END_MODEL, EndModel
from MVGCore.segmentation.fuse.extents import Doubt, Extents, GroupPredictions, Known
from MVGCore.segmentation.grouppredictor import GroupPredictor
from MVGCore.segmentation.plan.claims import Claims
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import ClassGroup, Plan, make_plan, plan_from_others
from MVGCore.segmentation.plan.selection import BLOCK, blocks_of, in_batches, transfer_note
from MVGCore.segmentation.predict.context import GroupContext
from MVGCore.segmentation.predict.parallel import batch_size
from MVGCore.segmentation.predict.prepare import Preparation
from MVGCore.segmentation.quality import STANDARD, Quality
from MVGCore.segmentation.secondlook import SecondLook
from MVGCore.segmentation.stages import ACROSS, APPEARANCE, EXAMPLE, Stages
from MVGCore.segmentation.timing import Stopwatch
from MVGCore.volume import Volume

Progress = Callable[[float, str], None]


@dataclass
class Propagator(OnDevice):
    """Propagates the prompts of one axis through one volume; what it prepared once it keeps.

    Attributes:
        image: the volume.
        local: labelled slices of this volume, by index; may be empty.
        foreign: labelled slices of other volumes.
        seed: of the random colours.
        batch: slices that are generated at a time.
        cache: what earlier propagators made for the same volume, model and seed.
        transferred: what was transferred to this volume from each volume of these (see `transfer_labels`).
        crossing: slices of this volume that are labelled across other axes.
        watch: took the time of each stage since the last run began.
        quality: how much work it takes.
        claims: what the user says of slices that are not labelled; None: nothing.
        calibration: what the confidence is worth.
        end_model: how probable it is that classes go on beyond the labelled slices.
        guidance: what is known of the volume beside the examples.
    """

    image: Volume
    local: Sequence[Prompt]
    foreign: Sequence[Prompt]
    seed: int = 0
    batch: int = BLOCK
    cache: ContentCache = field(default_factory=ContentCache)
    transferred: Sequence[Sequence[Prompt]] = ()
    crossing: Crossing | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)
    quality: Quality = STANDARD
    calibration: Calibration = SHIPPED_CALIBRATION
    end_model: EndModel = SHIPPED_END_MODEL
    claims: Claims | None = None
    guidance: Guidance = field(default_factory=Guidance)

    def __post_init__(self) -> None:
        # Sets of examples that have their place in this volume, by index. Each is propagated by itself.
        self._example_sets = [
            sorted([*self.local, *part], key=lambda prompt: prompt.index) for part in self.transferred or [()]
        ]
        together = {id(prompt): prompt for example_set in self._example_sets for prompt in example_set}
        self._placed = sorted(together.values(), key=lambda prompt: prompt.index)
        self.plan = self._make_plan()
        planes = np.moveaxis(self.image.array, self.plan.axis, 0)
        height, width = planes.shape[1:]
        claims = self.claims or Claims(self.plan.axis, self.image.geometry.shape)
        said = {each: odds for each in self.ids if (odds := self.guidance.presence(each)) is not None}
        known = Known(self._placed, self.plan.spacing, claims, self.crossing, self.end_model, said)
        self._extents = Extents.of(self.plan.groups, known)
        self._assembler = Assembler(
            self.plan.groups,
            (height, width),
            self._placed,
            bool(self.transferred),
            self.crossing,
            self.calibration,
            claims,
            self.guidance,
        )
        given = {prompt.index for prompt in self.local}
        unknown = [index for index in range(len(planes)) if index not in given]
        self._blocks = blocks_of([prompt.index for prompt in self._placed], unknown)
        self.predictor = GroupPredictor(
            self,
            self.plan.groups,
            planes,
            {index: block for block in self._blocks for index in block},
            self._contexts_of,
            self._assembler.known,
            self.batch,
            self.cache,
            self.watch,
        )
        labelled = dict.fromkeys(self.settled, np.zeros((height, width), np.uint16))
        labelled |= {prompt.index: prompt.labels for prompt in self.local}
        self._second_look = SecondLook(
            self,
            self.plan,
            planes,
            labelled,
            self.predictor.contexts,
            self.crossing,
            self.quality,
            self.guidance,
            self.cache,
            self.watch,
        )

    def contexts(self, cancelled: Callable[[], bool]) -> list[GroupContext]:
        """What each group is generated from in each set of examples, prepared by now.

        Raises:
            Cancelled: as soon as `cancelled()` is true between two groups.
        """
        self.predictor.prepare(cancelled)
        return [context for example_sets in self.predictor.contexts for context in example_sets]

    def _contexts_of(self, group: ClassGroup) -> list[GroupContext]:
        foreign = () if self.transferred else self.foreign
        return [
            Preparation(
                self.model,
                self.device,
                self.predictor.planes,
                self.plan,
                example_set,
                foreign,
                self.seed,
                self.cache,
                self.watch,
                self.crossing,
            ).context(group)
            for example_set in self._example_sets
        ]

    def leave_gpu(self) -> None:
        super().leave_gpu()
        self.cache.clear()

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
        across = len(self._second_look.groups()) if again and all_axes else 0
        stages = self._stages(len(indices), across, progress)
        stages.reached("learn", 0.0, "Preparing the examples")
        self.predictor.prepare(cancelled)
        if self.transferred:
            self.notes.append(
                transfer_note(sorted({prompt.index for part in self.transferred for prompt in part}))
            )
        known = [prompt.index for prompt in self._placed]
        size = batch_size(self.predictor.batch, self.device)
        batches = in_batches(indices, known, self._blocks, size)
        index = batches[0][0]
        if guess and self.local and not self.predictor.is_kept(index):
            heard = self.guidance.heard(index, self.plan.groups, self.predictor.guessed(index))
            yield self._decided(index, heard, self._extents)
        by_index, done = {}, 0
        stages.reached("learn", 0.3, "Learning what the structures look like")
        with closing(self.predictor.generated(batches, cancelled)) as generated:
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
        new, groups = len(self.plan.groups) - len(self.predictor.contexts), len(self.plan.groups)
        examples = sum(map(len, self._example_sets)) or len(self.foreign)
        works = {
            "learn": (EXAMPLE * examples + APPEARANCE) * new,
            "first look": float(slices * groups),
            "second look": ACROSS * len(self.predictor.planes) * across,
            "decide": 0.02 * slices * groups,
        }
        return Stages(progress, works)

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
            self._second_look.correct(weighed, extents, progress, cancelled)
        with self.watch.of("decide"):
            class_odds = fit_class_odds(weighed.values())
        for index, answer in weighed.items():
            yield self._finished(index, answer, extents.doubts(index, by_index[index]), class_odds)

    def _seen_whole(self, indices: Sequence[int]) -> bool:
        """Whether every slice is labelled or wanted; some have to be labelled to prove a second look."""
        known = {prompt.index for prompt in self.local}
        return bool(known) and known.union(indices, self.settled) == set(range(len(self.predictor.planes)))

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
        self.predictor.prepare(cancelled)
        heard = self.guidance.heard(prompt.index, self.plan.groups, self.predictor.completed(prompt))
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
        if any(prompt.labels.any() for prompt in self._placed):
            # What tells, beside the labelled slices, where in a slice classes are.
            tellers = [each for each in (self.crossing, self.guidance.voice) if each is not None]
            shows = [each.shows for each in tellers]
            return make_plan(self._placed, self.image.geometry.array_spacing, sides, shows)
        return plan_from_others(self.foreign, self.image, sides)
