"""A data folder to train on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from MVGCore.volume import Geometry, LabelMap, Volume, write_labelmap, write_volume


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with two cases to train on and one for the benchmark: a ball in noise."""
    folder, rng = tmp_path / "data", np.random.default_rng(0)
    folder.mkdir()
    geometry = Geometry((16, 24, 24), (2.0, 2.0, 3.0))
    ball = (
        np.square(np.indices(geometry.shape) - np.array([8, 12, 12])[:, None, None, None]).sum(0) < 36
    ).astype(np.uint8)
    entries = []
    for name, role in (("a", "train"), ("b", "train"), ("c", "bench")):
        image = (ball * 100 + rng.normal(0, 10, geometry.shape)).astype(np.float32)
        write_volume(folder / f"{name}.nii.gz", Volume(image, geometry))
        write_labelmap(folder / f"{name}_label.nii.gz", LabelMap.of(ball, geometry))
        entries.append(
            {
                "id": name,
                "dataset": "balls",
                "role": role,
                "modality": "MR",
                "images": {"t1": f"{name}.nii.gz"},
                "label": f"{name}_label.nii.gz",
            }
        )
    (folder / "index.json").write_text(json.dumps({"cases": entries}))
    return folder
