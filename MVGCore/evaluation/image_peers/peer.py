"""What a method for the image tasks is."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from numpy.typing import NDArray

from MVGCore.errors import MissingExtraError
from MVGCore.evaluation.image_problems import Problem


class ImagePeer(Protocol):
    """A method for one of the image tasks."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it can do."""
        ...

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """The counted slices (T, H, W) in the units of the truth.

        Raises:
            MissingExtraError: its library is not installed.
        """
        ...


def library(name: str, extra: str) -> Any:
    """A module of a library that an extra of ours installs.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f'This needs {name.partition(".")[0]}: pip install "mvg-slicer[{extra}]"'
        ) from error
