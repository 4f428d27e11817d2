"""A tiny data set on disk: leaning tubes in noise, a few slices of the first ones labelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from MVGCore.adaptation import ModelInUse
from MVGCore.datasets.catalogue import Item, read_catalogue
from MVGCore.datasets.examples import find_examples
from MVGCore.datasets.work import Settings, Work
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Result, ResultCanvas, SliceResult
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume, write_segmentation, write_volume

SHAPE = (6, 20, 18)
LABELLED = (1, 4)
TUBE = SegmentClass(3, "tube", (0.9, 0.2, 0.2))


def tiny_case(seed: int) -> tuple[Volume, LabelMap]:
    """A tube whose place and width depend on the seed."""
    rng = np.random.default_rng(seed)
    k, j, i = np.indices(SHAPE)
    labels = (np.hypot(j - 10 - k / 3 + rng.normal(), i - 8 + rng.normal()) < 4 + rng.random()).astype(
        np.uint8
    )
    image = rng.normal(0, 3, SHAPE).astype(np.float32) + 60 * labels
    geometry = Geometry(SHAPE, (1.0, 1.0, 2.0))
    return Volume(image, geometry, f"case_{seed}"), LabelMap.of(labels * TUBE.id, geometry, [TUBE])


class QuickSession:
    """Gives every slice the nearest example's labels, in no time."""

    def __init__(self, model: Path, *_: object) -> None:
        self.model = ModelInUse(model, "cpu")

    def set_prompts(self, prompts: PromptSet) -> None:
        self._prompts = prompts

    def set_image(self, image: Volume) -> None:
        self._image = image

    def propagate(self, all_axes: bool, draft: LabelMap | None = None) -> Result:
        canvas = ResultCanvas.of(self._image, 0, ())
        for index in range(SHAPE[0]):
            nearest = min(self._prompts.prompts, key=lambda prompt: abs(prompt.index - index))
            canvas.put(SliceResult(index, nearest.labels, np.full(nearest.labels.shape, 0.8, np.float32)))
        known = tuple(each.index for each in self._prompts.prompts if each.is_slice_of(self._image))
        return canvas.result(self._prompts, known, {"propagate": 0.1}, "cpu", ())


@pytest.fixture
def quick_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not about labels needs no network."""
    monkeypatch.setattr("MVGCore.datasets.labelling.Session", QuickSession)


@dataclass(frozen=True)
class Tiny:
    """The folders of a data set."""

    images: Path
    examples: Path
    results: Path
    weights: Path

    @property
    def items(self) -> tuple[Item, ...]:
        return read_catalogue(str(self.images))

    def work(self, **settings: object) -> Work:
        """What is to be done, by the session alone and along one axis: the fastest."""
        chosen = Settings(**{"model": str(self.weights), "device": "cpu", "all_axes": False, **settings})  # type: ignore[arg-type]
        return Work.of(self.results, find_examples([self.examples], self.items), chosen)


@pytest.fixture
def make_tiny(tmp_path: Path, small_weights: Path) -> Callable[[int], Tiny]:
    """Writes a data set of so many volumes, the first of which has two labelled slices."""

    def make(count: int) -> Tiny:
        tiny = Tiny(tmp_path / "images", tmp_path / "examples", tmp_path / "results", small_weights)
        for folder in (tiny.images, tiny.examples, tiny.results):
            folder.mkdir()
        for n in range(count):
            image, labels = tiny_case(n)
            write_volume(tiny.images / f"case_{n:03}.nrrd", image)
            if n == 0:
                few = np.zeros_like(labels.array)
                few[list(LABELLED)] = labels.array[list(LABELLED)]
                few_slices = LabelMap(few, labels.geometry, labels.classes)
                write_segmentation(tiny.examples / "case_000_labels.seg.nrrd", few_slices)
        return tiny

    return make
