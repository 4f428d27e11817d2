"""One fraction over all stages of a run."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from MVGCore.models.device import select_device
from MVGCore.prompts import PromptSet
from MVGCore.segmentation.propagator import Propagator
from MVGCore.segmentation.stages import Stages

STAGES = ("prepare", "look", "decide")


@given(
    st.lists(st.floats(0, 50), min_size=3, max_size=3),
    st.lists(st.tuples(st.sampled_from(STAGES), st.floats(-0.5, 1.5)), max_size=30),
)
def test_the_fraction_never_goes_back_whatever_is_told(works, told) -> None:
    heard: list[float] = []
    stages = Stages(lambda fraction, _text: heard.append(fraction), dict(zip(STAGES, works, strict=True)))
    for stage, part in told:
        stages.reached(stage, part, "")
    assert heard == sorted(heard) and all(0 <= each <= 1 + 1e-9 for each in heard)


def test_a_stage_counts_by_its_work() -> None:
    heard: list[float] = []
    stages = Stages(lambda fraction, _text: heard.append(fraction), {"a": 1.0, "b": 3.0})
    stages.reached("a", 0.5, "")
    stages.reached("b", 0.0, "")
    stages.reached("b", 1.0, "")
    assert heard == [0.125, 0.25, 1.0]


def test_a_run_tells_every_stage_and_which_slice(echo, tube) -> None:
    image, labels = tube
    prompts = PromptSet.from_labelmap(image, labels, axis=0, slices=[2, 9]).prompts
    propagator = Propagator(echo, select_device("cpu"), image, prompts, [])
    indices = [n for n in range(image.geometry.shape[0]) if n not in (2, 9)]
    heard: list[tuple[float, str]] = []
    list(
        propagator.slices(
            indices, lambda part, text: heard.append((part, text)), lambda: False, all_axes=True
        )
    )
    fractions, texts = zip(*heard, strict=True)
    assert list(fractions) == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert texts[0] == "Preparing the examples" and "Learning what the structures look like" in texts
    first = [re.fullmatch(r"First look, slice (\d+) \((\d+) of 12\)", text) for text in texts]
    slices = [int(match[1]) for match in first if match]
    assert slices and set(slices) <= set(indices)
    assert any(text.startswith("Second look") for text in texts)
    before = max(part for part, text in heard if text.startswith("First look"))
    assert 0.3 < before < 0.7  # what is left of the bar is for the second look


def test_what_is_prepared_takes_no_part_of_the_next_run(echo, tube) -> None:
    image, labels = tube
    prompts = PromptSet.from_labelmap(image, labels, axis=0, slices=[2, 9]).prompts
    propagator = Propagator(echo, select_device("cpu"), image, prompts, [])
    heard: list[tuple[float, str]] = []
    for indices in ([6, 7, 8], [9, 10, 11]):
        heard.clear()
        list(propagator.slices(indices, lambda part, text: heard.append((part, text)), lambda: False))
    slices = [part for part, text in heard if text.startswith("Slice ")]
    assert slices[0] > 0.3  # one of three
