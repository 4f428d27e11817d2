"""What host and worker know in common: model, adaptation, image and examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from MVGCore.session.results import Adapted, Forgotten, Propagated, Summary
from MVGCore.worker.host.link import Link
from MVGCore.worker.wire.messages import SetModel, State, UseAdapted

STATE_ORDER = ("model", "adapted", "image", "prompts")
SENT_EARLY = STATE_ORDER[:3]  # sent as soon as the worker is free: using them takes time


class SharedState:
    """Keeps what the host has stored, and sends a worker what it does not have yet."""

    def __init__(self, kept_weights: Path) -> None:
        """
        Args:
            kept_weights: Where the worker writes adapted weights, for the case that it is lost.
        """
        self._kept_weights = kept_weights
        self._state: dict[str, State] = {}
        self._sent: dict[str, State] = {}

    def set(self, what: str, message: State) -> None:
        """Store one of `STATE_ORDER`; another model knows nothing of an adaptation."""
        former, self._state[what] = self._state.get(what), message
        if isinstance(message, SetModel) and isinstance(former, SetModel):
            self._sent.pop("adapted", None)  # the same model on another device takes them up again
            if message.model != former.model:
                self.forget_adaptation()

    def get(self, what: str) -> State | None:
        """What was stored last."""
        return self._state.get(what)

    def update(self, given: Mapping[str, State]) -> None:
        """Store what a job brings along."""
        self._state.update(given)

    def send(self, link: Link, names: Iterable[str]) -> bool:
        """Send what is new of some of `STATE_ORDER`; tells whether a model is among it."""
        model = False
        for name in names:
            message = self._state.get(name)
            if message is not None and self._sent.get(name) is not message:
                link.send(message)
                self._sent[name] = message
                model = model or name == "model"
        return model

    def forget_sent(self) -> None:
        """The worker is gone; the next one has nothing."""
        self._sent = {}

    def notice(self, summary: Summary) -> None:
        """Learn from the end of a job which adaptation the worker has."""
        if isinstance(summary, Adapted | Forgotten | Propagated):
            self.forget_adaptation()
        if isinstance(summary, Adapted | Propagated) and summary.adapted_to:
            kept = UseAdapted(str(self._kept_weights), summary.adapted_to)
            self._state["adapted"] = self._sent["adapted"] = kept

    def forget_adaptation(self) -> None:
        """No adaptation is to be taken up any more."""
        self._state.pop("adapted", None)

    def loses_adaptation(self) -> bool:
        """Forget an adaptation that the next worker cannot take up; tells whether there was one."""
        if "adapted" not in self._state or self._kept_weights.is_file():
            return False
        self.forget_adaptation()
        return True
