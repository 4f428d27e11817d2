"""How much work a propagation takes: three settings by name, of which one is usual."""

from __future__ import annotations

from dataclasses import dataclass

from MVGCore.errors import InputError


@dataclass(frozen=True)
class Quality:
    """What a propagation spends its time on.

    Attributes:
        name: of the setting.
        colourings: in which the network sees the examples; their answers are averaged.
        rounds: of looks along the other two axes at most; 0: none.
        thick: slices that are this many times as far apart as their pixels are not looked across.
    """

    name: str
    colourings: int
    rounds: int
    thick: float


# A second colouring costs a third more, and gains nothing beside drafts and appearance. Dice with 3 and 5
# slices: five held-out hippocampi .8549 and .9023 with one, .8530 and .9036 with two; a head and neck .578,
# .752 with one, .571, .747 with two. A second round costs half as much again where it is made: .8637 and
# .9061 without, .8633 and .9061 with it (three hippocampi).
DRAFT = Quality("draft", colourings=1, rounds=0, thick=0.0)
STANDARD = Quality("standard", colourings=1, rounds=1, thick=3.0)
THOROUGH = Quality("thorough", colourings=2, rounds=2, thick=float("inf"))
QUALITIES = {each.name: each for each in (DRAFT, STANDARD, THOROUGH)}


def quality_of(name: str) -> Quality:
    """The setting of a name.

    Raises:
        InputError: there is none.
    """
    if name not in QUALITIES:
        raise InputError(f"There is no quality called '{name}': use {', '.join(QUALITIES)}.")
    return QUALITIES[name]
