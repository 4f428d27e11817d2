"""One labelled slice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume import (
    AXIS_NAMES,
    Geometry,
    LabelMap,
    SliceKey,
    Volume,
    Window,
    check_axis,
    neighbour_indices,
)


@dataclass(eq=False)
class Prompt:
    """One labelled slice.

    Attributes:
        axis: Array axis that the slice lies across (0 = k, 1 = j, 2 = i).
        index: Its place along that axis.
        image: (3, H, W) float32, raw intensities of the previous, this and the next slice; at the border of
            the volume the slice itself stands for the missing neighbour. Cannot be written to.
        labels: (H, W) uint16, class ids.
        geometry: Of the volume that the slice comes from.
        window: The intensity window of that volume.
        source: Where it comes from, e.g. the name of the image.
        enabled: Whether it is used.
        known: (H, W) bool, where the labels count; elsewhere they are still to be found (a scribble, a region
            left out). None: everywhere.
        key: Names the prompt within a set. By default it is made of the place and the image of the slice, so
            that a slice that is labelled anew keeps its key.
    """

    axis: int
    index: int
    image: NDArray[np.float32]
    labels: NDArray[np.uint16]
    geometry: Geometry
    window: Window
    source: str = ""
    enabled: bool = True
    key: str = ""
    known: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        check_place(self.geometry, self.axis, self.index)
        plane = tuple(np.delete(self.geometry.shape, self.axis).tolist())
        if self.image.shape != (3, *plane) or self.image.dtype != np.float32:
            raise InputError(f"The image of a prompt must be float32 of the shape {(3, *plane)}.")
        if self.labels.shape != plane or self.labels.dtype != np.uint16:
            raise InputError(f"The labels of a prompt must be uint16 of the shape {plane}.")
        if not np.isfinite(self.image).all():
            raise InputError("The image of a prompt has NaN or infinite values; replace them first.")
        if self.known is not None:
            if self.known.shape != plane or self.known.dtype != np.bool_:
                raise InputError(f"What is known of a prompt must be bool of the shape {plane}.")
            self.labels = np.where(self.known, self.labels, np.uint16(0))
        self.image = self.image.view()
        self.image.flags.writeable = False  # its digest is kept
        self.key = self.key or self._default_key()

    @classmethod
    def of(
        cls,
        image: Volume,
        labels: LabelMap,
        place: SliceKey,
        window: Window,
        source: str = "",
        known: NDArray[np.bool_] | None = None,
    ) -> Prompt:
        """Cut one slice out of an image and of labels on the same grid; `known` is of the slice.

        Raises:
            InputError: There is no such slice.
        """
        check_place(image.geometry, place.axis, place.index)
        (around,) = neighbour_indices([place.index], image.geometry.shape[place.axis])
        return cls(
            axis=place.axis,
            index=place.index,
            image=np.stack([image.array.take(each, axis=place.axis) for each in around]).astype(np.float32),
            labels=labels.array.take(place.index, axis=place.axis).astype(np.uint16),
            geometry=image.geometry,
            window=window,
            source=source or image.name,
            known=known,
        )

    @property
    def partial(self) -> bool:
        """Whether some of the slice is still to be labelled."""
        return self.known is not None and not bool(self.known.all())

    def is_slice_of(self, image: Volume) -> bool:
        """Whether it is a slice of this very image: the same grid and the same intensities."""
        if self.geometry.shape != image.geometry.shape or not self.geometry.is_close(image.geometry):
            return False
        own = image.array.take(self.index, axis=self.axis)
        return bool(np.array_equal(own.astype(np.float32), self.image[1]))

    def digest(self, ids: Sequence[int] | None = None) -> str:
        """A short name of what is labelled here, of these classes only if some are given."""
        labels = self.labels if ids is None else np.where(np.isin(self.labels, ids), self.labels, 0)
        return hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=12).hexdigest()

    @property
    def fingerprint(self) -> str:
        """A short name of all that counts for a result: place, image and labels."""
        place = repr((self.geometry, self.axis, self.index, self.window)).encode()
        known = np.packbits(self.known).tobytes() if self.known is not None else b""
        content = self._image_digest + self.digest().encode() + known
        return hashlib.blake2b(place + content, digest_size=12).hexdigest()

    @cached_property
    def _image_digest(self) -> bytes:
        """Kept: to hash nine images of 256 x 256 anew was a tenth of a warm preview."""
        return hashlib.blake2b(np.ascontiguousarray(self.image).tobytes(), digest_size=12).digest()

    def _default_key(self) -> str:
        place = repr((self.source, self.geometry, self.axis, self.index)).encode()
        content = np.ascontiguousarray(self.image).tobytes()
        return hashlib.blake2b(place + content, digest_size=12).hexdigest()


def check_place(geometry: Geometry, axis: int, index: int) -> None:
    """Refuse a slice that a volume does not have.

    Raises:
        InputError: There is no such axis or slice.
    """
    check_axis(axis)
    last = geometry.shape[axis] - 1
    if not 0 <= index <= last:
        raise InputError(f"There is no slice {index} along {AXIS_NAMES[axis]}; choose 0 to {last}.")


def main_axis(axes: Iterable[int]) -> int:
    """The array axis along which examples are propagated: that of most, of equals k before j before i.

    The order in which they were labelled does not count.

    Args:
        axes: that of each example.

    Raises:
        InputError: there is none.
    """
    counts = Counter(axes)
    if not counts:
        raise InputError("There is no prompt that is switched on; add one or switch one on.")
    return max(sorted(counts), key=counts.__getitem__)
