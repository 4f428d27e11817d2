"""What the groups of classes say of slices: by their examples, batch by batch, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import stop_if
from MVGCore.models.fallback import OnDevice
from MVGCore.prompts import Prompt
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.fuse.assemble import Known as KnownLabels
from MVGCore.segmentation.fuse.extents import GroupPredictions
from MVGCore.segmentation.plan.plan import ClassGroup
from MVGCore.segmentation.predict.context import GroupContext
from MVGCore.segmentation.predict.parallel import side_by_side, workers
from MVGCore.segmentation.predict.predictions import answer_key, predict_batch
from MVGCore.segmentation.timing import Stopwatch


@dataclass
class GroupPredictor:
    """Asks the network, the drafts and the appearances of every group of classes.

    Attributes:
        place: the model and its device.
        groups: of classes.
        planes: (K, H, W) slices of the volume.
        blocks: index of a slice that is not labelled -> the slices of its block (see `blocks_of`).
        contexts_of: makes what a group is generated from, of each set of examples.
        known: what is drawn of a slice in part, also by lines across it; None: nothing. It is told an index
            and, if there is one, the slice that is being completed.
        batch: slices that are generated at a time.
        cache: what earlier predictors made for the same volume, model and seed.
        watch: takes the time of each stage.
        contexts: what each group is generated from, by group and set of examples; of those prepared by now.
    """

    place: OnDevice
    groups: Sequence[ClassGroup]
    planes: NDArray[np.generic]
    blocks: Mapping[int, Sequence[int]]
    contexts_of: Callable[[ClassGroup], list[GroupContext]]
    known: Callable[[int, Prompt | None], KnownLabels | None]
    batch: int
    cache: ContentCache
    watch: Stopwatch
    contexts: list[list[GroupContext]] = field(default_factory=list)

    def prepare(self, cancelled: Callable[[], bool]) -> None:
        """Make the contexts that are missing; on the CPU if the GPU is full.

        Raises:
            Cancelled: as soon as `cancelled()` is true between two groups.
        """
        while len(self.contexts) < len(self.groups):
            stop_if(cancelled)
            group = self.groups[len(self.contexts)]
            self.contexts.append(self.place.with_memory(partial(self.contexts_of, group)))

    def _generate(self, slices: Sequence[int]) -> list[GroupPredictions]:
        """What the groups say of the slices of a batch; on a full GPU in halves, then on the CPU."""
        generated: list[GroupPredictions] = []
        while len(generated) < len(slices):
            left = slices[len(generated) :]
            generated += self.place.with_memory(
                lambda left=left: self._predict(left[: self.batch]),  # type: ignore[misc]
                partial(self._halve, len(left)),
            )
        return generated

    def _halve(self, left: int) -> bool:
        """Take half of the slices that are left, of as many as are taken at a time; false: one was taken."""
        taken = min(self.batch, left)
        self.batch = taken // 2 if taken > 1 else self.batch
        return taken > 1

    def _predict(
        self,
        batch: Sequence[int],
        drawn: Prompt | None = None,
        contexts: Sequence[Sequence[GroupContext]] | None = None,
    ) -> list[GroupPredictions]:
        return predict_batch(
            self.place.model,
            self.place.device,
            self.contexts if contexts is None else contexts,
            self.planes,
            list(batch),
            self.blocks.get(batch[0], batch),
            lambda index: self.known(index, drawn),
            self.watch,
            self.cache,
            drawn is not None,
        )

    def guessed(self, index: int) -> GroupPredictions:
        """A slice by what is at hand soonest."""
        jobs = [partial(self._guess, example_sets, index) for example_sets in self.contexts]
        return tuple(side_by_side(jobs, workers(self.place.device), lambda: False))

    def _guess(self, example_sets: Sequence[GroupContext], index: int) -> NDArray[np.floating]:
        """What a group has said of a slice before; else by the nearest examples in one colouring and the
        draft of its gap."""
        quick = [context.quick() for context in example_sets]
        asked = example_sets if answer_key(example_sets, index) in self.cache else quick
        ((told,),) = self.place.with_memory(lambda: self._predict([index], contexts=[asked]))
        return told

    def completed(self, prompt: Prompt) -> GroupPredictions:
        """A slice of which a part is drawn."""
        (answer,) = self.place.with_memory(lambda: self._predict([prompt.index], prompt))
        return answer

    def generated(
        self, batches: Sequence[Sequence[int]], cancelled: Callable[[], bool]
    ) -> Generator[list[GroupPredictions], None, None]:
        """What the groups say of the slices of each batch, several batches at a time, by a first look.

        What all batches need in the end, the appearances, is learned beside the first drafts. The groups have
        been prepared (see `prepare`).
        """
        learning = partial(self.place.with_memory, self._learn)
        jobs = [learning, *(partial(self._generate, batch) for batch in batches)]
        with closing(side_by_side(jobs, workers(self.place.device), cancelled)) as generated:
            yield from islice(generated, 1, None)

    def _learn(self) -> list[GroupPredictions]:
        """Learn the appearances of all groups; no answer yet."""
        for context in (context for example_sets in self.contexts for context in example_sets):
            if context.appearance is not None:
                context.appearance(self.place.model, self.place.device)
        return []

    def is_kept(self, index: int) -> bool:
        """Whether the first look at a slice is in the cache."""
        return all(answer_key(example_sets, index) in self.cache for example_sets in self.contexts)
