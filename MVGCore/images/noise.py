"""What kind of noise an image has, and how much."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

FloatArray = NDArray[np.float64]
NOISE_KINDS = ("gaussian", "rician", "poisson")
BINS = 24
RAYLEIGH_MEAN = float(np.sqrt(np.pi / 2))  # of pure noise in a magnitude image, in standard deviations
_RAYLEIGH_DEVIATION = float(np.sqrt(2 - np.pi / 2))
_RICIAN_IN_AIR = 0.6
_STEPS = 400  # of the tables of Rician moments
_BETTER_FIT = 0.85  # another kind than Gaussian must fit so much better
EMPTY = 5e-3  # so much above the floor something is shown
LEAST_NOISE = 1e-3  # no noise at all
DARKEST = 1e-4  # share of the pixels that are darker than the floor
AIR_MARGIN = 1.06  # what is hardly brighter than noise alone is taken for air: the bias is steep there
FAINT = 0.15  # of the strongest noise: what is below it is as good as none
QUANTILE = 0.35  # of the detail: below the median, since edges are detail too
_HALF_NORMAL = float(special.ndtri(0.5 + QUANTILE / 2))


@lru_cache(maxsize=1)
def rician_moments() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Signals from 0 to 10, and mean and standard deviation of their magnitude; noise of 1 per channel."""
    signal = np.linspace(0, 10, _STEPS)
    x = signal**2 / 4
    mean = np.sqrt(np.pi / 2) * ((1 + 2 * x) * special.ive(0, x) + 2 * x * special.ive(1, x))
    return signal, mean, np.sqrt(np.maximum(signal**2 + 2 - mean**2, 1e-6))


@dataclass(frozen=True)
class Noise:
    """Noise of a volume.

    Attributes:
        kind: "gaussian", "rician" (magnitude MR) or "poisson" (counts, as in low-dose CT).
        level: its standard deviation; of Poisson noise that at the intensity `floor + 1`.
        floor: the intensity of no signal.
    """

    kind: str
    level: float
    floor: float = 0.0

    def deviation(self, mean: Tensor) -> Tensor:
        """Standard deviation of the noise where the noisy image has these mean intensities."""
        above = (mean - self.floor).clamp(min=0)
        if self.kind == "poisson":
            return self.level * above.sqrt()
        if self.kind == "rician":
            _, means, deviations = rician_moments()
            looked_up = np.interp(above.numpy() / self.level, means, deviations)
            return torch.from_numpy(looked_up).float() * self.level
        return torch.full_like(mean, self.level)

    def rescaled(self, low: float, high: float) -> Noise:
        """The same noise after `low` and `high` have become 0 and 1."""
        size = high - low
        level = self.level / (size**0.5 if self.kind == "poisson" else size)
        return Noise(self.kind, level, (self.floor - low) / size)

    def mean(self, clean: Tensor) -> Tensor:
        """Mean intensities of the noisy image of a clean one: magnitudes are larger than the signal."""
        if self.kind != "rician":
            return clean
        signal, means, _ = rician_moments()
        above = ((clean - self.floor) / self.level).numpy()
        strong = np.sqrt(np.square(above) + 1)
        looked_up = np.where(above < signal[-1], np.interp(above, signal, means), strong)
        return torch.from_numpy(looked_up).float() * self.level + self.floor

    def add(self, clean: Tensor, rng: np.random.Generator) -> Tensor:
        """Noisy images of clean ones."""

        def normal() -> Tensor:
            return torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32)) * self.level

        if self.kind == "gaussian":
            return clean + normal()
        above = (clean - self.floor).clamp(min=0)
        if self.kind == "rician":
            return torch.hypot(above + normal(), normal()) + self.floor
        counts = rng.poisson((above / self.level**2).numpy()).astype(np.float32)
        return torch.from_numpy(counts) * self.level**2 + self.floor

    def stabilise(self, noisy: Tensor) -> tuple[Tensor, float]:
        """Intensities whose noise is about the same everywhere, and its standard deviation."""
        if self.kind != "poisson":
            return noisy, self.level
        counts = (noisy - self.floor).clamp(min=0) / self.level**2
        return 2 * (counts + 3 / 8).sqrt(), 1.0  # Anscombe (1948)

    def restore(self, smooth: Tensor) -> Tensor:
        """The signal behind stabilised intensities without noise; the bias of magnitudes is taken away."""
        if self.kind == "poisson":
            return ((smooth.clamp(min=1.2) / 2).square() - 1 / 8) * self.level**2 + self.floor
        if self.kind == "rician":
            signal, means, _ = rician_moments()
            level = self.level * AIR_MARGIN
            scaled = ((smooth - self.floor) / level).numpy()
            strong = np.sqrt(np.maximum(np.square(scaled) - 1, 0))
            looked_up = np.where(scaled < means[-1], np.interp(scaled, means, signal), strong)
            return torch.from_numpy(looked_up).float() * level + self.floor
        return smooth


def measure_noise(planes: Tensor, smooth: Tensor) -> Noise:
    """Kind and level of the noise of slices.

    The noise is seen in the finest diagonal detail in three dimensions, which holds little else, in places of
    like intensity: how it grows with the intensity tells the kind.

    Args:
        planes: (T, 3, H, W) previous, this and next slice.
        smooth: (T, H, W) the middle slices with their noise shrunk away, still with the bias that magnitudes
            have.
    """
    noisy, detail = planes[:, 1], _finest_detail(planes).abs().flatten()
    means = F.avg_pool2d(smooth[:, None], 2, stride=1)[:, 0].flatten()
    floor = float(noisy.flatten().kthvalue(max(1, int(noisy.numel() * DARKEST))).values)
    # What was cut away or holds no signal has no noise to measure.
    shows = means > floor + EMPTY
    means, detail = means[shows], detail[shows]
    if len(means) < 16 * BINS:
        return Noise("gaussian", LEAST_NOISE)
    parts = means.argsort().tensor_split(BINS)
    mean = torch.stack([means[part].mean() for part in parts])
    deviation = torch.stack([detail[part].quantile(QUANTILE) for part in parts]) / _HALF_NORMAL
    return _best_kind(mean, deviation.clamp(min=LEAST_NOISE), floor)


def _finest_detail(planes: Tensor) -> Tensor:
    """(T, 3, H, W) -> (T, H - 1, W - 1) with the deviation of the noise."""
    corners = torch.tensor([[[[0.5, -0.5], [-0.5, 0.5]]]])
    before, own, after = (
        F.conv2d(planes.flatten(0, 1)[:, None], corners)[:, 0].unflatten(0, (-1, 3)).unbind(1)
    )
    # At an end of the volume a slice stands for its own neighbour.
    is_end = (after == own).flatten(1).all(1)[:, None, None]
    other = torch.where(is_end, before, after)
    return (own - other) / 2**0.5


def _best_kind(mean: Tensor, deviation: Tensor, floor: float) -> Noise:
    level = float(deviation.median())
    best = Noise("gaussian", level)
    misfit = _BETTER_FIT * _misfit(best, mean, deviation)
    above = (mean - floor).clamp(min=1e-3)
    noisy = deviation >= FAINT * deviation.max()
    slopes = (deviation / above.sqrt())[noisy].quantile(torch.linspace(0.3, 1, 8)).tolist()
    # A few levels around the median: where there is no signal, magnitudes are less noisy than elsewhere.
    others = [Noise("poisson", slope, floor) for slope in slopes]
    others += [Noise("rician", level * f, floor) for f in np.linspace(0.8, 1.7, 19)]
    # Air around a body has a mean in a fixed proportion to its deviation: a clear sign of magnitudes.
    dark = len(mean) // 4
    air = float(above[:dark].median()) / RAYLEIGH_MEAN
    is_air = abs(float(deviation[:dark].median()) / (air * _RAYLEIGH_DEVIATION) - 1) < 0.15
    for noise in others:
        if noise.kind == "rician" and noise.level * 0.8 > float(above.min()) / RAYLEIGH_MEAN:
            continue
        weight = _RICIAN_IN_AIR if noise.kind == "rician" and is_air else 1
        weighted = weight * _misfit(noise, mean, deviation)
        if weighted < misfit:
            best, misfit = noise, weighted
    measured = _measured_in_air(above, floor) if best.kind == "rician" and is_air else best
    return measured if abs(measured.level / best.level - 1) < 0.15 else best


def _measured_in_air(above: Tensor, floor: float) -> Noise:
    """Rician noise from the brightness of the air, which tells its level best; `above` by bins, ascending."""
    air = above[above < 1.15 * above[: len(above) // 4].median()]
    # The darkest of all pixels, taken for the floor, is not quite as dark.
    darkest = (-2 * np.log1p(-DARKEST)) ** 0.5
    level = float(air.mean()) / (RAYLEIGH_MEAN - darkest)
    return Noise("rician", level, floor - darkest * level)


def _misfit(noise: Noise, mean: Tensor, deviation: Tensor) -> float:
    least = FAINT * float(deviation.max())
    return float((noise.deviation(mean).clamp(min=least) / deviation.clamp(min=least)).log().abs().mean())
