"""Registration of two volumes: affine by correlation, then diffeomorphic demons (SimpleITK).

Both run in one thread and draw their samples with a fixed seed: the same volumes give the same bits. Single
slices are registered in their plane; the positions of their transform count from the first pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.datasets.atlas.fusion import Box
from MVGCore.volume import Geometry, LabelMap, Volume, normalise, robust_window

MOST_VOXELS = 250_000  # on which is registered; the transform is applied to all voxels
AFFINE_STEPS = 60
SEED = 1
AFFINE_SAMPLES = 20_000
DEMONS_STEPS = 30
SMOOTHNESS = 1.5  # of the deformation, in voxels
LEVELS = (4, 2, 1)  # by which both are shrunk, one after the other
AIR, LEAST_SHOWN = 0.05, 0.02  # intensities 0..1 that are air; share of a slice that is more than that
SMALLEST = 16  # voxels along the shortest axis, below which a level is left out


@dataclass(frozen=True)
class Registered:
    """How one volume lies on another.

    Attributes:
        transform: from positions of the fixed volume to those of the moving one, LPS mm; of single slices
            from columns and rows to columns and rows, mm.
        likeness: correlation of both after the affine part, -1..1.
    """

    transform: sitk.Transform
    likeness: float


def registration_image(image: Volume, region: Box | None = None, most: int = MOST_VOXELS) -> sitk.Image:
    """A volume as it is registered: without slices of air at its ends, intensities 0..1, coarse if large.

    Args:
        image: the volume.
        region: the part of it that is meant; None: the whole.
        most: voxels, of more it is shrunk.
    """
    scan = _scanned(normalise(image.array, robust_window(image.array)))
    # Air takes part in the percentiles of the whole, which differ by how much of it there is.
    made = _as_sitk(normalise(image.array, robust_window(image.array[scan])), image.geometry)
    if region is not None:
        made = made[region[::-1]]
    elif made.GetDimension() == 3:
        made = made[:, :, scan]
    return _shrunk_to(made, most)


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


def _scanned(shares: NDArray[np.float32]) -> slice:
    """The slices of an image 0..1 without those before and after a scan that show air alone."""
    planes = np.flatnonzero((shares > AIR).mean((1, 2)) > LEAST_SHOWN)
    depth = len(shares)
    enough = len(planes) > 0 and planes[-1] - planes[0] >= min(depth, SMALLEST) - 1
    return slice(int(planes[0]), int(planes[-1]) + 1) if enough else slice(0, depth)


def affine(fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform | None = None) -> Registered:
    """The affine registration of two volumes that show the same part of the body, from where they lie or, if
    nothing is known of that, from the best of three guesses."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(min(1.0, AFFINE_SAMPLES / fixed.GetNumberOfPixels()), SEED)
    method.SetNumberOfThreads(1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, AFFINE_STEPS)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([1, 0])
    start = _start(fixed, moving) if start is None else start
    method.SetInitialTransform(sitk.AffineTransform(start), inPlace=True)
    transform = method.Execute(fixed, moving)
    return Registered(transform, likeness(fixed, sitk.Resample(moving, fixed, transform, sitk.sitkLinear)))


def _start(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    """Middle on middle, true to scale or stretched to the same extent, or centre of mass on centre of mass:
    whichever is most alike."""
    middle, mass = (_from_point_to_point(of(fixed), of(moving)) for of in (_middle, _centre_of_mass))
    stretched = sitk.AffineTransform(middle)
    stretched.Scale(_extent(moving) / _extent(fixed), True)
    starts = [middle, mass, stretched]
    return max(
        starts,
        key=lambda start: likeness(fixed, sitk.Resample(moving, fixed, start, sitk.sitkLinear)),
    )


def _from_point_to_point(here: tuple[float, ...], there: tuple[float, ...]) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(len(here))
    transform.SetCenter(here)
    transform.SetTranslation([b - a for a, b in zip(here, there, strict=True)])
    return transform


def _middle(image: sitk.Image) -> tuple[float, ...]:
    """In mm."""
    return image.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in image.GetSize()])


def _centre_of_mass(image: sitk.Image) -> tuple[float, ...]:
    """In mm, of all voxels; that of ITK is of those alone that the last filter has asked the image for, and
    so another one after each volume that an atlas is registered to."""
    array = sitk.GetArrayViewFromImage(image).astype(np.float64)
    index = ndimage.center_of_mass(array)[::-1]
    return image.TransformContinuousIndexToPhysicalPoint([float(each) for each in index])


def _extent(image: sitk.Image) -> float:
    """The longest side in mm."""
    return max(size * spacing for size, spacing in zip(image.GetSize(), image.GetSpacing(), strict=True))


def likeness(fixed: sitk.Image, moving: sitk.Image) -> float:
    """Correlation of two images on one grid."""
    one, other = (sitk.GetArrayViewFromImage(each).ravel() for each in (fixed, moving))
    spread = float(one.std() * other.std())
    return float(np.mean((one - one.mean()) * (other - other.mean())) / spread) if spread > 0 else 0.0


def deformed(fixed: sitk.Image, moving: sitk.Image, start: Registered) -> Registered:
    """The affine registration followed by a deformation."""
    placed = sitk.Resample(moving, fixed, start.transform, sitk.sitkLinear)
    field: sitk.Image | None = None
    for level in _levels(fixed):
        here, there = (_shrunk(each, level) for each in (fixed, placed))
        there = sitk.HistogramMatching(there, here, 128, 10)
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfThreads(1)
        demons.SetNumberOfIterations(DEMONS_STEPS)
        demons.SetStandardDeviations(SMOOTHNESS)
        if field is None:
            field = demons.Execute(here, there)
        else:
            identity = sitk.Transform()
            field = demons.Execute(
                here,
                there,
                sitk.Resample(field, here, identity, sitk.sitkLinear, 0.0, sitk.sitkVectorFloat64),
            )
    bend = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
    return Registered(sitk.CompositeTransform([start.transform, bend]), start.likeness)


def _levels(image: sitk.Image) -> list[int]:
    return [level for level in LEVELS if level == 1 or min(image.GetSize()) // level >= SMALLEST]


def _shrunk(image: sitk.Image, level: int) -> sitk.Image:
    if level == 1:
        return image
    sigmas = [0.5 * level * spacing for spacing in image.GetSpacing()]
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, sigmas), [level] * image.GetDimension())


def warped_labels(labels: LabelMap, onto: Geometry, registered: Registered) -> NDArray[np.uint16]:
    """Labels of the moving volume on the grid of the fixed one."""
    moving = _as_sitk(labels.array.astype(np.uint16), labels.geometry)
    result = sitk.Resample(moving, _grid(onto), registered.transform, sitk.sitkNearestNeighbor, 0)
    return np.asarray(sitk.GetArrayFromImage(result)).reshape(onto.shape)


def warped_image(image: Volume, onto: Geometry, registered: Registered) -> NDArray[np.float32]:
    """The moving volume, 0..1, on the grid of the fixed one."""
    moving = _as_sitk(normalise(image.array, robust_window(image.array)).astype(np.float32), image.geometry)
    result = sitk.Resample(moving, _grid(onto), registered.transform)
    return np.asarray(sitk.GetArrayFromImage(result)).reshape(onto.shape)


def _grid(geometry: Geometry) -> sitk.Image:
    return _as_sitk(np.zeros(geometry.shape, np.uint8), geometry)


def _as_sitk(array: NDArray[np.generic], geometry: Geometry) -> sitk.Image:
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
