"""Registration of two volumes: affine by correlation, then diffeomorphic demons (SimpleITK).

Both run in one thread and draw their samples with a fixed seed: the same volumes give the same bits. Single
slices are registered in their plane; the positions of their transform count from the first pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MVGCore.datasets.atlas.scan import SMALLEST, Scan, as_sitk, scanned_in_both
from MVGCore.volume import Geometry, LabelMap, Volume, normalise, robust_window

AFFINE_STEPS = 60
LEAST_IN_SIGHT = 0.5  # of what a volume shows, seen in another one
SEED = 1
AFFINE_SAMPLES = 20_000
DEMONS_STEPS = 30
SMOOTHNESS = 1.5  # of the deformation, in voxels
LEVELS = (4, 2, 1)  # by which both are shrunk, one after the other


@dataclass(frozen=True)
class Registered:
    """How one volume lies on another.

    Attributes:
        transform: from positions of the fixed volume to those of the moving one, LPS mm; of single slices
            from columns and rows to columns and rows, mm.
        likeness: of both after the affine part, -1..1.
    """

    transform: sitk.Transform
    likeness: float


def affine(fixed: Scan, moving: Scan, start: sitk.Transform | None = None) -> Registered:
    """The affine registration of two volumes that show the same part of the body, from where they lie or, if
    nothing is known of that, from the best of three guesses.

    Borders of what was scanned lead to where the two overlap; from there on only what both show counts.
    """
    if start is None:
        whole, other = Scan(fixed.image), Scan(moving.image)
        start = _optimised(whole, other, _guessed(whole, other))
        if fixed.scanned is None and moving.scanned is None:
            return Registered(start, likeness(fixed, moving.on(fixed, start)))
    return max(
        (Registered(way, likeness(fixed, moving.on(fixed, way))) for way in _ways(fixed, moving, start)),
        key=lambda registered: registered.likeness,
    )


def _ways(fixed: Scan, moving: Scan, start: sitk.Transform) -> Iterator[sitk.Transform]:
    """A start and what it is improved to, if enough is in sight of both."""
    yield start
    with suppress(RuntimeError):  # ITK finds no samples
        yield _optimised(fixed, moving, start)


def _optimised(fixed: Scan, moving: Scan, start: sitk.Transform) -> sitk.Transform:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    voxels = fixed.image.GetNumberOfPixels()
    if fixed.scanned is not None:
        method.SetMetricFixedMask(fixed.scanned)
        voxels = max(1, int(sitk.GetArrayViewFromImage(fixed.scanned).sum()))
    if moving.scanned is not None:
        method.SetMetricMovingMask(moving.scanned)
    method.SetMetricSamplingPercentage(min(1.0, AFFINE_SAMPLES / voxels), SEED)
    method.SetNumberOfThreads(1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, AFFINE_STEPS)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([1, 0])
    method.SetInitialTransform(sitk.AffineTransform(start), inPlace=True)
    return method.Execute(fixed.image, moving.image)


def _guessed(fixed: Scan, moving: Scan) -> sitk.Transform:
    """Middle on middle, true to scale or stretched to the same extent, or centre of mass on centre of mass:
    whichever is most alike."""
    middle = _from_point_to_point(fixed.middle, moving.middle)
    mass = _from_point_to_point(fixed.centre_of_mass, moving.centre_of_mass)
    stretched = sitk.AffineTransform(middle)
    stretched.Scale(moving.extent / fixed.extent, True)
    starts = [middle, mass, stretched]
    return max(starts, key=lambda start: likeness(fixed, moving.on(fixed, start)))


def _from_point_to_point(here: tuple[float, ...], there: tuple[float, ...]) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(len(here))
    transform.SetCenter(here)
    transform.SetTranslation([b - a for a, b in zip(here, there, strict=True)])
    return transform


def likeness(fixed: Scan, moving: Scan) -> float:
    """Correlation of two on one grid where both show something; it counts less where that is less than half
    of what the first one shows."""
    one, other = (sitk.GetArrayViewFromImage(each.image) for each in (fixed, moving))
    both = scanned_in_both(fixed, moving)
    share = 1.0
    if both is not None:
        of = both.size if fixed.scanned is None else sitk.GetArrayViewFromImage(fixed.scanned).sum()
        share = min(1.0, float(both.sum() / max(1, of)) / LEAST_IN_SIGHT)
        if not share:
            return 0.0
        one, other = one[both], other[both]
    one, other = one.ravel(), other.ravel()
    spread = float(one.std() * other.std())
    return share * float(np.mean((one - one.mean()) * (other - other.mean())) / spread) if spread > 0 else 0.0


def deformed(fixed: Scan, moving: Scan, start: Registered) -> Registered:
    """The affine registration followed by a deformation.

    Borders of what was scanned take part: without them demons found less (docs/datasets.md).
    """
    placed = moving.on(fixed, start.transform).image
    field: sitk.Image | None = None
    for level in _levels(fixed.image):
        here, there = (_shrunk(each, level) for each in (fixed.image, placed))
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
    moving = as_sitk(labels.array.astype(np.uint16), labels.geometry)
    result = sitk.Resample(moving, _grid(onto), registered.transform, sitk.sitkNearestNeighbor, 0)
    return np.asarray(sitk.GetArrayFromImage(result)).reshape(onto.shape)


def warped_image(image: Volume, onto: Geometry, registered: Registered) -> NDArray[np.float32]:
    """The moving volume, 0..1, on the grid of the fixed one."""
    moving = as_sitk(normalise(image.array, robust_window(image.array)).astype(np.float32), image.geometry)
    result = sitk.Resample(moving, _grid(onto), registered.transform)
    return np.asarray(sitk.GetArrayFromImage(result)).reshape(onto.shape)


def _grid(geometry: Geometry) -> sitk.Image:
    return as_sitk(np.zeros(geometry.shape, np.uint8), geometry)
