"""Adaptation: what is kept, what is not, and that it can be repeated, cancelled, saved and undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from MVGCore.adaptation import adapt as adapt_module
from MVGCore.adaptation import lessons as lessons_module
from MVGCore.adaptation.adapt import slice_to_hold_out
from MVGCore.adaptation.lessons import Lessons
from MVGCore.errors import CancelledError, InputError
from MVGCore.segmentation.fuse.mixture import Weights
from MVGCore.segmentation.predict import predictions as answers_module
from MVGCore.session import Session

LONG = 600.0
LARGEST = 192  # side of the largest canvas


def never() -> bool:
    return False


def state(session: Session) -> dict[str, torch.Tensor]:
    return session.model.weights()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture
def helpful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the held-out slice is better than the one before."""
    scores = iter(np.arange(0.1, 0.9, 0.01))
    monkeypatch.setattr(Lessons, "score", lambda *_: float(next(scores)))
    monkeypatch.setattr(answers_module, "USUAL_SHARES", Weights(1.0))


@pytest.fixture
def harmful(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter(np.arange(0.9, 0.1, -0.01))
    monkeypatch.setattr(Lessons, "score", lambda *_: float(next(scores)))


def test_what_helps_the_held_out_slice_is_kept(small_weights: Path, tube, session_on, helpful) -> None:
    session = session_on(small_weights, tube)
    before, untouched = session.preview(3), state(session)
    report = session.adapt(LONG, steps=10)
    assert report.kept and session.model.adapted and report.steps == 10
    assert report.dice_after > report.dice_before and f"{report.dice_after:.3f}" in report.text
    assert not same(state(session), untouched)
    assert not np.array_equal(session.preview(3).confidence, before.confidence)
    session.forget_adaptation()
    assert same(state(session), untouched) and not session.model.adapted
    np.testing.assert_array_equal(session.preview(3).confidence, before.confidence)


def test_what_harms_it_is_not(small_weights: Path, tube, session_on, harmful) -> None:
    session = session_on(small_weights, tube)
    untouched = state(session)
    report = session.adapt(LONG, steps=10)
    assert not report.kept and not session.model.adapted and report.dice_after == report.dice_before
    assert same(state(session), untouched)


def test_the_held_out_slice_is_never_worse(small_weights: Path, tube, session_on) -> None:
    """Without stand-ins: what is reported is what the weights in use make of the held-out slice."""
    session = session_on(small_weights, tube)
    report = session.adapt(LONG, steps=20)
    lessons = [Lessons(context, LARGEST) for context in session._labelling.propagator(0).contexts(never)]
    held_out = slice_to_hold_out(lessons)
    assert held_out in (1, 2)
    now = lessons[0].score(session.model.network, session.model.device, held_out)
    assert report.dice_after >= report.dice_before
    assert now == pytest.approx(report.dice_after, abs=0.02)


def test_the_seed_and_the_steps_decide(small_weights: Path, tube, session_on, helpful) -> None:
    made = []
    for seed in (0, 0, 1):
        session = session_on(small_weights, tube, seed=seed)
        session.adapt(LONG, steps=10)
        made.append(state(session))
    assert same(made[0], made[1]) and not same(made[0], made[2])


def test_a_second_adaptation_starts_from_the_loaded_weights(
    small_weights: Path, tube, session_on, helpful
) -> None:
    session = session_on(small_weights, tube)
    session.adapt(LONG, steps=10)
    first = state(session)
    session.adapt(LONG, steps=10)
    assert same(first, state(session))


def test_the_held_out_slice_takes_no_part(
    small_weights: Path, tube, session_on, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: set[int] = set()
    draw = Lessons.draw

    def watching(self, allowed, sets, rng):
        used.update(allowed)
        return draw(self, allowed, sets, rng)

    monkeypatch.setattr(Lessons, "draw", watching)
    session = session_on(small_weights, tube)
    drafted: list[tuple[int | None, int | None]] = []
    hint = Lessons.hint
    monkeypatch.setattr(
        Lessons, "hint", lambda self, n, allowed: drafted.append(tuple(allowed)) or hint(self, n, allowed)
    )
    session.adapt(LONG, steps=5)
    held_out = ({0, 1, 2, 3} - used).pop()
    assert held_out in (1, 2) and len(used) == 3
    assert all(held_out not in allowed for allowed in drafted)


@pytest.mark.parametrize("slices", [[5], [3, 9]])
def test_with_too_few_slices_it_says_so(small_weights: Path, tube, session_on, slices: list[int]) -> None:
    session = session_on(small_weights, tube, slices)
    report = session.adapt(LONG)
    assert not report.kept and report.steps == 0 and report.dice_before is None
    assert "three" in report.text and not session.model.adapted


def test_time_is_a_limit(small_weights: Path, tube, session_on) -> None:
    session = session_on(small_weights, tube)
    heard: list[float] = []
    report = session.adapt(1e-3, progress=lambda fraction, text: heard.append(fraction))
    assert report.steps == 1 and heard == sorted(heard) and heard[-1] == 1
    with pytest.raises(InputError, match="seconds"):
        session.adapt(0)


@pytest.mark.parametrize("adapted_before", [False, True])
def test_cancelling_leaves_the_weights(
    small_weights: Path, tube, session_on, helpful, adapted_before: bool
) -> None:
    session = session_on(small_weights, tube)
    if adapted_before:
        session.adapt(LONG, steps=10)
    before, heard = state(session), []
    with pytest.raises(CancelledError):
        session.adapt(LONG, progress=lambda *_: heard.append(1), cancelled=lambda: len(heard) > 2)
    assert same(state(session), before) and session.model.adapted == adapted_before


def test_adapted_weights_are_saved_and_used_elsewhere(
    small_weights: Path, tube, session_on, helpful, tmp_path: Path
) -> None:
    session = session_on(small_weights, tube)
    session.adapt(LONG, steps=10)
    session.save_model(tmp_path / "mine.safetensors")
    expected = session.preview(3)
    again = session_on(tmp_path / "mine.safetensors", tube)
    assert not again.model.adapted
    np.testing.assert_array_equal(again.preview(3).confidence, expected.confidence)
    third = session_on(small_weights, tube)
    third.use_adapted(tmp_path / "mine.safetensors")
    assert third.model.adapted
    np.testing.assert_array_equal(third.preview(3).confidence, expected.confidence)
    third.forget_adaptation()
    assert same(state(third), state(session_on(small_weights, tube)))


def test_weights_of_another_model_are_refused(small_weights: Path, tube, session_on, tmp_path: Path) -> None:
    from MVGCore.models import create, save_weights

    save_weights(create("compact"), tmp_path / "other.safetensors", {})
    with pytest.raises(InputError, match="another model"):
        session_on(small_weights, tube).use_adapted(tmp_path / "other.safetensors")


def test_a_lesson_shows_targets_that_are_not_among_their_prompts(
    small_weights: Path, tube, session_on
) -> None:
    (context,) = session_on(small_weights, tube)._labelling.propagator(0).contexts(never)
    lessons, rng = Lessons(context, LARGEST), np.random.default_rng(0)
    for _ in range(20):
        lesson = lessons.draw([0, 1, 3], 2, rng)
        count = lesson.prompts.images.shape[1]
        side = context.group.canvas.side
        assert 1 <= count <= 2 and lesson.target.images.shape == (2, 3, side, side)
        assert (lesson.prompts.distance > 0).all() and lesson.prompts.valid.all()
        assert lesson.positions.shape == (2, side, side) and lesson.positions.max() <= 2
        assert lesson.target.images.min() >= 0 and lesson.target.images.max() <= 1
        assert not lesson.target.known.any()


def test_of_a_large_canvas_cuts_are_learned_that_show_something(
    small_weights: Path, tube, session_on
) -> None:
    (context,) = session_on(small_weights, tube)._labelling.propagator(0).contexts(never)
    lessons, rng = Lessons(context, 48), np.random.default_rng(0)
    assert context.group.canvas.side > 48
    places = set()
    for _ in range(20):
        lesson = lessons.draw([0, 1, 3], 2, rng)
        assert lesson.target.images.shape == lesson.target.label.shape == (2, 3, 48, 48)
        assert lesson.target.draft.shape == (2, 1, 48, 48) and lesson.positions.shape == (2, 48, 48)
        assert lesson.prompts.images.shape[-2:] == lesson.prompts.labels.shape[-2:] == (48, 48)
        assert (lesson.positions > 0).flatten(1).any(1).all()
        places.update(
            tuple(torch.nonzero(each).float().mean(0).round().tolist()) for each in lesson.positions
        )
    assert len(places) > 10


def test_a_draft_is_changed_like_its_image(
    small_weights: Path, tube, session_on, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft of the tube is nearly right, so it must lie on the warped labels."""
    monkeypatch.setattr(lessons_module, "DRAFTED", 1.0)
    (context,) = session_on(small_weights, tube)._labelling.propagator(0).contexts(never)
    lessons, rng = Lessons(context, LARGEST), np.random.default_rng(0)
    agree = []
    for _ in range(10):
        lesson = lessons.draw([0, 1, 2, 3], 2, rng)
        assert (lesson.target.draft > 0).all()
        guess = lesson.task.logits(lesson.target.label).argmax(1)
        agree.append(float((guess == lesson.positions).float().mean()))
    assert np.mean(agree) > 0.93 and adapt_module.AdaptConfig().sets > 0


def test_a_gpu_too_small_to_learn_on_is_said(
    small_weights: Path, tube, session_on, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(adapt_module._Learner, "learn", full)
    session = session_on(small_weights, tube)
    report = session.adapt(LONG, steps=5)
    assert not report.kept and "memory" in report.text and not session.model.adapted
    assert session.preview(3).labels.any()
