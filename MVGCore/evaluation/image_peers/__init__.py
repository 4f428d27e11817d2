"""What MVG is measured against in the image tasks: classical methods from their own libraries.

Each is given its best fair chance: the true strength of the noise, settings chosen on the `train` cases, all
neighbouring slices where it can use them, all example slices.
"""

from __future__ import annotations

from MVGCore.evaluation.image_peers.denoising import BlockMatching, NonLocalMeans, TotalVariation, Wavelets
from MVGCore.evaluation.image_peers.inpainting import Biharmonic, LinearSlices, Telea
from MVGCore.evaluation.image_peers.peer import ImagePeer
from MVGCore.evaluation.image_peers.synthesis import HistogramMatching, NearestPatches, Polynomial

__all__ = ["ImagePeer", "image_peers"]


def image_peers() -> tuple[ImagePeer, ...]:
    """All of them, task by task."""
    return (
        NonLocalMeans(),
        TotalVariation(),
        Wavelets(),
        BlockMatching(),
        LinearSlices(),
        Biharmonic(),
        Telea(),
        HistogramMatching(),
        Polynomial(),
        NearestPatches(),
    )
