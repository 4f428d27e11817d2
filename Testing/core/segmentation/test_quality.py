"""The settings of quality, and what each of them spares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from MVGCore.errors import InputError
from MVGCore.models.device import Device
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Propagator
from MVGCore.segmentation.quality import DRAFT, QUALITIES, STANDARD, Quality, quality_of
from MVGCore.volume import Geometry, LabelMap, Volume

CPU = Device("cpu", torch.device("cpu"), torch.float32)
SHAPE = (6, 24, 24)


def propagator(echo: torch.nn.Module, quality: Quality, apart: float = 1.0) -> Propagator:
    """Of a bright box on slices that are so many times as far apart as their pixels."""
    labels = np.zeros(SHAPE, np.uint16)
    labels[:, 8:16, 8:16] = 1
    geometry = Geometry(SHAPE, (1.0, 1.0, apart))
    image = Volume(100 * labels.astype(np.float32), geometry, "box", "MR")
    prompts = PromptSet.from_labelmap(image, LabelMap.of(labels, geometry), axis=0, slices=[1, 4]).prompts
    return Propagator(echo, CPU, image, prompts, [], quality=quality)


def test_every_setting_goes_by_its_name() -> None:
    assert [quality_of(name).name for name in QUALITIES] == list(QUALITIES)
    with pytest.raises(InputError, match="draft or standard"):
        quality_of("best")


def test_a_setting_that_there_was_is_the_usual_one_with_a_warning() -> None:
    with pytest.warns(FutureWarning, match="'thorough' found nothing more"):
        assert quality_of("thorough") is STANDARD


@pytest.mark.parametrize(
    ("quality", "apart", "looks"), [(DRAFT, 1.0, 0), (STANDARD, 1.0, 1), (STANDARD, 6.0, 0)]
)
def test_nothing_is_looked_at_across_thick_slices_or_in_a_draft(
    echo: torch.nn.Module,
    monkeypatch: pytest.MonkeyPatch,
    quality: Quality,
    apart: float,
    looks: int,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("MVGCore.segmentation.secondlook.refine_across", lambda *_: asked.append(1))
    indices = [0, 2, 3, 5]
    list(propagator(echo, quality, apart).slices(indices, lambda *_: None, lambda: False, all_axes=True))
    assert len(asked) == looks
