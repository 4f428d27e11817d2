"""`mvg segment --draft --range`: what reaches the session, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from MVGCore.prompts import IntensityRange
from MVGCore.volume import write_labelmap

Mvg = Callable[..., tuple[int, str, str]]


def words(scene) -> list[object]:
    return [
        "segment",
        scene.image_path,
        "--labels",
        scene.few_path,
        "-o",
        scene.folder / "out.nrrd",
        "--quiet",
    ]


def test_a_draft_and_ranges_reach_the_session(scene, fake_session, mvg: Mvg) -> None:
    draft = scene.folder / "draft.nrrd"
    write_labelmap(draft, scene.truth)
    ranges = ["--range", "100:300", "--range", "liver:0:200", "--range", ":50.5", "--range", "-20:"]
    assert mvg(*words(scene), "--draft", draft, *ranges)[0] == 0
    wished = fake_session.wished
    np.testing.assert_array_equal(wished["draft"].array, scene.truth.array)
    assert wished["ranges"] == (
        IntensityRange(100, 300),
        IntensityRange(0, 200, 1),
        IntensityRange(-math.inf, 50.5),
        IntensityRange(-20, math.inf),
    )


def test_without_them_nothing_is_asked_for(scene, fake_session, mvg: Mvg) -> None:
    assert mvg(*words(scene))[0] == 0
    assert fake_session.wished == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("100", "no range of intensities"),
        ("a:b", "no range of intensities"),
        (":", "has neither end"),
        ("300:100", "give the lower end first"),
        ("kidney:0:1", "There is no class 'kidney' among the examples"),
    ],
)
def test_a_range_that_is_none_is_refused(scene, fake_session, mvg: Mvg, text: str, sentence: str) -> None:
    code, _, complaint = mvg(*words(scene), "--range", text)
    assert code == 2 and sentence in complaint


def test_the_draft_is_not_written_over(scene, fake_session, mvg: Mvg) -> None:
    draft = scene.folder / "out.nrrd"
    write_labelmap(draft, scene.truth)
    assert mvg(*words(scene), "--draft", draft)[0] == 2
