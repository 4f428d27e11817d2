"""What each voice of the product says of the phantom by itself, so that swapped or dropped parts are noticed.

The bundled weights, three labelled slices, six slices between them. A value that changes on purpose is
written down anew, with the change.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from MVGCore.prompts import PromptSet
from MVGCore.segmentation.fuse.mixture import USUAL_SHARES, blend
from MVGCore.segmentation.predict.context import GroupContext, canvases, generate
from MVGCore.session import Session
from MVGCore.volume import Geometry, LabelMap, Volume, neighbour_indices

ROOT = Path(__file__).resolve().parents[3]
LABELLED = (8, 32, 56)
GAPS = ((14, 20, 26), (38, 44, 50))  # slices between two labelled ones
PINNED = {
    "geodesic": 0.921,
    "diffusion": 0.716,
    "appearance": 0.879,
    "network": 0.929,
    "mixture": 0.930,
}
CLOSE = 0.005


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
    network = generate(session._model, session._device, context, images, gap, chosen, hint)
    appearance_at = context.appearance_at(session._model, session._device, images)
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


@pytest.fixture(scope="module")
def found() -> dict[str, float]:
    """Name of a voice -> mean Dice over classes and groups."""
    image, truth = phantom()
    session = Session(device="cpu")
    session.set_image(image)
    session.set_prompts(PromptSet.from_labelmap(image, truth, axis=0, slices=LABELLED))
    contexts = session._propagator(0).contexts(lambda: False)
    dice: dict[str, list[float]] = {name: [] for name in PINNED}
    for context in contexts:
        sums: dict[str, NDArray[np.float64]] = {}
        for gap in GAPS:
            slab = image.array[neighbour_indices(gap, len(image.array))]
            drawn = np.stack(
                [context.group.canvas.draw_labels(truth.array[k], context.group.ids) for k in gap]
            )
            for name, said in voices(session, context, slab, gap).items():
                counted = overlaps(said.argmax(1), torch.from_numpy(drawn), said.shape[1])
                sums[name] = sums.get(name, 0) + counted
        for name, counted in sums.items():
            dice[name] += (counted[:, 0] / counted[:, 1]).tolist()
    return {name: float(np.mean(values)) for name, values in dice.items()}


@pytest.mark.parametrize("voice", PINNED)
def test_a_voice_says_what_it_said_when_it_was_measured(found: dict[str, float], voice: str) -> None:
    assert abs(found[voice] - PINNED[voice]) < CLOSE, found
