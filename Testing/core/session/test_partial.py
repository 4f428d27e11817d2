"""Slices that are drawn in part: what was drawn stays, the rest is generated, and then they are examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import InputError
from MVGCore.models.base import TargetBatch
from MVGCore.models.compact import Compact
from MVGCore.prompts import PromptSet
from MVGCore.session import Session
from MVGCore.volume import LabelMap, Volume

Case = tuple[Volume, LabelMap]
LEFT = np.zeros((40, 36), bool)
LEFT[:, :18] = True  # holds most of the tube, not the box


def a_session(weights: Path, case: Case, prompts: PromptSet) -> Session:
    session = Session(weights, "cpu")
    session.set_image(case[0])
    session.set_prompts(prompts)
    return session


def with_half_a_slice(case: Case, index: int = 7, slices=(2, 11)) -> PromptSet:
    prompts = PromptSet.from_labelmap(*case, axis=0, slices=slices)
    prompts.add_slice(*case, axis=0, index=index, known=LEFT.copy())
    return prompts


def dice(labels: np.ndarray, truth: np.ndarray, value: int) -> float:
    return (
        2 * ((labels == value) & (truth == value)).sum() / ((labels == value).sum() + (truth == value).sum())
    )


def test_what_is_not_known_does_not_count_as_background(tube: Case) -> None:
    prompt = with_half_a_slice(tube).prompts[-1]
    assert prompt.partial and not prompt.labels[:, 18:].any()
    np.testing.assert_array_equal(prompt.labels[:, :18], tube[1].array[7][:, :18])
    whole = replace(prompt, known=np.ones((40, 36), bool))
    assert not whole.partial and whole.fingerprint != prompt.fingerprint
    with pytest.raises(InputError, match="bool"):
        replace(prompt, known=np.ones((40, 35), bool))


def test_the_rest_is_generated_and_what_is_drawn_is_kept(small_weights: Path, tube: Case) -> None:
    """The drawn part is wrong on purpose: it must come back all the same."""
    prompts = with_half_a_slice(tube)
    prompts.prompts[-1].labels[30:34, 2:6] = 300
    result = a_session(small_weights, tube, prompts).propagate()
    np.testing.assert_array_equal(result.labels.array[7][LEFT], prompts.prompts[-1].labels[LEFT])
    assert dice(result.labels.array[7][:, 18:], tube[1].array[7][:, 18:], 300) > 0.8
    assert (result.confidence[7][LEFT] == 1).all() and result.confidence[7][~LEFT].min() < 1
    assert result.prompt_slices == (2, 11) and 7 in result.slice_confidence


def test_a_completed_slice_is_an_example_for_its_neighbours(small_weights: Path, tube: Case) -> None:
    """The correction says that the tube is wider here; the neighbours follow."""
    prompts = with_half_a_slice(tube)
    prompts.prompts[-1].labels[10:34, 2:18] = 3
    with_it = a_session(small_weights, tube, prompts).propagate()
    without = a_session(
        small_weights, tube, PromptSet.from_labelmap(*tube, axis=0, slices=(2, 11))
    ).propagate()
    assert (with_it.labels.array[8] == 3).sum() > (without.labels.array[8] == 3).sum()


def test_preview_and_result_agree_and_every_slice_is_shown(small_weights: Path, tube: Case) -> None:
    session = a_session(small_weights, tube, with_half_a_slice(tube))
    shown: dict[int, bool] = {}
    preview = session.preview(7)
    result = session.propagate(shown=lambda done: shown.update({done.index: done.given}))
    np.testing.assert_array_equal(preview.labels, result.labels.array[7])
    assert shown == {index: index in (2, 11) for index in range(14)}
    ranged = session.propagate(slice_range=(8, 9))
    assert list(ranged.slice_confidence) == [8, 9] and not ranged.labels.array[7].any()


def test_the_network_is_told_what_is_drawn(
    small_weights: Path, tube: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TargetBatch] = []
    intact = Compact.generate_all
    monkeypatch.setattr(
        Compact,
        "generate_all",
        lambda self, memories, targets: seen.extend(targets) or intact(self, memories, targets),
    )
    a_session(small_weights, tube, with_half_a_slice(tube)).preview(7)
    (known,) = {float(target.known.mean().round(decimals=2)) for target in seen}
    assert 0 < known < 1
    assert all(not (target.draft[target.known > 0]).any() for target in seen)


def test_a_whole_slice_is_needed(small_weights: Path, tube: Case) -> None:
    prompts = PromptSet()
    prompts.add_slice(*tube, axis=0, index=7, known=LEFT.copy())
    with pytest.raises(InputError, match="whole slice"):
        a_session(small_weights, tube, prompts).propagate()


def test_adaptation_learns_from_finished_slices_only(small_weights: Path, tube: Case) -> None:
    report = a_session(small_weights, tube, with_half_a_slice(tube)).adapt(10, steps=1)
    assert not report.kept and "three" in report.text


def test_a_change_of_what_is_drawn_is_noticed(small_weights: Path, tube: Case) -> None:
    prompts = with_half_a_slice(tube)
    session = a_session(small_weights, tube, prompts)
    before = session.preview(7)
    prompts.prompts[-1].known[...] = True
    prompts.prompts[-1].labels[...] = 0
    after = session.preview(7)
    assert before.labels.any() and not after.labels.any() and (after.confidence == 1).all()


def test_what_is_known_is_saved(tube: Case, tmp_path: Path) -> None:
    prompts = with_half_a_slice(tube)
    prompts.save(tmp_path / "set.mvgprompts")
    loaded = PromptSet.load(tmp_path / "set.mvgprompts")
    assert [each.partial for each in loaded.prompts] == [False, False, True]
    np.testing.assert_array_equal(loaded.prompts[-1].known, LEFT)
    assert [each.fingerprint for each in loaded.prompts] == [each.fingerprint for each in prompts.prompts]
