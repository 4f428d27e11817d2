"""Rounds of random actions in the panel: nothing breaks, no drawn slice changes.

python -m Testing.campaign.panel FIRST LAST FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from Testing.campaign.trials import serve

NAME = "rounds of up to 200 random actions in the panel"
# Hypothesis begins with the plainest round, which repeats one action; the others are random.
_ROUNDS = 6


def player() -> Callable[[int], tuple[str, str, int]]:
    """What plays rounds of a number; gives what broke, or an empty text, and how many actions there were."""
    from MVGDesktop import headless, qtcompat
    from Testing.display import open_display

    open_display()
    headless.start()
    qtcompat.application()
    qtcompat.install()
    from hypothesis.stateful import invariant, run_state_machine_as_test

    from Testing.slicer.panel.test_random_use import User

    class Counted(User):
        """Counts what it does."""

        actions = 0

        @invariant()
        def counted(self) -> None:
            type(self).actions += 1

    def trial(number: int) -> tuple[str, str, int]:
        from hypothesis import seed

        before = Counted.actions
        try:
            run_state_machine_as_test(seed(number)(Counted), settings=_settings())
        except Exception as error:
            return "actions", f"{type(error).__name__}: {error}"[:300], Counted.actions - before
        return "actions", "", Counted.actions - before

    return trial


def _settings() -> Any:
    from hypothesis import HealthCheck, Phase, settings

    from Testing.slicer.panel.test_random_use import ACTIONS

    return settings(
        max_examples=_ROUNDS,
        stateful_step_count=ACTIONS,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


def main(words: list[str]) -> None:
    """Play the rounds of a range."""
    serve(NAME, player(), int(words[0]), int(words[1]), Path(words[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
