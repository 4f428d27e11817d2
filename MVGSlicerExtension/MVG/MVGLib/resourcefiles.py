"""Where the panel's files lie: in the module's Resources folder, or inside MVGLib when pip installed it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_path(name: str) -> Path:
    """Returns the file `name` of the module's resources, e.g. "UI/MVG.ui" or "Icons/MVG.png".

    Raises:
        FileNotFoundError: there is no such file, which means that the installation is incomplete.
    """
    # Installed by pip; in a checkout and in Slicer.
    places = [_PACKAGE / "Resources" / name, _PACKAGE.parent / "Resources" / name]
    for path in places:
        if path.is_file():
            return path
    raise FileNotFoundError(f"{places[-1]} is missing: install MVG again.")
