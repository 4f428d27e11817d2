"""Example sets with a name, in the user's own folder and in shared ones."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ENDING = ".mvgprompts"
VARIABLE = "MVG_LIBRARY"  # shared folders, separated as in PATH; for whoever sets up many computers


@dataclass(frozen=True)
class ExampleSet:
    """One set of examples to pick from.

    Attributes:
        name: What the user sees.
        path: The file.
        shared: Whether it lies in a shared folder.
    """

    name: str
    path: Path
    shared: bool


class Library:
    """Lists the example sets that there are now.

    Example:
        >>> [each.name for each in Library().sets()]
        ['hippocampus', 'knee']
    """

    def __init__(self, own: Path | None = None, shared: Iterable[Path | str] = ()) -> None:
        """
        Args:
            own: The user's folder; None takes `MVG/examples` in the home folder. It need not exist.
            shared: Folders of others, beside those that the environment names.
        """
        self.own = own or Path.home() / "MVG" / "examples"
        named = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
        self.shared = tuple(dict.fromkeys(Path(each) for each in (*named, *shared) if each))

    def sets(self) -> list[ExampleSet]:
        """The sets by name, the user's own first; a folder that cannot be read has none."""
        own = [ExampleSet(path.stem, path, False) for path in _files(self.own)]
        return own + [ExampleSet(path.stem, path, True) for folder in self.shared for path in _files(folder)]

    def make_own_folder(self) -> Path:
        """The user's folder, which is made if there is none.

        Raises:
            OSError: It cannot be made.
        """
        self.own.mkdir(parents=True, exist_ok=True)
        return self.own


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ENDING)
    except OSError:  # not there, not a folder, a share that is not connected
        return []
