"""Keeps what was prepared for an image, its examples and a model from call to call."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from MVGCore.adaptation import ModelInUse
from MVGCore.errors import InputError
from MVGCore.prompts import Prompt, PromptSet
from MVGCore.segmentation.cache import ContentCache
from MVGCore.segmentation.fuse.assemble import SliceResult
from MVGCore.segmentation.plan.claims import Claims
from MVGCore.segmentation.plan.crossing import Crossing
from MVGCore.segmentation.propagator import Propagator
from MVGCore.segmentation.quality import STANDARD, Quality
from MVGCore.segmentation.transfer.label_transfer import transfer_labels
from MVGCore.session.wishes import Wishes
from MVGCore.volume import Volume


class Prepared:
    """The propagator of the present examples; made anew, as far as needed, when they change.

    Attributes:
        completed: index -> slice, of the slices that are drawn in part.
        quality: how much work labels take.
        notes: what the user should know of the draft and the ranges of intensity.
    """

    def __init__(self, quality: Quality = STANDARD) -> None:
        """Nothing yet.

        Args:
            quality: how much work labels take.
        """
        self.completed: dict[int, SliceResult] = {}
        self.notes: tuple[str, ...] = ()
        self.quality = quality
        self._contents = ContentCache()
        self._made: tuple[Hashable, Propagator] | None = None
        self._version = 0  # of the weights

    def forget(self) -> None:
        """Let go of everything: the image has changed, or the weights have."""
        self._contents.clear()
        self._made = None

    def propagator(
        self,
        model: ModelInUse,
        image: Volume,
        examples: PromptSet,
        axis: int,
        cancelled: Callable[[], bool],
        finished_only: bool = False,
        wishes: Wishes | None = None,
    ) -> Propagator:
        """What propagates the examples through the image; the earlier one if none changed.

        Slices that are drawn in part are completed from the finished ones, and are examples from then on.

        Args:
            model: what generates, and where.
            image: the volume; the same until `forget` is called.
            examples: those that are switched on are used, of any axis, in any order.
            axis: array axis along which they are propagated.
            cancelled: asked while slices are completed.
            finished_only: leave slices that are drawn in part out.
            wishes: what else is known of the volume; None: nothing.

        Raises:
            InputError: no example shows a structure, or none lies across the axis; the draft is unusable
                (see `match_draft`).
            Cancelled: `cancelled()` was true.
        """
        prompts = sorted(examples.enabled, key=_rank)  # the same result, whichever was labelled first
        claims = Claims.of(examples, image, axis)
        across = [p for p in prompts if p.axis == axis and not (finished_only and p.partial)]
        if not across:
            raise InputError("No example lies across the chosen axis; choose another one, or label a slice.")
        own = {id(prompt) for prompt in prompts if prompt.is_slice_of(image)}
        lines = tuple(p for p in prompts if p.axis != axis and id(p) in own)
        wishes = wishes or Wishes()
        given = str(axis), self.quality.name, *(prompt.fingerprint for prompt in (*across, *lines))
        names = given, claims, wishes.key
        if model.version != self._version:
            self.forget()
            self._version = model.version
        if self._made is not None and self._made[0] == names:
            return self._made[1]
        self._made = None
        local = [prompt for prompt in across if id(prompt) in own]
        foreign = [p for p in across if id(p) not in own and p.labels.any() and not p.partial]
        finished = [prompt for prompt in local if not prompt.partial]
        if not any(prompt.labels.any() for prompt in [*finished, *foreign]):
            raise InputError("The examples show no structure; label at least one whole slice that has one.")

        guidance, self.notes = wishes.guidance(image, axis, finished, foreign, examples.classes)

        def made_of(own: Sequence[Prompt]) -> Propagator:
            """With copies of the prompts, which their owner may change."""
            ordered = sorted(own, key=lambda prompt: prompt.index)
            return Propagator(
                model.network,
                model.device,
                image,
                _copies(ordered),
                _copies(foreign),
                model.seed,
                cache=self._contents,
                transferred=[]
                if any(p.labels.any() for p in own)
                else self._transferred(foreign, image, ordered),
                crossing=Crossing(axis, tuple(_copies(lines))) if lines else None,
                quality=self.quality,
                claims=claims,
                guidance=guidance,
            )

        propagator = made_of(finished)
        self.completed = {p.index: propagator.complete(p, cancelled) for p in local if p.partial}
        model.device = propagator.device  # a full GPU is left for good
        if self.completed:
            drawn = [
                replace(p, labels=self.completed[p.index].labels, known=None) for p in local if p.partial
            ]
            propagator = made_of([*finished, *drawn])
        self._made = (names, propagator)
        return propagator

    def _transferred(
        self, foreign: Sequence[Prompt], image: Volume, own: Sequence[Prompt]
    ) -> list[list[Prompt]]:
        """What examples of other volumes say of slices that are not labelled here."""
        names = tuple(prompt.fingerprint for prompt in foreign)
        transferred = self._contents.get(("carried", names), lambda: transfer_labels(foreign, image))
        labelled = {prompt.index for prompt in own}
        left = [[prompt for prompt in part if prompt.index not in labelled] for part in transferred]
        return [part for part in left if any(prompt.labels.any() for prompt in part)]


def _rank(prompt: Prompt) -> tuple[object, ...]:
    return (prompt.source, prompt.axis, prompt.index, prompt.key)


def _copies(prompts: Sequence[Prompt]) -> list[Prompt]:
    return [replace(prompt, labels=prompt.labels.copy()) for prompt in prompts]
