"""Rounds of two hundred actions in the panel in random order: nothing breaks, no drawn slice changes.

python -m Testing.campaign.panel FIRST LAST FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from Testing.campaign.trials import serve

NAME = "rounds of 200 random actions in the panel"


def trial(number: int) -> tuple[str, str]:
    """Play one round; gives what broke, or an empty text."""
    from hypothesis import HealthCheck, Phase, seed, settings
    from hypothesis.stateful import run_state_machine_as_test

    from MVGDesktop import headless, qtcompat

    headless.start()
    qtcompat.application()
    qtcompat.install()
    from Testing.slicer.panel.test_random_use import ACTIONS, User

    options = settings(
        max_examples=1,
        stateful_step_count=ACTIONS,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(number)(User), settings=options)
    except Exception as error:
        return "round", f"{type(error).__name__}: {error}"[:300]
    return "round", ""


def main(words: list[str]) -> None:
    """Play the rounds of a range."""
    serve(NAME, trial, int(words[0]), int(words[1]), Path(words[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
