"""How much work a propagation takes: two settings by name, of which one is usual."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from MVGCore.errors import InputError


@dataclass(frozen=True)
class Quality:
    """What a propagation spends its time on.

    Attributes:
        name: of the setting.
        across: look along the other two axes as well.
    """

    name: str
    across: bool


DRAFT = Quality("draft", across=False)
STANDARD = Quality("standard", across=True)
QUALITIES = {each.name: each for each in (DRAFT, STANDARD)}
# It took half as long again as `standard` and gained nothing: see docs/speed.md.
FORMER = "thorough"


def quality_of(name: str) -> Quality:
    """The setting of a name; "thorough", which there was, is "standard", with a warning.

    Raises:
        InputError: there is none.
    """
    if name == FORMER:
        warnings.warn(
            "The quality 'thorough' found nothing more than 'standard', which is used.", FutureWarning, 2
        )
        return STANDARD
    if name not in QUALITIES:
        raise InputError(f"There is no quality called '{name}': use {' or '.join(QUALITIES)}.")
    return QUALITIES[name]
