"""Cases read from disk and brought to the intensities that are trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.training.datasets import DataCase
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
