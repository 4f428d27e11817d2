"""A small volume on disk, a session that needs no network, and a way to run `mvg` in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from MVGCore import session as session_package
from MVGCore.cli.main import main
from MVGCore.outcomes import AdaptReport, Estimate, Question
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume, write_segmentation, write_volume

SHAPE = (12, 20, 16)
EXAMPLES = (3, 8)
CLASSES = (SegmentClass(1, "liver", (0.8, 0.3, 0.2)), SegmentClass(7, "spleen", (0.2, 0.4, 0.9)))


@dataclass(frozen=True)
class Scene:
    """The files of one small case, and what they hold."""

    folder: Path
    image: Volume
    truth: LabelMap

    @property
    def image_path(self) -> Path:
        return self.folder / "image.nrrd"

    @property
    def few_path(self) -> Path:
        return self.folder / "few.seg.nrrd"


@dataclass
class FakeResult:
    """The fields of a session's result."""

    labels: LabelMap
    confidence: np.ndarray
    slice_confidence: dict[int, float]
    class_confidence: dict[int, float]
    axis: int
    prompt_slices: tuple[int, ...]
    seconds: dict[str, float] = field(default_factory=lambda: {"propagate": 0.5})
    next_slice: int | None = 5
    questions: tuple[Question, ...] = ()
    next_question: Question | None = None
    device: str = "cpu"
    notes: tuple[str, ...] = ("A note of the session.",)
    expected_dice: Estimate | None = Estimate(0.81234, 0.05)
    class_dice: dict[int, Estimate] = field(default_factory=lambda: {1: Estimate(0.9, 0.04)})
    slice_dice: dict[int, Estimate] = field(default_factory=lambda: {5: Estimate(0.7, 0.1)})


class FakeSession:
    """Copies the nearest example; records how it was made; raises `failure` if a test sets one."""

    made_with: dict[str, Any] = {}
    failure: BaseException | None = None
    adapted_for: float | None = None
    all_axes: bool | None = None
    wished: dict[str, Any] = {}
    adaptation = AdaptReport(True, 0.8, 0.85, 40, 9.5, "40 steps raised the Dice from 0.800 to 0.850.")

    def __init__(self, **options: Any) -> None:
        FakeSession.made_with = options

    def set_image(self, image: Volume) -> None:
        self.image = image

    def set_prompts(self, prompts: Any) -> None:
        self.prompts = prompts

    def adapt(self, seconds: float, progress: Callable[[float, str], None] | None = None) -> AdaptReport:
        FakeSession.adapted_for = seconds
        return FakeSession.adaptation

    def save_model(self, path: Path) -> None:
        path.write_text("weights")

    def propagate(
        self,
        progress: Callable[[float, str], None] | None = None,
        all_axes: bool = True,
        **wished: Any,
    ) -> FakeResult:
        FakeSession.all_axes, FakeSession.wished = all_axes, wished
        if FakeSession.failure is not None:
            raise FakeSession.failure
        axis = self.prompts.axis
        examples = {prompt.index: prompt.labels for prompt in self.prompts.enabled}
        planes = []
        for index in range(self.image.array.shape[axis]):
            planes.append(examples[min(examples, key=lambda each: abs(each - index))])
            if progress is not None:
                progress((index + 1) / self.image.array.shape[axis], f"slice {index}")
        array = np.stack(planes, axis=axis)
        return FakeResult(
            labels=LabelMap.of(array, self.image.geometry, self.prompts.classes),
            confidence=np.full(array.shape, 0.75, np.float16),
            slice_confidence={index: 0.75 for index in range(array.shape[axis])},
            class_confidence={each.id: 0.75 for each in self.prompts.classes},
            axis=axis,
            prompt_slices=tuple(sorted(examples)),
        )


def make_volume() -> tuple[Volume, LabelMap]:
    """Two blocks in noise, on an anisotropic grid away from the origin."""
    geometry = Geometry(SHAPE, (1.0, 1.5, 3.0), (-20.0, 10.0, 5.0))
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:11, 4:12, 3:8] = 1
    labels[2:10, 6:15, 10:14] = 7
    noise = np.random.default_rng(0).normal(0, 5, SHAPE)
    image = 100 + 60 * (labels == 1) + 120 * (labels == 7) + noise
    return Volume(image.astype(np.float32), geometry, "image"), LabelMap.of(labels, geometry, CLASSES)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    image, truth = make_volume()
    few = np.zeros_like(truth.array)
    few[list(EXAMPLES)] = truth.array[list(EXAMPLES)]
    made = Scene(tmp_path, image, truth)
    write_volume(made.image_path, image)
    write_segmentation(made.few_path, LabelMap.of(few, truth.geometry, CLASSES))
    return made


@pytest.fixture
def fake_session(monkeypatch: pytest.MonkeyPatch) -> type[FakeSession]:
    monkeypatch.setitem(vars(session_package), "Session", FakeSession)  # which is loaded when it is asked for
    monkeypatch.setattr(FakeSession, "failure", None)
    monkeypatch.setattr(FakeSession, "adapted_for", None)
    monkeypatch.setattr(FakeSession, "all_axes", None)
    return FakeSession


@pytest.fixture
def mvg(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `mvg` and returns (exit code, standard output, standard error)."""

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
