"""What a request says of the volume beside its examples: a draft of it, and intensities of its classes."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from MVGCore.prompts import IntensityRange, Prompt
from MVGCore.segmentation.existing.guidance import Guidance
from MVGCore.segmentation.existing.matching import MatchedDraft, draft_notes, match_draft
from MVGCore.segmentation.existing.voice import ExistingVoice
from MVGCore.segmentation.plan.grouping import label_values
from MVGCore.segmentation.plan.plan import slice_spacing
from MVGCore.volume import LabelMap, SegmentClass, Volume


@dataclass(frozen=True, eq=False)
class Wishes:
    """All of it.

    Attributes:
        draft: an existing segmentation of the volume; None: there is none.
        ranges: intensities that classes have.
    """

    draft: LabelMap | None = None
    ranges: tuple[IntensityRange, ...] = ()

    @cached_property
    def key(self) -> Hashable:
        """Names all of it."""
        if self.draft is None:
            return self.ranges
        place, digest = self.draft.geometry, hashlib.blake2b(digest_size=12)
        digest.update(np.ascontiguousarray(self.draft.array).data)
        names = tuple((each.id, each.name) for each in self.draft.classes)
        return (
            digest.hexdigest(),
            self.draft.array.dtype.str,
            place.shape,
            place.affine_lps.tobytes(),
            names,
            self.ranges,
        )

    def guidance(
        self,
        image: Volume,
        axis: int,
        labelled: Sequence[Prompt],
        foreign: Sequence[Prompt],
        classes: Sequence[SegmentClass],
    ) -> tuple[Guidance, tuple[str, ...]]:
        """What a propagation takes of it, and what the user should know.

        Args:
            image: the volume.
            axis: array axis along which it is propagated.
            labelled: its labelled slices across that axis.
            foreign: labelled slices of other volumes.
            classes: those of the examples.

        Raises:
            GeometryMismatchError, InputError: the draft does not lie on the image.
        """
        ids = sorted({each for prompt in (*labelled, *foreign) for each in label_values(prompt.labels)})
        planes = np.moveaxis(image.array, axis, 0)
        notes = self._outside(labelled, planes, classes)
        if self.draft is None:
            return Guidance(planes, ranges=self.ranges, key=self.key), tuple(notes)
        matched = self._matched(image, classes)
        draft = np.moveaxis(matched.array, axis, 0)
        spacing = slice_spacing(image.geometry.array_spacing, axis)
        voice = ExistingVoice.of(draft, {each.index: each.labels for each in labelled}, ids, spacing)
        other = np.where(np.isin(draft, ids), 0, draft)
        kept = other if other.any() else None
        key = self.key, tuple(each.fingerprint for each in labelled)
        notes = [*draft_notes(matched, ids, labelled), *notes]
        others = tuple(each for each in matched.classes if each.id not in ids)
        return Guidance(planes, voice, kept, others, self.ranges, key), tuple(notes)

    def _matched(self, image: Volume, classes: Sequence[SegmentClass]) -> MatchedDraft:
        assert self.draft is not None
        return match_draft(self.draft, image.geometry, classes)

    def _outside(
        self, labelled: Sequence[Prompt], planes: np.ndarray, classes: Sequence[SegmentClass]
    ) -> list[str]:
        """That labelled voxels lie outside of the ranges; they stay."""
        notes = []
        for each in self.ranges:
            count = total = 0
            for prompt in labelled:
                shown = prompt.labels > 0 if each.class_id is None else prompt.labels == each.class_id
                total += int(shown.sum())
                count += int((shown & each.excludes(planes[prompt.index])).sum())
            if count:
                name = next((c.name for c in classes if c.id == each.class_id), "the labelled voxels")
                notes.append(
                    f"{count / total:.0%} of {name} on the labelled slices lie outside of the intensities "
                    f"{each.describe()}: they stay, but nothing like them is added elsewhere."
                )
        return notes
