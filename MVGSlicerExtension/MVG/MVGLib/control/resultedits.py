"""What others have changed in a result since MVG wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from MVGCore.errors import MVGError
from MVGCore.volume import SliceKey
from MVGLib.control.passes import checksum, planes_of
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewstate import Review
from MVGLib.control.workspace import Workspace


class ResultEdits:
    """Tells the user's corrections of a result from what MVG has written there.

    Attributes:
        sums: Slice -> checksum of the labels that MVG wrote, or has already told to be a correction.
    """

    def __init__(self, scene: SceneAccess, workspace: Workspace) -> None:
        self.sums: dict[int, int] = {}
        self._scene = scene
        self._workspace = workspace
        self._stamp = ""  # fingerprint of the result after MVG wrote last

    def forget(self) -> None:
        """There is no result any more."""
        self.sums, self._stamp = {}, ""

    def written(self, index: int, planes: Sequence[NDArray[Any]]) -> None:
        """MVG has written a slice: (H, W) numbers of classes, those of one plane without overlap."""
        self.sums[index] = checksum(planes)

    def read_again(self, review: Review, indices: Iterable[int]) -> None:
        """MVG has written some slices; what is there now is what it knows of."""
        for index in indices:
            self._differs(review, index)

    def settle(self, review: Review) -> None:
        """What is in the node now is what MVG knows of."""
        self._stamp = self._scene.nodes.fingerprint(review.node_id)

    def search(self, review: Review) -> Iterator[int | None]:
        """Look through the slices for those that somebody else has changed, the one in view first.

        Yields:
            The index of a slice that was corrected, or None after one that was not.
        """
        if self._scene.nodes.fingerprint(review.node_id) == self._stamp:
            return
        self.settle(review)
        for index in self._order_of_search(review):
            yield index if self._differs(review, index) else None

    def _order_of_search(self, review: Review) -> list[int]:
        try:
            seen = self._scene.slice_in_view(self._workspace.volume_id)
            middle = seen.index if seen.axis == review.axis else 0
        except MVGError:
            middle = 0
        # Of a result that was opened with a scene, only what is in view can be told to be a correction.
        known = set(self.sums) if set(review.slices) <= set(self.sums) else {*self.sums, middle}
        return sorted(known, key=lambda index: abs(index - middle))

    def _differs(self, review: Review, index: int) -> bool:
        place = SliceKey(review.axis, index)
        nodes = (review.node_id, self._workspace.volume_id)
        sum_now = checksum(planes_of(self._scene, self._workspace.classes, *nodes, place))
        if self.sums.get(index) == sum_now:
            return False
        self.sums[index] = sum_now
        return True
