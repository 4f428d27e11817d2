"""What others make of the same examples as `mvg label`: U-Nets of MONAI, multi-atlas by elastix and by ANTs.

    pip install monai itk-elastix antspyx
    MVG_DATA=/data python Testing/benchmarks/bench_peers.py --out runs/peers --half 0 --seconds 300

Volumes and examples are those of `bench_datasets.py`. The U-Nets learn from the drawn slices alone, for so
many processor seconds. Registration needs whole volumes: it gets the examples as MVG completed them, fused by
vote (elastix) or by joint label fusion (ANTs). What is done is kept in the folder; a second run goes on.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_datasets import Draw, scored, write_examples
from numpy.typing import NDArray

from MVGCore.datasets.atlas.atlas import Atlas
from MVGCore.datasets.learning import learn
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.work import Settings, Work
from MVGCore.evaluation.cases import Case, labelled_slices
from MVGCore.evaluation.tables import table
from MVGCore.models.device import autocast, select_device
from MVGCore.volume import Geometry, Volume, normalise, robust_window

UNKNOWN = 255  # of voxels that nobody labelled
SIDES = 8  # what the U-Net's levels divide
BATCH_2D = 8
Labels = NDArray[np.integer]
Peer = Callable[[Sequence[Case], Sequence[Atlas], Sequence[Case], float], Iterator[Labels]]


def needed(name: str, package: str) -> Any:
    """An optional module, or an end with what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SystemExit(f"This peer needs {package}: pip install {package} ({error}).") from error


@dataclass(frozen=True)
class Drawn:
    """A volume of which some slices are labelled.

    Attributes:
        image: (1, K, J, I) of mean 0 and spread 1, the slices' axis first.
        places: (1, K, J, I) 0, n for the n-th class, or UNKNOWN.
    """

    image: torch.Tensor
    places: torch.Tensor

    @classmethod
    def of(cls, case: Case, classes: Sequence[int], slices: int) -> Drawn:
        """Of a case and its evenly spaced slices."""
        loaded = case.load()
        places = np.searchsorted([0, *classes], loaded.truth.array)
        places = np.moveaxis(places, loaded.axis, 0)
        known = np.full(places.shape, UNKNOWN)
        chosen = list(labelled_slices(loaded.truth, loaded.axis, slices))
        known[chosen] = places[chosen]
        return cls(_seen(loaded.image, loaded.axis), torch.from_numpy(known[None]))


def _seen(image: Volume, axis: int) -> torch.Tensor:
    array = np.moveaxis(normalise(image.array, robust_window(image.array)), axis, 0).astype(np.float32)
    return torch.from_numpy((array - array.mean()) / (array.std() + 1e-3))[None]


def unet(dimensions: int, slices: int) -> Peer:
    """A residual U-Net of MONAI, as its tutorials set it up."""

    def label(
        examples: Sequence[Case], atlases: Sequence[Atlas], targets: Sequence[Case], seconds: float
    ) -> Iterator[Labels]:
        classes = sorted({class_id for atlas in atlases for class_id in atlas.ids})
        drawn = [Drawn.of(case, classes, slices) for case in examples]
        network = _trained(_samples(drawn, dimensions), dimensions, len(classes) + 1, seconds)
        for case in targets:
            loaded = case.load()
            seen = _seen(loaded.image, loaded.axis)
            # Slices are told of one by one, as a batch.
            batch = seen[None] if dimensions == 3 else seen.transpose(0, 1)
            with torch.no_grad():
                told = network(_padded(batch, dimensions)).argmax(1)
            places = told[0] if dimensions == 3 else told
            places = places[tuple(slice(0, n) for n in seen.shape[1:])]
            yield np.moveaxis(np.array([0, *classes])[places.numpy()], 0, loaded.axis)

    return label


def _samples(drawn: Sequence[Drawn], dimensions: int) -> list[dict[str, torch.Tensor]]:
    """Volumes, or their labelled slices, on one size."""
    pairs = [(each.image, each.places) for each in drawn]
    if dimensions == 2:
        pairs = [
            (image[:, k], places[:, k])
            for image, places in pairs
            for k in range(image.shape[1])
            if (places[:, k] != UNKNOWN).any()
        ]
    size = np.max([image.shape[1:] for image, _ in pairs], axis=0)
    size = -(-size // SIDES) * SIDES
    return [
        {"image": _to_size(image, size, None), "label": _to_size(places, size, UNKNOWN)}
        for image, places in pairs
    ]


def _to_size(planes: torch.Tensor, size: Sequence[int], value: int | None) -> torch.Tensor:
    rest = [int(b) - a for a, b in zip(planes.shape[1:], size, strict=True)]
    padding = [side for n in reversed(rest) for side in (0, n)]
    if value is None:
        return torch.nn.functional.pad(planes[None], padding, mode="replicate")[0]
    return torch.nn.functional.pad(planes, padding, value=value)


def _padded(batch: torch.Tensor, dimensions: int) -> torch.Tensor:
    padding = [side for n in reversed(batch.shape[-dimensions:]) for side in (0, -n % SIDES)]
    return torch.nn.functional.pad(batch, padding, mode="replicate")


def _trained(
    samples: Sequence[dict[str, torch.Tensor]], dimensions: int, channels: int, seconds: float
) -> torch.nn.Module:
    """For so many processor seconds, with MONAI's transforms and its loss of Dice and cross-entropy."""
    monai = needed("monai", "monai")
    transforms, device = importlib.import_module("monai.transforms"), select_device("cpu")
    monai.utils.set_determinism(0)
    network = importlib.import_module("monai.networks.nets").UNet(
        dimensions, 1, channels, (16, 32, 64, 128), (2, 2, 2), num_res_units=2
    )
    both = ["image", "label"]
    change = transforms.Compose(
        [
            transforms.RandAffined(
                both,
                prob=0.8,
                rotate_range=[0.2] * (3 if dimensions == 3 else 1),
                scale_range=[0.15] * dimensions,
                translate_range=[4] * dimensions,
                mode=("bilinear", "nearest"),
                padding_mode="border",
            ),
            transforms.RandGaussianNoised(["image"], prob=0.3, std=0.15),
            transforms.RandAdjustContrastd(["image"], prob=0.3, gamma=(0.7, 1.4)),
        ]
    )
    change.set_random_state(0)
    loss = importlib.import_module("monai.losses").DiceCELoss(
        softmax=True, to_onehot_y=True, include_background=False
    )
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-3)
    rng, start = np.random.default_rng(0), time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (0.02 + 0.49 * (1 + np.cos(np.pi * spent / seconds)))
        chosen = rng.integers(len(samples), size=1 if dimensions == 3 else BATCH_2D)
        changed = [change(samples[n]) for n in chosen]
        image, places = (torch.stack([each[key].as_tensor() for each in changed]) for key in both)
        with autocast(device):
            logits = network(image)
        known = (places != UNKNOWN)[:, 0]
        if not known.any():
            continue
        told = logits.float().movedim(1, -1)[known].T[None]
        optimiser.zero_grad()
        loss(told, places[:, 0][known][None, None].long()).backward()
        optimiser.step()
    return network.eval()


def elastix(
    examples: Sequence[Case], atlases: Sequence[Atlas], targets: Sequence[Case], seconds: float
) -> Iterator[Labels]:
    """Rigid, affine and B-spline registration with elastix' own settings; the majority of the atlases."""
    itk = needed("itk", "itk-elastix")
    settings = itk.ParameterObject.New()
    for name in ("rigid", "affine", "bspline"):
        settings.AddParameterMap(settings.GetDefaultParameterMap(name, 3))
    for case in targets:
        image, votes = case.load().image, []
        fixed = _itk(itk, image.array.astype(np.float32), image.geometry)
        for atlas in atlases:
            moving = _itk(itk, atlas.image.array.astype(np.float32), atlas.image.geometry)
            _, found = itk.elastix_registration_method(fixed, moving, settings, number_of_threads=1)
            for n in range(found.GetNumberOfParameterMaps()):
                found.SetParameter(n, "FinalBSplineInterpolationOrder", "0")
            labels = _itk(itk, atlas.labels.array.astype(np.float32), atlas.labels.geometry)
            votes.append(np.rint(itk.array_from_image(itk.transformix_filter(labels, found))).astype(int))
        yield _majority(votes)


def _itk(itk: Any, array: NDArray[np.float32], geometry: Geometry) -> Any:
    image = itk.image_from_array(array)
    image.SetSpacing(list(geometry.spacing))
    image.SetOrigin(list(geometry.origin))
    image.SetDirection(itk.matrix_from_array(np.array(geometry.direction).reshape(3, 3)))
    return image


def _majority(votes: Sequence[Labels]) -> Labels:
    ids = np.unique(votes)
    counts = np.stack([np.sum([vote == class_id for vote in votes], axis=0) for class_id in ids])
    return np.asarray(ids[counts.argmax(0)])


def ants(
    examples: Sequence[Case], atlases: Sequence[Atlas], targets: Sequence[Case], seconds: float
) -> Iterator[Labels]:
    """SyN registration of ANTs with its own settings, and joint label fusion."""
    module = needed("ants", "antspyx")
    for case in targets:
        image = case.load().image
        fixed, brought = _ants(module, image.array, image.geometry), []
        for atlas in atlases:
            moving, labels = (
                _ants(module, each.array, each.geometry) for each in (atlas.image, atlas.labels)
            )
            found = module.registration(fixed, moving, "SyN", random_seed=1, singleprecision=True)
            way = found["fwdtransforms"]
            warped = module.apply_transforms(fixed, labels, way, interpolator="nearestNeighbor")
            brought.append((module.apply_transforms(fixed, moving, way), warped))
        mask = module.iMath(fixed * 0 + sum(each for _, each in brought) > 0, "MD", 3)
        fused = module.joint_label_fusion(
            fixed, mask, [each for each, _ in brought], label_list=[each for _, each in brought], rad=2
        )
        yield np.rint(fused["segmentation"].numpy().transpose()).astype(int)


def _ants(module: Any, array: NDArray[Any], geometry: Geometry) -> Any:
    return module.from_numpy(
        array.astype(np.float32).transpose(),
        list(geometry.origin),
        list(geometry.spacing),
        np.array(geometry.direction).reshape(3, 3),
    )


def measured(
    name: str, peer: Peer, draw: Draw, atlases: Sequence[Atlas], options: argparse.Namespace
) -> list[str]:
    """One row: mean Dice, processor seconds for all volumes, volumes."""
    path = options.out / f"{options.group}-{options.half}-{name}-{options.slices}-{options.seconds:g}.json"
    if not path.exists():
        start = time.process_time()
        told = peer(draw.examples, atlases, draw.targets, options.seconds)
        scores = [scored(case, labels) for case, labels in zip(draw.targets, told, strict=True)]
        path.write_text(json.dumps({"scores": scores, "seconds": time.process_time() - start}))
    kept = json.loads(path.read_text())
    return [name, f"{np.mean(kept['scores']):.3f}", f"{kept['seconds']:.0f}", str(len(kept["scores"]))]


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--group", default="hippocampus")
    parser.add_argument("--half", type=int, choices=(0, 1), default=1)
    parser.add_argument("--examples", type=int, default=3)
    parser.add_argument("--slices", type=int, default=5)
    parser.add_argument("--most", type=int, default=12, help="volumes to label")
    parser.add_argument("--seconds", type=float, default=300.0, help="of training a U-Net")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", nargs="*", default=("unet3d", "unet2d", "elastix", "ants"))
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    draw = Draw.of(options.group, options.half, options.examples, options.most, options.seed)
    folder = (
        options.out / f"{options.group}-{options.half}-{options.examples}-{options.slices}-{options.seed}"
    )
    (folder / "examples").mkdir(parents=True, exist_ok=True)
    examples = write_examples(draw, folder / "examples", options.slices)
    work = learn(Work.of(folder, examples, Settings(device="cpu")), label_here)
    atlases = [Atlas.read(each.image, each.labels) for each in work.completed]
    known: dict[str, Peer] = {"unet3d": unet(3, options.slices), "unet2d": unet(2, options.slices)}
    known |= {"elastix": elastix, "ants": ants}
    rows = [measured(name, known[name], draw, atlases, options) for name in options.peers]
    print(table(["peer", "mean Dice", "processor seconds", "volumes"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
