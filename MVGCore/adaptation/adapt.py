"""Fine-tunes a model on the labelled slices of one volume, and keeps what proves better."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from MVGCore.adaptation.lessons import Lesson, Lessons
from MVGCore.errors import stop_if
from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device, autocast
from MVGCore.outcomes import AdaptReport
from MVGCore.segmentation import GroupContext

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class AdaptConfig:
    """How a model is adapted.

    Attributes:
        steps: at most so many training steps.
        check_every: steps between two looks at the held-out slice.
        sets: targets per step.
        rate: learning rate of AdamW, after a short warm-up.
        decay: weight decay.
        least_gain: Dice that the held-out slice has to win before anything is kept.
    """

    steps: int = 120
    check_every: int = 10
    sets: int = 4
    rate: float = 2e-4
    decay: float = 0.01
    least_gain: float = 0.003


@dataclass
class Adaptation:
    """One adaptation of a model to the labelled slices of one volume.

    One labelled slice is held out: it is neither a target nor a prompt nor part of a draft while the others
    are learned from. It says after how many steps to stop, and whether anything is kept.

    Attributes:
        model: is left as it is.
        device: where it is.
        contexts: the class groups, prepared, with drafts.
        seed: of all randomness.
        config: how.
    """

    model: InContextModel
    device: Device
    contexts: Sequence[GroupContext]
    seed: int = 0
    config: AdaptConfig = field(default_factory=AdaptConfig)

    def run(
        self, seconds: float, progress: Progress, cancelled: Callable[[], bool]
    ) -> tuple[AdaptReport, dict[str, Tensor] | None]:
        """Learn for at most `seconds`; also gives the weights to use if they are kept.

        Raises:
            Cancelled: `cancelled()` was true between two steps.
        """
        start = time.monotonic()
        largest = self.model.canvas_sides[-1]
        lessons = [Lessons(context, largest) for context in self.contexts if context.drafts is not None]
        held_out = slice_to_hold_out(lessons)
        if held_out is None:
            text = "Adaptation needs three labelled slices, one of them to see whether it helps; label more."
            return AdaptReport(False, None, None, 0, time.monotonic() - start, text), None
        try:
            return self._learn(lessons, held_out, seconds, progress, cancelled)
        except torch.cuda.OutOfMemoryError:
            text = "The GPU has too little memory to adapt on; choose the device cpu to adapt."
            return AdaptReport(False, None, None, 0, time.monotonic() - start, text), None

    def _learn(
        self,
        lessons: Sequence[Lessons],
        held_out: int,
        seconds: float,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> tuple[AdaptReport, dict[str, Tensor] | None]:
        start = time.monotonic()
        learner = _Learner(copy.deepcopy(self.model), self.device, self.config, self.seed)
        rest = [n for n in range(lessons[0].count) if n != held_out]
        before = best = self._score(self.model, lessons, held_out)
        best_steps, weights, done = 0, None, 0.0
        while done < 1:
            stop_if(cancelled)
            learner.learn(lessons, rest)
            done = min(1.0, max(learner.step / self.config.steps, (time.monotonic() - start) / seconds))
            if learner.step % self.config.check_every == 0 or done == 1:
                score = self._score(learner.averaged, lessons, held_out)
                if score > max(best, before + self.config.least_gain):
                    best, best_steps, weights = score, learner.step, learner.snapshot()
            progress(done, f"{learner.step} steps, Dice {before:.2f} before, {best:.2f} at best")
        spent = time.monotonic() - start
        if weights is None:
            text = (
                f"{learner.step} steps on the labelled slices did not help the one held out; nothing changed."
            )
            return AdaptReport(False, before, before, learner.step, spent, text), None
        text = f"{best_steps} steps raised the Dice on a held-out slice from {before:.3f} to {best:.3f}."
        return AdaptReport(True, before, best, best_steps, spent, text), weights

    @torch.no_grad()
    def _score(self, model: InContextModel, lessons: Sequence[Lessons], held_out: int) -> float:
        """Mean Dice over the groups of the slice that is held out, generated as a propagation does it."""
        scores = [each.score(model, self.device, held_out) for each in lessons if each.shows(held_out)]
        return float(np.mean(scores))


def slice_to_hold_out(lessons: Sequence[Lessons]) -> int | None:
    """The inner slice, nearest to the middle, that shows the most classes; None with fewer than three."""
    if not lessons or lessons[0].count < 3:
        return None
    count = lessons[0].count
    classes_on = [
        sum(len(each.context.positions[n].unique()) for each in lessons) for n in range(1, count - 1)
    ]
    best = max(range(count - 2), key=lambda n: (classes_on[n], -abs(n + 1 - (count - 1) / 2)))
    return best + 1 if any(each.shows(best + 1) for each in lessons) else None


class _Learner:
    """A copy of the model that learns, and the running average of its weights."""

    def __init__(self, model: InContextModel, device: Device, config: AdaptConfig, seed: int) -> None:
        self.model, self.device, self.config = model.train(), device, config
        self.averaged = copy.deepcopy(model).eval()
        self.step = 0
        self._rng = np.random.default_rng([seed, 5])
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.rate, weight_decay=config.decay, betas=(0.9, 0.98)
        )

    def learn(self, lessons: Sequence[Lessons], allowed: Sequence[int]) -> None:
        """One step on one group, drawn by the number of its classes."""
        shares = np.array([len(each.context.group.ids) for each in lessons], dtype=float)
        chosen = lessons[int(self._rng.choice(len(lessons), p=shares / shares.sum()))]
        lesson = chosen.draw(allowed, self.config.sets, self._rng)
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.rate * min(1.0, (self.step + 1) / 10)
        loss = self._loss(lesson)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        with torch.no_grad():
            weight = max(0.1, 1 / self.step)
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), weight)

    def _loss(self, lesson: Lesson) -> Tensor:
        place = self.device.torch_device
        with autocast(self.device):
            generated = self.model(lesson.prompts.to(place), lesson.target.to(place))
        return lesson.task.loss(generated, lesson.positions.to(place))

    def snapshot(self) -> dict[str, Tensor]:
        """The averaged weights now."""
        return {key: value.detach().clone() for key, value in self.averaged.state_dict().items()}
