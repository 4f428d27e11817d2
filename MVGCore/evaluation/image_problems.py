"""What the benchmark asks of the image tasks: volumes made noisy, given holes, or shown in another contrast.

Every method sees the same volume and is scored on the same slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.evaluation.cases import Case, read_cases
from MVGCore.evaluation.image_damage import (
    HOLES,
    LEVELS,
    FloatArray,
    make_holes,
    middle_slices,
)
from MVGCore.images.noise import NOISE_KINDS, Noise
from MVGCore.volume import Geometry, LabelMap, Volume, Window, normalise, read_volume, robust_window

CONTRASTS = (("t1", "t2"), ("t1", "flair"), ("t1", "t1c"))
EXAMPLE_COUNTS = (5, 3)
CHOICES = 3  # of the example slices

# (case, contrast) for denoising and inpainting: one of every kind of image, fixed before any result was seen.
IMAGES = (
    ("hippocampus_300", "t1"),
    ("head_neck_pt_242", "ct"),
    ("abdomen_ct", "ct"),
    ("abdomen_mr", "mr"),
    ("pgbm001", "flair"),
    ("ms_patient19", "t1"),
)
PAIRS = ("pgbm001", "ms_patient19")
SLAB = 24  # slices of a volume that are used, from its middle
COUNTED = 3  # slices that a denoising is scored on
THICK_MM = 6.0  # volumes of thinner slices are thinned out for synthesis, as they are seen in the clinic


@dataclass(frozen=True, eq=False)
class Problem:
    """One question to all methods.

    Attributes:
        task: "denoise", "inpaint" or "synthesize".
        case: the case's name.
        condition: what was done to it, such as "gaussian 0.1" or "t1 to t2, 5 slices".
        choice: which choice of examples, from 0.
        image: what is given.
        axis: array axis of the slices.
        truth: the answer, (K, J, I).
        window: of the answer: errors are measured as shares of it.
        slices: those that count.
        holes: what is missing, for inpainting.
        target: the wanted contrast with the slices `given` filled, for synthesis.
        given: the example slices.
        sigma: true standard deviation of the noise in the image's units, for methods that ask for it.
    """

    task: str
    case: str
    condition: str
    choice: int
    image: Volume
    axis: int
    truth: FloatArray
    window: Window
    slices: tuple[int, ...]
    holes: LabelMap | None = None
    target: Volume | None = None
    given: tuple[int, ...] = ()
    sigma: float = 0.0
    seed: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what a method returns: the counted slices, (T, H, W)."""
        planes = np.moveaxis(self.truth, self.axis, 0)
        return (len(self.slices), *planes.shape[1:])

    def call(self, method: Callable[[Problem], NDArray[Any]]) -> NDArray[Any]:
        """Put the question to a method."""
        return method(self)

    def planes(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array (K, J, I) with the slices first."""
        return np.moveaxis(array, self.axis, 0)


@dataclass(frozen=True)
class ImageSource:
    """A volume to make problems of, read when asked.

    Attributes:
        task: see `Problem`.
        case: the case.
        contrasts: the one to use, or (given, wanted).
    """

    task: str
    case: Case
    contrasts: tuple[str, ...]

    @property
    def conditions(self) -> tuple[tuple[str, int], ...]:
        """All (condition, choice) that are made of it."""
        if self.task == "denoise":
            return tuple((f"{kind} {level:g}", 0) for kind in NOISE_KINDS for level in LEVELS)
        if self.task == "inpaint":
            return tuple((kind, 0) for kind in HOLES)
        given, target = self.contrasts
        return tuple(
            (f"{given} to {target}, {count} slices", choice)
            for count in EXAMPLE_COUNTS
            for choice in range(CHOICES if count == EXAMPLE_COUNTS[0] else 1)
        )

    def problems(self, target: Sequence[tuple[str, int]]) -> Iterator[Problem]:
        """The problems of some conditions."""
        images = [read_volume(dict(self.case.images)[each]) for each in self.contrasts]
        make = {"denoise": _noisy, "inpaint": _holed, "synthesize": _paired}[self.task]
        for condition, choice in target:
            yield make(self, images, condition, choice)


def sources(cases: Sequence[Case] | None = None) -> list[ImageSource]:
    """What the suite consists of: the cases that are there, in a fixed order.

    Args:
        cases: to choose from; those of the role "bench" when None.

    Raises:
        InputError: there is no data.
    """
    there = {case.id: case for case in (read_cases("bench") if cases is None else cases)}
    chosen = []
    for task in ("denoise", "inpaint"):
        chosen += [ImageSource(task, there[case], (name,)) for case, name in IMAGES if case in there]
    for pair in CONTRASTS:
        for case in PAIRS:
            if case in there and set(pair) <= dict(there[case].images).keys():
                chosen.append(ImageSource("synthesize", there[case], pair))
    if not chosen:
        raise InputError("None of the cases of the image tasks is there: let MVG_DATA name their folder.")
    return chosen


def slab_of(volume: Volume, axis: int, slices: Sequence[int]) -> Volume:
    """Some evenly spaced slices of a volume."""
    array = np.ascontiguousarray(np.take(volume.array, slices, axis=axis))
    spacing = list(volume.geometry.spacing)
    spacing[2 - axis] *= slices[1] - slices[0]
    return replace(volume, array=array, geometry=Geometry(array.shape, tuple(spacing)))  # type: ignore[arg-type]


def _clean(source: ImageSource, image: Volume) -> tuple[Volume, Window]:
    """The middle of a volume in 0..1, and its window."""
    axis = source.case.axis
    slab = slab_of(image, axis, list(middle_slices(image.array.shape[axis], SLAB)))
    window = robust_window(image.array)
    return replace(slab, array=normalise(slab.array, window), name=source.case.id), window


def _raw(array: NDArray[Any], window: Window) -> FloatArray:
    return (array * (window.high - window.low) + window.low).astype(np.float32)


def _noisy(source: ImageSource, images: Sequence[Volume], condition: str, choice: int) -> Problem:
    clean, window = _clean(source, images[0])
    kind, level = condition.split()
    noise, rng = Noise(kind, float(level)), np.random.default_rng(choice)
    noisy = noise.add(torch.from_numpy(clean.array), rng).numpy()
    # That of Poisson noise varies: its mean within the body.
    body = clean.array[clean.array > 0.1]
    sigma = float(level) * (float(np.sqrt(body.mean())) if kind == "poisson" and body.size else 1.0)
    return Problem(
        "denoise",
        source.case.id,
        condition,
        choice,
        replace(clean, array=_raw(noisy, window)),
        source.case.axis,
        _raw(clean.array, window),
        window,
        tuple(middle_slices(clean.array.shape[source.case.axis], COUNTED)),
        sigma=sigma * (window.high - window.low),
    )


def _holed(source: ImageSource, images: Sequence[Volume], condition: str, choice: int) -> Problem:
    clean, window = _clean(source, images[0])
    axis = source.case.axis
    rng = np.random.default_rng([choice, HOLES.index(condition)])
    planes = np.moveaxis(clean.array, axis, 0)
    holes = make_holes(planes > 0.1, condition, clean.geometry.array_spacing[axis], rng)
    given = np.moveaxis(_raw(planes, window), 0, axis).copy()
    mask = np.ascontiguousarray(np.moveaxis(holes, 0, axis))
    given[mask] = window.low
    return Problem(
        "inpaint",
        source.case.id,
        condition,
        choice,
        replace(clean, array=given),
        axis,
        _raw(clean.array, window),
        window,
        tuple(int(k) for k in np.flatnonzero(holes.any((1, 2)))),
        holes=LabelMap.of(mask.astype(np.uint8), clean.geometry),
    )


def _paired(source: ImageSource, images: Sequence[Volume], condition: str, choice: int) -> Problem:
    axis = source.case.axis
    kept = _shown_slices(images[0], axis)
    image, target = (slab_of(each, axis, kept) for each in images)
    count, depth = int(condition.split()[-2]), len(kept)
    given = choose_examples(depth, count, choice)
    window = robust_window(target.array)
    few = np.full_like(target.array, target.array.min())
    part = (slice(None),) * axis + (list(given),)
    few[part] = target.array[part]
    return Problem(
        "synthesize",
        source.case.id,
        condition,
        choice,
        replace(image, name=source.case.id),
        axis,
        target.array.astype(np.float32),
        window,
        tuple(k for k in range(depth) if k not in given),
        target=replace(target, array=few),
        given=given,
    )


def _shown_slices(image: Volume, axis: int) -> list[int]:
    """Slices that show the body, thinned out to a clinical thickness."""
    planes = normalise(np.moveaxis(image.array, axis, 0), robust_window(image.array))
    shows = np.flatnonzero((planes > 0.1).mean((1, 2)) > 0.08)
    step = max(1, round(THICK_MM / image.geometry.array_spacing[axis]))
    return list(range(int(shows[0]), int(shows[-1]) + 1, step))


def choose_examples(depth: int, count: int, choice: int) -> tuple[int, ...]:
    """Example slices: the middle of `count` equal parts, or for another choice one drawn from each part."""
    bounds = np.linspace(0, depth, count + 1)
    if choice == 0:
        chosen = np.ceil((bounds[:-1] + bounds[1:]) / 2 - 1).astype(int)
    else:
        edges = np.round(bounds).astype(int)
        chosen = np.random.default_rng(choice).integers(edges[:-1], edges[1:])
    return tuple(int(k) for k in chosen)
