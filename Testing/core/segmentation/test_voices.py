"""What each voice of the product says of the phantom and of the demo brain by itself, so that swapped or
dropped parts are noticed.

The bundled weights, three labelled slices, six slices between them. A value that changes on purpose is
written down anew, with the change.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.evaluation.cases import demo_case
from MVGCore.prompts import PromptSet
from MVGCore.segmentation.fuse.mixture import USUAL_SHARES, blend
from MVGCore.segmentation.predict.context import GroupContext, canvases, generate
from MVGCore.session import Session
from MVGCore.volume import Geometry, LabelMap, Volume, neighbour_indices

ROOT = Path(__file__).resolve().parents[3]
CLOSE = 0.005
BRAIN_SLICES = slice(24, 37)  # of the demo brain in slices of 3 mm: through both ventricles

Gaps = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Pinned:
    """What was measured on a volume.

    Attributes:
        labelled: The labelled slices.
        gaps: Slices between two labelled ones.
        dice: Name of a voice -> mean Dice over classes and groups.
    """

    labelled: tuple[int, ...]
    gaps: Gaps
    dice: dict[str, float]


PINNED = {
    "phantom": Pinned(
        (8, 32, 56),
        ((14, 20, 26), (38, 44, 50)),
        {"geodesic": 0.921, "diffusion": 0.716, "appearance": 0.879, "network": 0.929, "mixture": 0.930},
    ),
    "brain": Pinned(
        (0, 6, 12),
        ((1, 3, 5), (7, 9, 11)),
        {"geodesic": 0.944, "diffusion": 0.854, "appearance": 0.899, "network": 0.908, "mixture": 0.919},
    ),
}


def phantom() -> tuple[Volume, LabelMap]:
    """The sample of the Slicer module, with its truth."""
    path = ROOT / "Resources" / "SampleData" / "make_phantom.py"
    spec = importlib.util.spec_from_file_location("make_phantom", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    truth = module.make_labels()
    image = module.make_image(truth, np.random.default_rng(module.SEED))
    geometry = Geometry(truth.shape, module.SPACING)
    return Volume(image, geometry, "phantom", "CT"), LabelMap(truth, geometry, module.CLASSES)


def voices(
    session: Session, context: GroupContext, slab: NDArray[np.generic], gap: tuple[int, ...]
) -> dict[str, Tensor]:
    """Name of a voice -> its probabilities (T, C, S, S) of the slices of a gap."""
    images, hint = canvases(context.group, slab), context.hint(gap)
    assert hint is not None
    chosen = context.prompts_for(gap[1])
    network = generate(session.model.network, session.model.device, context, images, gap, chosen, hint)
    appearance_at = context.appearance_at(session.model.network, session.model.device, images)
    assert appearance_at is not None
    everywhere = torch.ones(len(gap), *images.shape[-2:], dtype=torch.bool)
    appearance = appearance_at(everywhere).reshape(len(gap), *images.shape[-2:], -1).movedim(-1, 1)
    return {
        "geodesic": hint.geodesic,
        "diffusion": hint.diffusion,
        "appearance": appearance,
        "network": network,
        "mixture": blend(network, hint, appearance_at, USUAL_SHARES, context.small),
    }


def overlaps(found: Tensor, truth: Tensor, classes: int) -> NDArray[np.float64]:
    """(C, 2) twice the overlap of each class, and both areas together."""
    pairs = [((found == c), (truth == c)) for c in range(1, classes)]
    return np.array([[2 * int((a & b).sum()), int(a.sum()) + int(b.sum())] for a, b in pairs], float)


def brain() -> tuple[Volume, LabelMap]:
    """Some slices of the demo brain, with its tissues."""
    pytest.importorskip("nilearn", reason="the demo brain comes with nilearn")
    image, truth = demo_case(resolution_mm=3)
    array = image.array[BRAIN_SLICES]
    geometry = replace(image.geometry, shape=array.shape)
    labels = replace(truth, array=truth.array[BRAIN_SLICES], geometry=geometry)
    return replace(image, array=array, geometry=geometry), labels


@cache
def measured(name: str) -> dict[str, float]:
    """Name of a voice -> mean Dice over classes and groups, on one of the volumes."""
    image, truth = {"phantom": phantom, "brain": brain}[name]()
    session = Session(device="cpu")
    session.set_image(image)
    session.set_prompts(PromptSet.from_labelmap(image, truth, axis=0, slices=PINNED[name].labelled))
    dice: dict[str, list[float]] = {voice: [] for voice in PINNED[name].dice}
    for context in session._labelling.propagator(0).contexts(lambda: False):
        sums: dict[str, NDArray[np.float64]] = {}
        for gap in PINNED[name].gaps:
            slab = image.array[neighbour_indices(gap, len(image.array))]
            drawn = np.stack(
                [context.group.canvas.draw_labels(truth.array[k], context.group.ids) for k in gap]
            )
            for voice, said in voices(session, context, slab, gap).items():
                counted = overlaps(said.argmax(1), torch.from_numpy(drawn), said.shape[1])
                sums[voice] = sums.get(voice, 0) + counted
        for voice, counted in sums.items():
            dice[voice] += (counted[:, 0] / counted[:, 1]).tolist()
    return {voice: float(np.mean(values)) for voice, values in dice.items()}


@pytest.mark.parametrize(
    ("name", "voice"), [(name, voice) for name, pins in PINNED.items() for voice in pins.dice]
)
def test_a_voice_says_what_it_said_when_it_was_measured(name: str, voice: str) -> None:
    found = measured(name)
    assert abs(found[voice] - PINNED[name].dice[voice]) < CLOSE, found
