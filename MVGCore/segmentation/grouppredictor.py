"""What the groups of classes say of slices: by their examples, batch by batch, several at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np

from MVGCore.errors import stop_if
from MVGCore.models.fallback import OnDevice
from MVGCore.prompts import Prompt
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.fuse.assemble import Known as KnownLabels
from MVGCore.segmentation.fuse.extents import GroupPredictions
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.plan.plan import ClassGroup, Plan, Shows, make_plan, plan_from_others
from MVGCore.segmentation.predict.context import GroupContext
from MVGCore.segmentation.predict.parallel import side_by_side, workers
from MVGCore.segmentation.predict.predictions import batch_key, predict_batch
from MVGCore.segmentation.predict.prepare import Preparation
from MVGCore.segmentation.quality import STANDARD, Quality
from MVGCore.segmentation.timing import Stopwatch
from MVGCore.volume import Volume

SLICES_AT_ONCE = 8


@dataclass
class GroupPredictor(OnDevice, ABC):
    """Asks the network, the drafts and the appearances of every group of classes.

    Attributes:
        image: the volume.
        local: labelled slices of this volume, by index; may be empty.
        foreign: labelled slices of other volumes.
        seed: of the random colours.
        batch: slices that are generated at a time.
        cache: what earlier predictors made for the same volume, model and seed.
        transferred: what was transferred to this volume from each volume of these (see `transfer_labels`).
        crossing: slices of this volume that are labelled across other axes.
        watch: took the time of each stage since the last run began.
        quality: how much work it takes.
    """

    image: Volume
    local: Sequence[Prompt]
    foreign: Sequence[Prompt]
    seed: int = 0
    batch: int = SLICES_AT_ONCE
    cache: ContentCache = field(default_factory=ContentCache)
    transferred: Sequence[Sequence[Prompt]] = ()
    crossing: Crossing | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)
    quality: Quality = STANDARD
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

    def contexts(self, cancelled: Callable[[], bool]) -> list[GroupContext]:
        """What each group is generated from in each telling, prepared by now; on the CPU if the GPU is full.

        Raises:
            Cancelled: as soon as `cancelled()` is true between two groups.
        """
        while len(self._contexts) < len(self.plan.groups):
            stop_if(cancelled)
            group = self.plan.groups[len(self._contexts)]
            self._contexts.append(self.with_memory(partial(self._contexts_of, group)))
        return [context for example_sets in self._contexts for context in example_sets]

    def _contexts_of(self, group: ClassGroup) -> list[GroupContext]:
        return [self._preparation(each).context(group) for each in self.example_sets]

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
            left = slices[len(generated) :]
            generated += self.with_memory(
                lambda left=left: self._generate_now(left[: self.batch]),  # type: ignore[misc]
                partial(self._halve, len(left)),
            )
        return generated

    def _halve(self, left: int) -> bool:
        """Take half of the slices that are left, of as many as are taken at a time; false: one was taken."""
        taken = min(self.batch, left)
        self.batch = taken // 2 if taken > 1 else self.batch
        return taken > 1

    def _generate_now(
        self,
        batch: Sequence[int],
        drawn: Prompt | None = None,
        contexts: Sequence[Sequence[GroupContext]] | None = None,
    ) -> list[GroupPredictions]:
        return predict_batch(
            self.model,
            self.device,
            self._contexts if contexts is None else contexts,
            self._planes,
            list(batch),
            partial(self._known, drawn=drawn),
            self.watch,
            self.cache,
            drawn is not None,
        )

    def leave_gpu(self) -> None:
        super().leave_gpu()
        self.cache.clear()

    def generated(
        self, batches: Sequence[Sequence[int]], cancelled: Callable[[], bool]
    ) -> Generator[list[GroupPredictions], None, None]:
        """What the groups say of the slices of each batch, several batches at a time, by a first look.

        What all batches need in the end, the appearances, is learned beside the first drafts. The groups have
        been prepared (see `contexts`).
        """
        learning = partial(self.with_memory, self._learn)
        jobs = [learning, *(partial(self._generate, batch) for batch in batches)]
        with closing(side_by_side(jobs, workers(self.device), cancelled)) as generated:
            yield from islice(generated, 1, None)

    def _learn(self) -> list[GroupPredictions]:
        """Learn the appearances of all groups; no answer yet."""
        for context in (context for example_sets in self._contexts for context in example_sets):
            if context.appearance is not None:
                context.appearance(self.model, self.device)
        return []

    def _is_kept(self, batch: Sequence[int]) -> bool:
        return all(batch_key(example_sets, batch) in self.cache for example_sets in self._contexts)

    def _make_plan(self) -> Plan:
        sides = self.model.canvas_sides
        if any(prompt.labels.any() for prompt in self.placed):
            return make_plan(self.placed, self.image.geometry.array_spacing, sides, self._shows())
        return plan_from_others(self.foreign, self.image, sides)

    def _shows(self) -> list[Shows]:
        """What tells, beside the labelled slices, where in a slice classes are."""
        return [] if self.crossing is None else [self.crossing.shows]

    @abstractmethod
    def _known(self, index: int, drawn: Prompt | None = None) -> KnownLabels | None:
        """What is drawn of a slice in part, also by lines across it; None: nothing."""
