"""What a specialist learns from and is asked about: volumes on its grid, with drafts and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from MVGCore.datasets.specialist.frame import Frame
from MVGCore.volume import Volume, normalise, robust_window

LIKELY = 0.2  # probability from which on the frame has to hold a voxel
BLUR, LEAST_BLUR, MOST_BLUR = 0.5, 1.0, 8.0  # of a draft: share of a structure's radius; voxels (sigma)
DOUBTFUL = 0.5  # confidence of a pseudo-label that counts nothing


@dataclass(frozen=True)
class Material:
    """A volume on the grid of a specialist.

    Attributes:
        frame: where it lies.
        image: (1, K, J, I) intensities of mean 0 and spread 1.
        draft: (classes, K, J, I) about where registration puts each class, 0..1 (see `vague`).
        labels: (classes + 1, K, J, I) shares of background and classes; None of a volume to be labelled.
        weight: (1, K, J, I) how much each voxel's label counts.
        known: (classes + 1,) 1 for classes that are labelled wherever they are, 0 for the others.
    """

    frame: Frame
    image: Tensor
    draft: Tensor
    labels: Tensor | None = None
    weight: Tensor | None = None
    known: Tensor | None = None

    @cached_property
    def stacked(self) -> Tensor:
        """(3 * classes + 3, K, J, I) what lessons show a part of: image, draft, labels, weight, and the draft
        that the labels would make."""
        assert self.labels is not None and self.weight is not None
        return torch.cat((self.image, self.draft, self.labels, self.weight, vague(self.labels[1:])))

    @classmethod
    def of(
        cls,
        image: Volume,
        probabilities: NDArray[np.float32],
        voxel: Sequence[float],
        labels: NDArray[np.integer] | None = None,
    ) -> Material:
        """Without labels yet; `labels` (K, J, I) only widen the frame.

        Args:
            image: the volume.
            probabilities: (classes + 1, K, J, I) of background and classes, from registration.
            voxel: size of the grid's voxels along (k, j, i), mm.
            labels: what is labelled, if known.
        """
        likely = 1 - probabilities[0] > LIKELY
        likely = likely if labels is None else likely | (labels > 0)
        frame = Frame.around(likely, image.geometry.array_spacing, voxel)
        seen = frame.seen(normalise(image.array, robust_window(image.array))[None])
        seen = (seen - seen.mean()) / (seen.std() + 1e-3)
        return cls(frame, seen, vague(frame.seen(probabilities[1:])))

    def taught(
        self, places: NDArray[np.integer], weight: NDArray[np.float32], known: Sequence[bool]
    ) -> Material:
        """With labels.

        Args:
            places: (K, J, I) of the volume: 0, or n for the n-th class.
            weight: (K, J, I) how much each label counts, 0..1.
            known: of each class, whether it is labelled wherever it is.
        """
        shares = np.stack([places == n for n in range(len(known) + 1)]).astype(np.float32)
        return replace(
            self,
            labels=self.frame.seen(shares),
            weight=self.frame.seen(weight[None]),
            known=torch.tensor([1.0, *map(float, known)]),
        )

    def guessed(self, probabilities: NDArray[np.float32]) -> Material:
        """With the likeliest labels, which count the more the surer they are."""
        weight = np.clip((probabilities.max(0) - DOUBTFUL) / (1 - DOUBTFUL), 0.05, 1).astype(np.float32)
        return self.taught(probabilities.argmax(0), weight, [True] * (len(probabilities) - 1))


def vague(shares: Tensor) -> Tensor:
    """(classes, K, J, I) shares blurred over half of each structure's radius, 1 at the most.

    A network that sees where structures are but not the borders that registration gave them has to find these
    in the image, and errs elsewhere than registration: only so do both together know more than one.
    """
    blurred = []
    for share in shares.numpy():
        flat = share.shape[0] == 1
        size = float(share.sum())
        radius = np.sqrt(size / np.pi) if flat else (0.75 * size / np.pi) ** (1 / 3)
        sigma = float(np.clip(BLUR * radius, LEAST_BLUR, MOST_BLUR))
        each = ndimage.gaussian_filter(share, (0 if flat else sigma, sigma, sigma), mode="constant")
        blurred.append(each / max(float(each.max()), 1e-3))
    return torch.from_numpy(np.stack(blurred).astype(np.float32))
