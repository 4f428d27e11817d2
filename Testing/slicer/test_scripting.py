"""Scripts in Slicer's Python: the scene gets what the stream of results says, slice by slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from MVGCore.models import create, save_weights
from MVGCore.session import Session
from MVGLib.host.scripting import Batch
from MVGLib.scene import Scene
from Testing.core.conftest import SMALL
from Testing.slicer.nodes import make_segmentation, make_volume
from Testing.slicer.panel.steps import segments_of


@pytest.fixture
def batch(scene: Scene, tmp_path: Path) -> Batch:
    """One that works in this process: a session takes the place of the worker."""
    torch.manual_seed(0)
    weights = tmp_path / "small.safetensors"
    save_weights(create("compact", **SMALL), weights, {})
    made = Batch(scene=scene, python="python")
    made.close()
    made._client = Session(weights, "cpu")  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("shape", [(16, 16, 16), (12, 20, 16)])
def test_every_example_is_kept_where_it_was_drawn(batch: Batch, shape: tuple[int, int, int]) -> None:
    """Two axial slices and a sagittal one, whose index is also that of an axial slice."""
    rng = np.random.default_rng(0)
    ball = sum((np.indices(shape)[axis] - shape[axis] / 2) ** 2 for axis in range(3)) < 30
    volume = make_volume((rng.normal(0, 3, shape) + 80 * ball).astype(np.float32), name="ball")
    drawn = np.zeros(shape, bool)
    drawn[4], drawn[9], drawn[:, :, 7] = ball[4], ball[9], ball[:, :, 7]
    node = make_segmentation(volume, drawn.astype(np.uint8), ("ball",))
    result = batch.segment(volume, node)
    found = segments_of(result, volume)["ball"]
    for place in ((4,), (9,), (slice(None), slice(None), 7)):
        assert np.array_equal(found[place], ball[place])
