"""The qualities that can be chosen, as the user reads them."""

from __future__ import annotations

from MVGLib.control.state import ListChoice
from MVGLib.texts import _


def qualities() -> list[ListChoice]:
    """In their order, the quickest first."""
    return [
        ListChoice("draft", _("draft, soon there")),
        ListChoice("standard", _("standard")),
        ListChoice("thorough", _("thorough")),
    ]
