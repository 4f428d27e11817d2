"""Examples of other volumes, carried over to a volume that has none of its own.

What a labelled slice of another patient says depends on where it would lie here. Each volume of examples is
matched as a whole: its slices keep their order and distances, and are moved along the axis (and in the plane,
each by itself) to where they are most like this volume's slices, either true to scale or stretched to the
field of view. Each label is then bent to the slice that it was matched to by a deformation of the images
(symmetric-forces demons, Thirion 1998, in SimpleITK). From there on it counts as an example of this volume.
What each volume of examples says is propagated by itself, and the answers are averaged.

Dice over a volume from six labelled slices each of others, four training cases of hippocampus: from one other
.71, from two .70, from five .77 (from the two most similar of four .74). With the slices of two others taken
together as one set .67; the network alone, reading the foreign slices, .17; the whole label of another,
stretched to the volume, .63. On organs of head and neck averaging is no gain (three training cases: .30; as
one set .29).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import fft, ndimage

from MVGCore.prompts import Prompt
from MVGCore.segmentation.plan.grouping import label_values
from MVGCore.segmentation.plan.plan import slice_spacing
from MVGCore.volume import LabelMap, SliceKey, Volume
from MVGCore.volume.canvas import Canvas
from MVGCore.volume.normalise import Window, normalise, robust_window

SIDE = 96  # pixels of the squares on which slices are compared
COARSE = 2  # positions are sought on squares that are this much coarser
STRETCHES = (0.85, 1.0, 1.15)  # of the distances between slices, true to scale
LEVELS, ITERATIONS = 3, 30
# Of the deformation, in pixels of the square; Dice of the labels with 1, 1.5, 2: .67, .67, .65.
SMOOTHNESS = 1.5
MOST_VOLUMES = 6  # volumes of examples that are propagated; each takes its own time
QUANTILES = np.linspace(0, 1, 32)

Planes = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Match:
    """Where the slices of one volume lie in another.

    Attributes:
        likeness: mean correlation of the slices with those they are matched to, -1..1.
        canvas: on which they are drawn.
        drawn: (N, SIDE, SIDE) the slices.
        places: (N,) the slices they are matched to; outside the volume for those that have none.
        shifts: (N, 2) by which they are moved in the plane, in pixels of the square.
    """

    likeness: float
    canvas: Canvas
    drawn: Planes
    places: NDArray[np.intp]
    shifts: Points


def transfer_labels(foreign: Sequence[Prompt], image: Volume) -> list[list[Prompt]]:
    """Labelled slices of this volume, made of those of others.

    For each of the other volumes, most similar ones first, at most one per slice, by index. Of many volumes
    the `MOST_VOLUMES` most similar ones are taken, and those that show a class that these do not.

    Args:
        foreign: labelled slices of other volumes, all of the same axis.
        image: the volume.
    """
    axis, window = foreign[0].axis, robust_window(image.array)
    planes = np.moveaxis(image.array, axis, 0)
    spacing = slice_spacing(image.geometry.array_spacing, axis)
    canvas = Canvas.whole((int(planes.shape[1]), int(planes.shape[2])), spacing[1:], SIDE)
    # Slice by slice: a large volume normalised as a whole would double its memory.
    drawn = np.stack([canvas.draw_image(normalise(plane, window)) for plane in planes])
    matched = [(each, _match(each, drawn, canvas, spacing)) for each in _by_volume(foreign)]
    matched.sort(key=lambda each: -each[1].likeness)
    told = [_labels(prompts, match, drawn, canvas) for prompts, match in _most(matched)]
    return [
        _prompts(labels, image, axis, window)
        for labels in told
        if any(plane.any() for plane in labels.values())
    ]


def _most(matched: Sequence[tuple[list[Prompt], Match]]) -> Iterator[tuple[list[Prompt], Match]]:
    """The first `MOST_VOLUMES`, and those of the rest that show a class that nobody showed before."""
    covered: set[int] = set()
    for n, (prompts, match) in enumerate(matched):
        classes = {value for prompt in prompts for value in label_values(prompt.labels)}
        if n < MOST_VOLUMES or classes - covered:
            yield prompts, match
        covered |= classes


def _labels(
    prompts: Sequence[Prompt], match: Match, drawn: Planes, canvas: Canvas
) -> dict[int, NDArray[np.uint16]]:
    """Slice -> labels, bent from the slice of another volume that is most like it of those matched to it."""
    best: dict[int, tuple[float, NDArray[np.uint16]]] = {}
    for n, prompt in enumerate(prompts):
        place = int(match.places[n])
        if not 0 <= place < len(drawn):
            continue
        field, difference = _deformation(drawn[place], match.drawn[n], match.shifts[n])
        if place not in best or difference < best[place][0]:
            best[place] = (difference, _bent(prompt.labels, match.canvas, canvas, field))
    return {place: labels for place, (_, labels) in best.items()}


def _prompts(
    labels: Mapping[int, NDArray[np.uint16]], image: Volume, axis: int, window: Window
) -> list[Prompt]:
    """Slices of a volume with these labels, by index."""
    array = np.zeros(image.geometry.shape, np.uint16)
    for place, plane in labels.items():
        np.moveaxis(array, axis, 0)[place] = plane
    transferred = LabelMap.of(array, image.geometry)
    return [Prompt.of(image, transferred, SliceKey(axis, place), window) for place in sorted(labels)]


def _by_volume(prompts: Sequence[Prompt]) -> Iterator[list[Prompt]]:
    """The prompts of each volume, by index."""
    volumes: dict[object, list[Prompt]] = {}
    for prompt in prompts:
        volumes.setdefault((prompt.source, prompt.geometry, prompt.window), []).append(prompt)
    for each in volumes.values():
        yield sorted(each, key=lambda prompt: prompt.index)


def _match(
    prompts: Sequence[Prompt], drawn: Planes, canvas: Canvas, spacing: tuple[float, float, float]
) -> Match:
    """Slices of one other volume matched to those of this one, drawn on a canvas, (K, SIDE, SIDE)."""
    shape = (int(prompts[0].labels.shape[0]), int(prompts[0].labels.shape[1]))
    along, *across = slice_spacing(prompts[0].geometry.array_spacing, prompts[0].axis)
    depth, others = len(drawn), prompts[0].geometry.shape[prompts[0].axis]
    pixel = canvas.pixel_mm(spacing[1:])
    true = (pixel / across[0], pixel / across[1])
    stretched = (canvas.scale[0] * shape[0] / canvas.shape[0], canvas.scale[1] * shape[1] / canvas.shape[1])
    middle = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    slopes = [stretch * along / spacing[0] for stretch in STRETCHES] + [depth / others]
    indices = np.array([prompt.index for prompt in prompts])
    matches = []
    intensities = np.stack([normalise(prompt.image[1], prompt.window) for prompt in prompts])
    for scale in (true, stretched):
        own = Canvas(shape, SIDE, middle, scale)
        theirs = own.draw_image(intensities)
        likeness, shifts = _correlation(_coarse(drawn), _coarse(theirs))
        places = _best_places(likeness, indices, slopes)
        rows = np.arange(len(prompts))
        inside = np.clip(places, 0, depth - 1)
        mean = float(np.where(places == inside, likeness[rows, inside], 0).mean())
        matches.append(Match(mean, own, theirs, places, COARSE * shifts[rows, inside]))
    return max(matches, key=lambda match: match.likeness)


def _coarse(planes: Planes) -> Planes:
    side = SIDE // COARSE
    return planes.reshape(-1, side, COARSE, side, COARSE).mean((2, 4))


def _correlation(fixed: Planes, moving: Planes) -> tuple[Points, Points]:
    """Of N moving planes (N, s, s) with K fixed ones: the highest correlation over shifts in the plane by up
    to a quarter of the side (N, K), and that shift in pixels (N, K, 2)."""
    side = fixed.shape[-1]
    reach = np.r_[0 : side // 4 + 1, 2 * side - side // 4 : 2 * side]

    def spectrum(planes: Planes) -> NDArray[np.complexfloating]:
        centered = planes - planes.mean((1, 2), keepdims=True)
        length = np.linalg.norm(centered, axis=(1, 2), keepdims=True)
        return np.asarray(fft.rfft2(centered / (length + 1e-6), (2 * side, 2 * side)))

    of_fixed, likeness, shifts = spectrum(fixed), [], []
    for one in spectrum(moving):
        correlation = fft.irfft2(of_fixed * one.conj(), (2 * side, 2 * side))[:, reach][:, :, reach]
        flat = correlation.reshape(len(fixed), -1)
        best = flat.argmax(1)
        likeness.append(flat[np.arange(len(fixed)), best])
        nearest = reach[np.stack(np.divmod(best, len(reach)), 1)]
        shifts.append(np.where(nearest > side, nearest - 2 * side, nearest))
    return np.stack(likeness).astype(np.float64), np.stack(shifts).astype(np.float64)


def _best_places(likeness: Points, indices: NDArray[np.integer], slopes: Sequence[float]) -> NDArray[np.intp]:
    """(N,) the slices to which N slices with these indices are matched: on a line of one of the slopes, where
    the likeness (N, K) is highest in all."""
    rows, depth = np.arange(len(indices)), likeness.shape[1]
    best = (-np.inf, np.zeros(len(indices), np.intp))
    for slope in slopes:
        relative = (indices - indices.mean()) * slope
        for middle in range(depth):
            places = np.round(relative + middle).astype(np.intp)
            inside = np.clip(places, 0, depth - 1)
            score = float(np.where(places == inside, likeness[rows, inside], 0).sum())
            if score > best[0]:
                best = (score, places)
    return best[1]


def _deformation(fixed: Planes, moving: Planes, shift: Points) -> tuple[Points, float]:
    """Where each pixel of a square lies on the square of another slice, (2, SIDE, SIDE), and how different
    the images are after that (mean absolute difference)."""
    shifted = ndimage.shift(moving, shift, order=1, mode="nearest")
    alike = np.interp(shifted, np.quantile(shifted, QUANTILES), np.quantile(fixed, QUANTILES))
    images = [sitk.GetImageFromArray(each.astype(np.float32)) for each in (fixed, alike)]
    here, there = (_shrunk(each, LEVELS - 1) for each in images)
    field = _demons().Execute(here, there)
    for level in reversed(range(LEVELS - 1)):
        here, there = (_shrunk(each, level) for each in images)
        start = sitk.Resample(field, here, sitk.Transform(), sitk.sitkLinear, 0.0, field.GetPixelID())
        field = _demons().Execute(here, there, start)
    bend = np.moveaxis(sitk.GetArrayFromImage(field), -1, 0)[::-1]  # SimpleITK gives columns first
    places = np.indices(fixed.shape) + bend
    result = ndimage.map_coordinates(alike, places, order=1, mode="nearest")
    return places - shift[:, None, None], float(np.abs(result - fixed).mean())


def _demons() -> sitk.FastSymmetricForcesDemonsRegistrationFilter:
    demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    demons.SetNumberOfIterations(ITERATIONS)
    demons.SetStandardDeviations(SMOOTHNESS)
    return demons


def _shrunk(image: sitk.Image, level: int) -> sitk.Image:
    if not level:
        return image
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, 2**level / 2), [2**level] * 2)


def _bent(labels: NDArray[np.uint16], theirs: Canvas, ours: Canvas, field: Points) -> NDArray[np.uint16]:
    """Labels of another volume's slice on a slice of this one; `field` as from `_deformation`."""
    pixels = np.indices(ours.shape).reshape(2, -1).T
    on_square = ours.to_canvas(pixels).T
    there = np.stack([ndimage.map_coordinates(part, on_square, order=1, mode="nearest") for part in field])
    places = theirs.to_slice(there.T).T
    ids = [int(each) for each in np.unique(labels)]
    shares = [
        ndimage.map_coordinates((labels == each).astype(np.float32), places, order=1, cval=float(each == 0))
        for each in ids
    ]
    return np.array(ids, np.uint16)[np.argmax(shares, 0)].reshape(ours.shape)
