"""The files that were opened last."""

from __future__ import annotations

from pathlib import Path

from PyQt5 import QtCore

_KEY = "Files/Recent"
_MOST_RECENT = 8


class RecentFiles:
    """Kept in the user's settings, newest first."""

    def __init__(self, settings: QtCore.QSettings) -> None:
        self._settings = settings

    def paths(self) -> list[str]:
        """Those that still exist."""
        kept = self._settings.value(_KEY, [])
        paths = [kept] if isinstance(kept, str) else list(kept or [])
        return [path for path in paths if Path(path).exists()]

    def add(self, path: str | Path) -> None:
        """A file was opened."""
        text = str(Path(path).resolve())
        paths = [text, *(each for each in self.paths() if each != text)]
        self._settings.setValue(_KEY, paths[:_MOST_RECENT])
