"""Reviews that have ended, kept so that their results can wait for their review again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from MVGCore.errors import InputError
from MVGLib.control.examples import Example
from MVGLib.control.generated import Sums
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewstate import EndedReview, Review
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _

_REVIEWS_KEPT = 3


@dataclass(frozen=True, eq=False)
class EndedRecord:
    """What is needed to take up a review that has ended.

    Attributes:
        told: What the panel is told of it.
        review: As it was.
        snapshot: Of the scene.
        sums: Slice -> checksum of what MVG had written there.
        made_from: Which examples the result was made from.
        examples: The examples of segmentation.
        generated: What accepted results had left in the user's segmentations.
    """

    told: EndedReview
    review: Review
    snapshot: Any
    sums: dict[int, int]
    made_from: tuple[object, ...] | None
    examples: list[Example]
    generated: dict[tuple[str, str], Sums]


class EndedReviews:
    """Keeps the last reviews that have ended."""

    def __init__(self, scene: SceneAccess, workspace: Workspace) -> None:
        self._scene = scene
        self._workspace = workspace
        self._records: list[EndedRecord] = []
        self._count = 0  # of all reviews that have ended

    @property
    def told(self) -> tuple[EndedReview, ...]:
        """What can be taken up again, the last one at the end."""
        return tuple(each.told for each in self._records)

    def record(
        self,
        review: Review,
        sums: dict[int, int],
        made_from: tuple[object, ...] | None,
        accepted: bool,
        into: str = "",
    ) -> EndedRecord | None:
        """What a review needs that is about to end; None for a sequence, whose other frames hold results too.

        Args:
            review: The review.
            sums: Slice -> checksum of what MVG has written there.
            made_from: Which examples the result was made from.
            accepted: Whether it is accepted; else it is discarded.
            into: The segmentation that takes it, or empty.
        """
        if self._scene.frames(review.volume_id) > 1:
            return None
        self._count += 1
        name = self._scene.nodes.name(review.node_id)
        return EndedRecord(
            EndedReview(self._count, review.node_id, name, accepted, into),
            replace(review, visible=True, overlay=False),
            self._scene.snapshot(review.node_id),
            dict(sums),
            made_from,
            self._workspace.book.of(PanelTask.SEGMENT),
            self._workspace.generated.sums,
        )

    def keep(self, record: EndedRecord | None) -> None:
        """The review has ended; the oldest ones are forgotten."""
        if record is not None:
            self._records = [*self._records, record][-_REVIEWS_KEPT:]

    def find(self, key: int) -> EndedRecord:
        """The review of that key.

        Raises:
            InputError: It is not kept any more.
        """
        for each in self._records:
            if each.told.key == key:
                return each
        raise InputError(_("There is nothing to undo any more."))

    def taken_up(self, record: EndedRecord) -> None:
        """A result waits again: what was drawn in it is an example again; what was added since stays."""
        self._records.remove(record)
        node_id, into = record.told.node_id, record.told.into
        own = [each for each in record.examples if each.partner_id == node_id]
        moved = {replace(each, partner_id=into).key for each in own} if into else set()
        moved -= {each.key for each in record.examples}
        present = [each for each in self._workspace.book.of(PanelTask.SEGMENT) if each.key not in moved]
        known = {each.key for each in present}
        back = [each for each in own if each.key not in known and self._is_there(each)]
        self._workspace.book.replace_all(PanelTask.SEGMENT, [*present, *back])

    def forget(self) -> None:
        """The scene is closed."""
        self._records = []

    def _is_there(self, example: Example) -> bool:
        nodes = (example.volume_id, example.partner_id)
        return bool(example.path) or all(self._scene.nodes.exists(each) for each in nodes)
