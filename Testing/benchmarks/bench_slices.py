"""Dice of a data set of single images, 5 of 40 labelled, beside what one would do instead.

    MVG_DATA=/data python Testing/benchmarks/bench_slices.py --out runs/slices

The images are the slices of different training volumes on which most is labelled, as PNG files. With --half 0
they are of the volumes that choices were made on, with --half 1 of the others, which are reported. MVG is the
command `mvg label`; the U-Net learns from the same labels for the same processor time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from MVGCore.datasets.atlas.atlas import Atlas, label_by_atlases
from MVGCore.datasets.atlas.registration import affine, deformed, warped_labels
from MVGCore.datasets.atlas.scan import Scan
from MVGCore.datasets.catalogue import read_catalogue
from MVGCore.datasets.examples import find_examples
from MVGCore.datasets.learning import learn
from MVGCore.datasets.manifest import read_results
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.run import label_dataset
from MVGCore.datasets.specialist.lessons import Teacher
from MVGCore.datasets.specialist.material import Material
from MVGCore.datasets.specialist.training import loss
from MVGCore.datasets.work import Settings, Work
from MVGCore.evaluation.cases import read_cases
from MVGCore.evaluation.tables import table
from MVGCore.metrics import dice_per_class
from MVGCore.volume import Geometry, LabelMap, Volume, normalise, read_labelmap, read_volume, robust_window
from MVGCore.volume.writing import write_labelmap, write_volume

Labels = NDArray[np.integer]


def write_images(group: str, half: int, count: int, folder: Path) -> None:
    """A slice each of so many volumes as pictures, and their true labels."""
    for name in ("images", "truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    cases = [case for case in read_cases("train") if case.group == group and case.label][half::2]
    most = max(len(case.classes) for case in cases)
    for case in [each for each in cases if len(each.classes) >= most - 1][:count]:
        if (folder / "truth" / f"{case.id}.png").exists():
            continue
        loaded = case.load()
        truth = np.moveaxis(loaded.truth.array, loaded.axis, 0)
        classes = [len(np.unique(plane)) for plane in truth]
        best = max(range(len(truth)), key=lambda k: (classes[k], np.count_nonzero(truth[k])))
        window = robust_window(loaded.image.array)
        plane = np.moveaxis(normalise(loaded.image.array, window), loaded.axis, 0)[best]
        grid = Geometry.identity((1, *plane.shape))
        write_volume(folder / "images" / f"{case.id}.png", Volume(np.uint8(np.rint(255 * plane))[None], grid))
        write_labelmap(folder / "truth" / f"{case.id}.png", LabelMap.of(truth[best][None], grid))


def scored(truth: Labels, found: Labels) -> float:
    """Mean Dice over the classes that the truth shows."""
    ids = [int(each) for each in np.unique(truth) if each]
    scores = dice_per_class(truth, np.where(np.isin(found, ids), found, 0).astype(np.uint16), ids)
    return float(np.mean([scores.get(each, 0.0) for each in ids]))


class PlainUNet(nn.Module):
    """A 2-D U-Net of three levels, the usual choice."""

    def __init__(self, classes: int, width: int = 16) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        self.down = nn.ModuleList(self._block(a, b) for a, b in zip([1, *widths], widths, strict=False))
        self.up = nn.ModuleList(
            self._block(a + b, b) for a, b in ((widths[2], widths[1]), (widths[1], width))
        )
        self.out = nn.Conv2d(width, classes + 1, 1)

    @staticmethod
    def _block(before: int, after: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for inside in (before, after):
            layers += [
                nn.Conv2d(inside, after, 3, padding=1),
                nn.InstanceNorm2d(after, affine=True),
                nn.ReLU(),
            ]
        return nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        kept = []
        for n, block in enumerate(self.down):
            image = block(functional.max_pool2d(image, 2) if n else image)
            kept.append(image)
        kept.pop()
        for block in self.up:
            finer = kept.pop()
            image = block(torch.cat((finer, functional.interpolate(image, finer.shape[2:])), 1))
        result: Tensor = self.out(image)
        return result


def unet(atlases: Sequence[Atlas], images: Sequence[Volume], seconds: float) -> list[Labels]:
    """What a plain U-Net says that learned from the labelled images for so many processor seconds."""
    torch.manual_seed(0)
    classes = sorted({each for atlas in atlases for each in atlas.ids})
    side = [-(-n // 4) * 4 for n in atlases[0].image.array.shape[1:]]
    whole = [_material(each.image, classes) for each in atlases]
    for n, atlas in enumerate(atlases):
        places = np.searchsorted([0, *classes], atlas.labels.array)
        known = [each in atlas.ids for each in classes]
        whole[n] = whole[n].taught(places, np.ones(places.shape, np.float32), known)
    network, teacher = PlainUNet(len(classes)), Teacher((1, *side), 0)
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3)
    start, step = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (0.05 + 0.475 * (1 + np.cos(np.pi * spent / seconds)))
        lesson = teacher.lesson(whole[step % len(whole)])
        optimiser.zero_grad()
        loss(network(lesson.shown[:, :1, 0])[:, :, None], lesson).backward()
        optimiser.step()
        step += 1
    network.eval()
    found = []
    with torch.no_grad():
        for image in images:
            seen = _material(image, classes).image
            rows, columns = seen.shape[2:]
            padded = functional.pad(seen[:, 0][None], (0, -columns % 4, 0, -rows % 4), mode="replicate")
            found.append(
                np.array([0, *classes])[network(padded)[0, :, :rows, :columns].argmax(0).numpy()][None]
            )
    return found


def _material(image: Volume, classes: Sequence[int]) -> Material:
    """The whole image, without a draft."""
    everywhere = np.ones(image.array.shape, np.uint8)
    nothing = np.zeros((len(classes) + 1, *image.array.shape), np.float32)
    return Material.of(image, nothing, (1.0, 1.0, 1.0), everywhere)


def peers(image: Volume, atlases: Sequence[Atlas]) -> dict[str, Labels]:
    """Labels of the most similar example as they are, registered, and those of all examples fused."""
    coarse = Scan.of(image)
    starts = [affine(coarse, atlas.coarse) for atlas in atlases]
    best = max(range(len(atlases)), key=lambda n: starts[n].likeness)
    way = deformed(coarse, atlases[best].coarse, starts[best])
    nearest = max(atlases, key=lambda atlas: _alike(image, atlas.image))
    ids, probabilities = label_by_atlases(image, atlases)
    return {
        "nearest image": _fitted(nearest.labels.array, image.array.shape),
        "registration": warped_labels(atlases[best].labels, image.geometry, way),
        "registration, all fused": np.array([0, *ids])[probabilities.argmax(0)],
    }


def _fitted(labels: Labels, shape: tuple[int, ...]) -> Labels:
    """Labels stretched to another size."""
    places = [np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(shape, labels.shape, strict=True)]
    return labels[np.ix_(*places)]


def _alike(one: Volume, other: Volume) -> float:
    return float(np.corrcoef(one.array.ravel(), _fitted(other.array, one.array.shape).ravel())[0, 1])


def measured(group: str, options: argparse.Namespace) -> list[str]:
    """One row of the table."""
    folder = options.out / f"{group}-{options.half}"
    write_images(group, options.half, options.images, folder)
    names = sorted(path.stem for path in (folder / "truth").glob("*.png"))
    order = np.random.default_rng(options.seed).permutation(len(names))
    chosen = [names[n] for n in order[: options.examples]]
    results = folder / f"results-{options.examples}-{options.minutes:g}-{options.seed}"
    results.mkdir(exist_ok=True)
    items = read_catalogue(str(folder / "images"))
    examples = find_examples([folder / "truth" / f"{name}.png" for name in chosen], items)
    start = time.process_time()
    work = learn(
        Work.of(results, examples, Settings(device="cpu", minutes=options.minutes)), label_here, items=items
    )
    learned = time.process_time() - start
    label_dataset(work, items, label_here)
    spent = time.process_time() - start
    rest = [names[n] for n in order[options.examples :]]
    read = {name: read_volume(folder / "images" / f"{name}.png") for name in names}
    truth = {name: read_labelmap(folder / "truth" / f"{name}.png").array for name in names}
    atlases = [Atlas.read(folder / "images" / f"{n}.png", folder / "truth" / f"{n}.png") for n in chosen]
    records = read_results(results)
    rows: dict[str, list[float]] = {}
    guesses = unet(atlases, [read[name] for name in rest], spent)
    for name, guess in zip(rest, guesses, strict=True):
        found = {"mvg label": read_labelmap(results / records[name].output).array}
        found |= {"U-Net": guess, **peers(read[name], atlases)}
        for method, labels in found.items():
            rows.setdefault(method, []).append(scored(truth[name], labels))
    means = [f"{method} {np.mean(values):.3f}" for method, values in rows.items()]
    return [
        group,
        *(each.rpartition(" ")[2] for each in means),
        f"{learned:.0f}",
        f"{spent:.0f}",
        str(len(rest)),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--groups", nargs="*", default=("hippocampus", "head_neck_ct"))
    parser.add_argument("--half", type=int, choices=(0, 1), default=1)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--examples", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    header = ["group", "mvg label", "U-Net", "nearest image", "registration", "registration, all fused"]
    header += ["seconds to learn", "seconds in all", "images"]
    print(table(header, [measured(group, options) for group in options.groups]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
