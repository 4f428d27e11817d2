"""The errors that a user of MVG may meet; `str(error)` is always the full sentence to show."""

from __future__ import annotations

from collections.abc import Callable


class MVGError(Exception):
    """Base of every expected failure."""


class InputError(MVGError):
    """What was given (a file, an array, an option) cannot be used as it is."""


class GeometryMismatchError(InputError):
    """Two volumes that should lie on each other do not."""


class OutputError(MVGError):
    """A result could not be written; whatever was at its place before is unchanged."""


class CancelledError(MVGError):
    """The user stopped the work."""


class MissingExtraError(MVGError):
    """An optional package is not installed; the message names the command that installs it."""


def stop_if(cancelled: Callable[[], bool]) -> None:
    """Raise `CancelledError` where the user wants to stop; asked between two parts of some work."""
    if cancelled():
        raise CancelledError("Cancelled.")
