"""Files that the former version wrote are read by this one (see Testing/former/README.md)."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from MVGCore.cli.train import build_config
from MVGCore.errors import InputError
from MVGCore.prompts import PromptSet
from MVGCore.training import TrainConfig
from MVGCore.volume import SegmentClass, read_volume, robust_window

FORMER = Path(__file__).resolve().parents[1] / "former"
CLASSES = (
    SegmentClass(4, "Größe", (1.0, 0.5, 0.0)),
    SegmentClass(8, "back", (0.25, 0.5, 1.0), "SCT^1^x~SCT^2^y"),
)


def ball() -> NDArray[np.bool_]:
    """Where the image of these files is bright."""
    k, j, i = np.ogrid[:10, :24, :20]
    return (2.0 * (k - 5)) ** 2 + (1.5 * (j - 12.0)) ** 2 + (i - 10.0) ** 2 <= 8**2


def test_examples_are_as_they_were() -> None:
    image, inside = read_volume(FORMER / "ball.nrrd"), ball()
    prompts = PromptSet.load(FORMER / "core.mvgprompts")
    assert prompts.classes == CLASSES and prompts.absences == [] and prompts.presences == []
    places = [(each.axis, each.index, each.enabled, each.source) for each in prompts.prompts]
    assert places == [(0, 3, True, "case 1"), (0, 6, False, "case 1"), (2, 9, True, "ball")]
    drawn = [inside[3] * 4, inside[6] * 4, inside[:, :, 9] * 4]
    drawn[0][12:] *= 2
    for prompt, labels in zip(prompts.prompts, drawn, strict=True):
        assert np.array_equal(prompt.labels, labels)
        assert prompt.geometry == image.geometry and prompt.window == robust_window(image.array)
        middle = prompt.image[1]  # between its neighbours
        assert np.array_equal(middle, np.take(image.array, prompt.index, prompt.axis))
    known = np.zeros((24, 20), bool)
    known[4:20] = True
    assert np.array_equal(prompts.prompts[0].known, known)
    assert [each.known for each in prompts.prompts[1:]] == [None, None]


def settings(*words: str, config: Path | None = None) -> TrainConfig:
    return build_config(argparse.Namespace(config=config, settings=list(words)))


def test_settings_of_a_training_mean_what_they_meant() -> None:
    assert settings(config=FORMER / "train.json") == settings(config=Path("vit-large"))
    assert settings("found=7").self_labelled == 7
    # A later one wins, whatever it is called.
    assert settings("self_labelled=3", config=FORMER / "train.json").self_labelled == 3
    with pytest.raises(InputError, match="self_labelled was called found before; give it once"):
        settings("found=7", "self_labelled=3")
