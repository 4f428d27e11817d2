"""Cases read from disk and brought to the intensities that are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.training.datasets import DataCase
from MVGCore.training.datasets.case import Box
from MVGCore.training.real import LabelledVolume
from MVGCore.volume import CT_WINDOWS, Window, normalise, read_labelmap, read_volume, robust_window
from MVGCore.volume.contrast import labelled_window

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class LoadedCase:
    """A case in memory.

    Attributes:
        case: what it is.
        images: (K, J, I) each, in the order of `case.images`.
        labels: (K, J, I) class ids; None without labels.
        spacing: millimetres along (k, j, i).
        ct_window: HU that become 0 and 1; None: drawn for each volume.
    """

    case: DataCase
    images: tuple[NDArray[Any], ...]
    labels: NDArray[Any] | None
    spacing: Spacing
    ct_window: tuple[float, float] | None

    @classmethod
    def read(cls, case: DataCase, ct_window: tuple[float, float] | None) -> LoadedCase:
        """Read all files of a case.

        Raises:
            InputError: a file is damaged, or they do not lie on one grid.
        """
        if case.singles:
            image, singles = read_singles(case)
            return cls(case, (image,), singles, (1.0, 1.0, 1.0), ct_window)
        volumes = [read_volume(path) for path in case.images.values()]
        labels = read_labels(case)[0] if case.labels else None
        shapes = {volume.array.shape for volume in volumes}
        shapes |= set() if labels is None else {labels.shape}
        if len(shapes) > 1:
            raise InputError(
                f"The images and labels of {case.id} have different sizes {sorted(shapes)}: "
                "bring them to one grid, or take the case away."
            )
        images = tuple(volume.array for volume in volumes)
        return cls(case, images, labels, volumes[0].geometry.array_spacing, ct_window)

    def volume(self, rng: np.random.Generator) -> LabelledVolume:
        """One of the images with its labels in random intensities, and one more where there are several."""
        if self.case.task == "denoising" and len(self.images) > 1:
            clean, noisy = self.images[:2]
            window = self._window(clean, rng)
            image, other = normalise(clean, window), normalise(noisy, window)
        else:
            order = rng.permutation(len(self.images))
            image = self.images[int(order[0])]
            image = normalise(image, self._window(image, rng))
            other = None
            if len(order) > 1:
                second = self.images[int(order[1])]
                other = normalise(second, self._fixed() or robust_window(second))
        case = self.case
        return LabelledVolume(case.id, image, self.labels, self.spacing, other, case.task, case.axis)

    def _fixed(self) -> Window | None:
        """The window that the settings give to every CT."""
        return Window(*self.ct_window) if self.ct_window and self.case.modality.startswith("CT") else None

    def _window(self, image: NDArray[Any], rng: np.random.Generator) -> Window:
        if self.ct_window:
            return self._fixed() or robust_window(image)
        choice = rng.random()
        if choice < 0.6 and self.labels is not None:
            reach = float(rng.uniform(0.5, 2.0))
            return labelled_window(image[::2], self.labels[::2] > 0, reach)
        if choice < 0.8 and self.case.modality.startswith("CT"):
            return CT_WINDOWS[str(rng.choice(sorted(CT_WINDOWS)))]
        return robust_window(image)


def read_labels(case: DataCase) -> tuple[NDArray[Any], Spacing]:
    """Class ids (K, J, I) and millimetres along (k, j, i) of a case with labels.

    Raises:
        InputError: a file is damaged, or several masks do not have one size.
    """
    maps = [read_labelmap(path) for path in case.labels]
    labels = maps[0].array
    if len(maps) > 1:
        if len({each.array.shape for each in maps}) > 1:
            raise InputError(f"The masks of {case.id} have different sizes; bring them to one grid.")
        labels = np.zeros(labels.shape, np.uint8)
        for value, mask in enumerate(maps, start=1):
            labels[mask.array > 0] = value
    return labels, maps[0].geometry.array_spacing


def read_singles(case: DataCase) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Single images as the slices of a volume, with their labels: both (N, H, W).

    All get the size of the first one. Boxes are drawn as filled rectangles of class 1, so that detection is
    learned as an image like everything else.

    Raises:
        InputError: a file is damaged, or an image and its labels differ in size.
    """
    images, labels = [], []
    for each in case.singles:
        image = read_volume(each.image).array[0].astype(np.float32) - np.float32(each.offset)
        drawn = drawn_boxes(each.boxes, image.shape)
        if each.label is not None:
            drawn = read_labelmap(each.label).array[0].astype(np.uint8)
        if drawn.shape != image.shape:
            raise InputError(
                f"{each.image} and its labels {each.label} have different sizes; mend one of them."
            )
        images.append(image)
        labels.append(drawn)
    shape = images[0].shape
    stack = np.stack([_stretched(each, shape) for each in images])
    return stack, np.stack([_stretched(each, shape) for each in labels])


def drawn_boxes(boxes: Sequence[Box], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """(H, W) 1 within (left, top, right, bottom) in pixels, the borders among it, and 0 elsewhere."""
    plane = np.zeros(shape, np.uint8)
    for left, top, right, bottom in boxes:
        rows = slice(max(0, int(np.floor(top))), max(0, int(np.ceil(bottom)) + 1))
        plane[rows, max(0, int(np.floor(left))) : max(0, int(np.ceil(right)) + 1)] = 1
    return plane


def _stretched(plane: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """By the nearest pixel: what matters here is that images of a stack are of one size."""
    places = [
        np.minimum((np.arange(n) + 0.5) * m / n, m - 1).astype(int)
        for n, m in zip(shape, plane.shape, strict=True)
    ]
    return plane[np.ix_(*places)]
