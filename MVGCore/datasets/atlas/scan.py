"""A volume as it is registered: intensities 0..1, coarse if it is large, and what of it was scanned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.datasets.atlas.fusion import Box
from MVGCore.volume import Geometry, Volume, normalise, robust_window

MOST_VOXELS = 250_000  # on which is registered; the transform is applied to all voxels
AIR, LEAST_SHOWN = 0.05, 0.02  # intensities 0..1 that are air; share of a slice that is more than that
SMALLEST = 16  # voxels along the shortest axis, below which nothing is made smaller
LEAST_BLANK = 0.05  # share of a volume's voxels that have its lowest value, if these were not scanned
WHOLLY = 0.9  # share of a coarse voxel that was scanned, if it counts as such


@dataclass(frozen=True)
class Scan:
    """A volume as it is registered.

    Attributes:
        image: intensities 0..1.
        scanned: 1 where something was scanned; None: everywhere. Outside the field of view of a scanner, a
            mask or the rim of a turned image, volumes are filled with their lowest value. Such borders are
            not the body's.
    """

    image: sitk.Image
    scanned: sitk.Image | None = None

    @classmethod
    def of(cls, volume: Volume, region: Box | None = None, most: int = MOST_VOXELS) -> Scan:
        """A volume without slices of air at its ends.

        Args:
            volume: the volume.
            region: the part of it that is meant; None: the whole.
            most: voxels, of more it is shrunk.
        """
        array, geometry = volume.array, volume.geometry
        planes = _planes_with_more_than_air(normalise(array, robust_window(array)))
        scanned = _scanned(array)
        # Air takes part in the percentiles of the whole, which differ by how much of it there is.
        known = array[planes] if scanned is None else array[scanned]
        image = as_sitk(normalise(array, robust_window(known)), geometry)

        def part(whole: sitk.Image) -> sitk.Image:
            if region is not None:
                whole = whole[region[::-1]]
            elif whole.GetDimension() == 3:
                whole = whole[:, :, planes]
            return _shrunk_to(whole, most)

        if scanned is None:
            return cls(part(image))
        return cls(part(image), part(as_sitk(scanned.astype(np.float32), geometry)) > WHOLLY)

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return int(self.image.GetDimension())

    @property
    def extent(self) -> float:
        """The longest side in mm."""
        image = self.image
        return max(size * spacing for size, spacing in zip(image.GetSize(), image.GetSpacing(), strict=True))

    @property
    def middle(self) -> tuple[float, ...]:
        """In mm."""
        image = self.image
        return image.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in image.GetSize()])

    @property
    def centre_of_mass(self) -> tuple[float, ...]:
        """In mm, of all voxels; that of ITK is of those alone that the last filter has asked the image for,
        and so another one after each volume that an atlas is registered to."""
        array = sitk.GetArrayViewFromImage(self.image).astype(np.float64)
        index = ndimage.center_of_mass(array)[::-1]
        return self.image.TransformContinuousIndexToPhysicalPoint([float(each) for each in index])

    def on(self, other: Scan, transform: sitk.Transform) -> Scan:
        """This one on the grid of another one; what lies beyond is filled with 0, and was not scanned."""
        image = sitk.Resample(self.image, other.image, transform, sitk.sitkLinear)
        if self.scanned is None:
            return Scan(image)
        return Scan(image, sitk.Resample(self.scanned, other.image, transform, sitk.sitkNearestNeighbor))


def scanned_in_both(one: Scan, other: Scan) -> NDArray[np.bool_] | None:
    """(K, J, I) of two on one grid; None: everywhere."""
    masks = [sitk.GetArrayFromImage(each.scanned) > 0 for each in (one, other) if each.scanned is not None]
    return np.logical_and.reduce(masks) if masks else None


def _scanned(array: NDArray[np.generic]) -> NDArray[np.bool_] | None:
    """Where something was scanned, if that is not everywhere and there is more than one value there."""
    above = array > array.min()
    if not 0 < above.mean() <= 1 - LEAST_BLANK:
        return None
    shown = array[above]
    return above if shown.min() < shown.max() else None


def _planes_with_more_than_air(shares: NDArray[np.float32]) -> slice:
    """The slices of an image 0..1 without those before and after a scan that show air alone."""
    planes = np.flatnonzero((shares > AIR).mean((1, 2)) > LEAST_SHOWN)
    depth = len(shares)
    enough = len(planes) > 0 and planes[-1] - planes[0] >= min(depth, SMALLEST) - 1
    return slice(int(planes[0]), int(planes[-1]) + 1) if enough else slice(0, depth)


def _shrunk_to(made: sitk.Image, most: int) -> sitk.Image:
    dimensions = made.GetDimension()
    factor = (made.GetNumberOfPixels() / most) ** (1 / dimensions)
    if factor <= 1:
        return made
    # Towards equal spacing: the finest axes are shrunk most.
    target = float(np.prod(made.GetSpacing())) ** (1 / dimensions) * factor
    shrink = [max(1, round(target / spacing)) for spacing in made.GetSpacing()]
    sigmas = [
        0.5 * n * spacing if n > 1 else 1e-3 for n, spacing in zip(shrink, made.GetSpacing(), strict=True)
    ]
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(made, sigmas), shrink)


def region_around(labels: NDArray[np.integer], spacing: Sequence[float], margin: float) -> Box | None:
    """The part of a volume (K, J, I) around its labels; None if that is all of it, or there are none.

    Args:
        labels: 0 is background.
        spacing: of the voxels along (k, j, i), mm.
        margin: mm on all sides.
    """
    found = ndimage.find_objects((labels > 0).astype(np.uint8))
    if not found:
        return None
    wider = [round(margin / size) for size in spacing]
    k, j, i = (
        slice(max(0, own.start - n), min(depth, own.stop + n))
        for own, n, depth in zip(found[0], wider, labels.shape, strict=True)
    )
    whole = all(own == slice(0, depth) for own, depth in zip((k, j, i), labels.shape, strict=True))
    return None if whole else (k, j, i)


def as_sitk(array: NDArray[np.generic], geometry: Geometry) -> sitk.Image:
    """A volume (K, J, I) in its place; of a single slice the plane, whose first pixel lies at 0."""
    flat = geometry.flat_axis
    if flat is not None:
        image = sitk.GetImageFromArray(array.squeeze(flat))
        image.SetSpacing([s for axis, s in enumerate(geometry.array_spacing) if axis != flat][::-1])
        return image
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    return image
