"""A specialist of one data set: learned once, kept as a file, asked for each volume."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from MVGCore.datasets.atlas.judge import SHARES
from MVGCore.datasets.specialist.lessons import Teacher
from MVGCore.datasets.specialist.material import Material
from MVGCore.datasets.specialist.network import UNet
from MVGCore.datasets.specialist.training import Design, answer, train
from MVGCore.errors import InputError
from MVGCore.models.device import Device
from MVGCore.volume import Volume, atomic_path

# Held-out slices are few. A share other than the usual one, which did best on other volumes, has to gain so
# much Dice there for each whole share between the two.
USUAL_SHARE, USUAL_SHARE_OF_SLICES, CAUTION = 0.25, 0.5, 0.1
FIRST = 0.4  # of the steps: on the examples alone
ROUNDS = 2  # of learning from its own labels of other volumes; none of single slices, which taught it errors
# A step of training sees so many voxels in a second of a core, in half precision where the core has it built
# in, and takes so much beside. Minutes are translated to steps by these and not by the clock, so that a run
# that was broken off and begun anew comes to the same weights.
VOXELS_PER_SECOND = {torch.float32: 400_000, torch.bfloat16: 1_200_000}
SECONDS_BESIDE = 0.03


@dataclass(frozen=True)
class SpecialistCase:
    """A labelled volume to learn from.

    Attributes:
        image: the volume.
        probabilities: (classes + 1, K, J, I) what the other examples say of it.
        places: (K, J, I) its labels: 0, or n for the n-th class.
        known: of each class, whether it is labelled wherever it is.
        axis: array axis of the slices that were drawn.
        drawn: those slices.
        judging: of these, the ones that are not learned from.
    """

    image: Volume
    probabilities: NDArray[np.float32]
    places: NDArray[np.intp]
    known: tuple[bool, ...]
    axis: int
    drawn: tuple[int, ...]
    judging: tuple[int, ...]

    @property
    def weight(self) -> NDArray[np.float32]:
        """(K, J, I) 0 around the judging slices, halfway to the next drawn ones, and 1 elsewhere."""
        weight = np.ones(self.places.shape, np.float32)
        along = np.moveaxis(weight, self.axis, 0)
        others = np.array([each for each in self.drawn if each not in self.judging])
        for index in self.judging:
            near = np.abs(np.arange(len(along)) - index)
            to_others = (
                np.abs(np.arange(len(along))[:, None] - others).min(1)
                if len(others)
                else np.full(len(along), np.inf)
            )
            along[near < to_others] = 0
        return weight


@dataclass(frozen=True)
class Specialist:
    """A trained network and how much it counts.

    Attributes:
        design: what it was made for.
        network: with its weights.
        share: of it in the mixture with what registration says.
        dice: of the mixture, on the judging slices; and of registration alone there.
    """

    design: Design
    network: UNet
    share: float
    dice: tuple[float, float]

    def mixed(
        self, image: Volume, ids: Sequence[int], probabilities: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(classes + 1, K, J, I) probabilities of registration, corrected.

        Args:
            image: the volume.
            ids: the classes of the probabilities, some of the design's.
            probabilities: (len(ids) + 1, K, J, I) of background and classes.
        """
        if not self.share:
            return probabilities
        whole = np.zeros((len(self.design.classes) + 1, *image.array.shape), np.float32)
        rows = [0, *(self.design.classes.index(each) + 1 for each in ids)]
        whole[rows] = probabilities
        told = spoken(self.network, self.design, image, whole)[rows]
        told[0] += 1 - told.sum(0)  # what was said of classes that no example of this volume shows
        return (1 - self.share) * probabilities + self.share * told

    def save(self, path: Path) -> None:
        """Write it to a .safetensors file.

        Raises:
            OutputError: the file cannot be written.
        """
        from safetensors.torch import save_file

        about = {"design": json.dumps(asdict(self.design)), "share": str(self.share)}
        about["dice"] = json.dumps(self.dice)
        with atomic_path(path) as scratch:
            save_file({k: v.contiguous() for k, v in self.network.state_dict().items()}, scratch, about)

    @classmethod
    def load(cls, path: Path) -> Specialist:
        """Read what `save` wrote.

        Raises:
            InputError: the file is missing or damaged.
        """
        from safetensors import safe_open

        try:
            with safe_open(path, "pt") as stream:
                about, weights = stream.metadata(), {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            values = json.loads(about["design"])
            design = Design(*(tuple(values[name]) for name in ("classes", "voxel", "size")))
            network = design.network()
            network.load_state_dict(weights)
            before, after = json.loads(about["dice"])
            return cls(design, network.eval(), float(about["share"]), (before, after))
        except Exception as error:  # whatever the library raises on a damaged file
            raise InputError(f"'{path}' is damaged ({error}); remove it and run again.") from error


def spoken(
    network: UNet, design: Design, image: Volume, probabilities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(classes + 1, K, J, I) what a network alone says; far from all labels the background is certain."""
    material = Material.of(image, probabilities, design.voxel)
    nothing = np.zeros_like(probabilities)
    nothing[0] = 1
    return material.frame.put_back(answer(network, material, design), nothing)


def learn_specialist(
    classes: Sequence[int],
    cases: Sequence[SpecialistCase],
    others: Callable[[], Iterator[tuple[Volume, NDArray[np.float32]]]],
    minutes: float,
    seed: int,
    device: Device,
    cancelled: Callable[[], bool] = lambda: False,
    shown: Callable[[float, str], object] = lambda share, text: None,
) -> Specialist:
    """Train a specialist on labelled volumes and, in rounds, on its most confident labels of others.

    A round is kept if the judging slices gain by it. These also say how much the specialist counts.

    Args:
        classes: label values, ascending.
        cases: labelled volumes; at least one.
        others: volumes without labels, and what registration says of each.
        minutes: of one core, about.
        seed: of weights and lessons.
        device: the processor, with the precision in which is trained.
        cancelled: asked between steps.
        shown: called with the done fraction and a text.

    Raises:
        Cancelled: `cancelled()` was true.
    """
    voxel = np.median([case.image.geometry.array_spacing for case in cases], axis=0).tolist()
    materials = [_material(case, voxel) for case in cases]
    materials = [each for each in materials if each.weight is not None and each.weight.any()] or materials
    design = Design.of(classes, voxel, materials)
    step_seconds = np.prod(design.size) / VOXELS_PER_SECOND[device.dtype] + SECONDS_BESIDE
    steps = max(1, round(minutes * 60 / step_seconds))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = design.network()
    teacher = Teacher(design.size, seed)
    done = 0

    def learn(guessed: Sequence[Material], count: int) -> None:
        def tell(step: int) -> None:
            shown((done + step) / steps, f"{done + step} of {steps} lessons")

        train(network, teacher, materials, guessed, count, device, cancelled, tell)

    unlabelled = [] if design.flat else list(others())
    first = round(FIRST * steps) if unlabelled else steps
    learn([], first)
    done, best = first, _judged(network, design, cases)
    for _ in range(ROUNDS if unlabelled else 0):
        kept = {name: value.clone() for name, value in network.state_dict().items()}
        guessed = [
            Material.of(image, mix, voxel).guessed(mix)
            for image, mix in ((i, _mix(network, design, i, p, best[0])) for i, p in unlabelled)
        ]
        count = (steps - first) // ROUNDS
        learn(guessed, count)
        done, now = done + count, _judged(network, design, cases)
        if now[1] < best[1]:
            network.load_state_dict(kept)
            break
        best = now
    return Specialist(design, network.eval(), best[0], (best[1], best[2]))


def _mix(
    network: UNet, design: Design, image: Volume, probabilities: NDArray[np.float32], share: float
) -> NDArray[np.float32]:
    share = share or USUAL_SHARE  # a voice that is not heard yet learns from both all the same
    return (1 - share) * probabilities + share * spoken(network, design, image, probabilities)


def _material(case: SpecialistCase, voxel: Sequence[float]) -> Material:
    material = Material.of(case.image, case.probabilities, voxel, case.places)
    return material.taught(case.places, case.weight, case.known)


def _judged(network: UNet, design: Design, cases: Sequence[SpecialistCase]) -> tuple[float, float, float]:
    """The best share of the network, the Dice of that mixture on the judging slices, and that without it."""
    asked = [case for case in cases if case.judging]
    usual = USUAL_SHARE_OF_SLICES if design.flat else USUAL_SHARE
    if not asked:
        return usual, 0.0, 0.0
    told = [spoken(network, design, case.image, case.probabilities) for case in asked]
    scores = {
        share: _judging_dice(
            asked,
            [(1 - share) * case.probabilities + share * mine for case, mine in zip(asked, told, strict=True)],
        )
        for share in SHARES
    }
    best = max(SHARES, key=lambda share: scores[share] - CAUTION * abs(share - usual))
    return best, scores[best], scores[0.0]


def _judging_dice(cases: Sequence[SpecialistCase], probabilities: Sequence[NDArray[np.float32]]) -> float:
    """Mean over the classes that judging slices show, each of all these slices together.

    Slice by slice a class of which one shows a few pixels would count as much as all others.
    """
    overlap: Counter[int] = Counter()
    size: Counter[int] = Counter()
    for case, mine in zip(cases, probabilities, strict=True):
        index = list(case.judging)
        predicted = np.moveaxis(mine.argmax(0), case.axis, 0)[index]
        true = np.moveaxis(case.places, case.axis, 0)[index]
        for n in range(1, len(mine)):
            if case.known[n - 1]:
                overlap[n] += np.count_nonzero((predicted == n) & (true == n))
                size[n] += np.count_nonzero(predicted == n) + np.count_nonzero(true == n)
    return float(np.mean([2 * overlap[n] / size[n] for n in size if size[n]] or [0.0]))
