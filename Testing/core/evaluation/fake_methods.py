"""Methods that a child process can import: one that copies, and some that fail in every way a peer can."""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.volume import LabelMap, Volume

WARM_UP = "warm-up"


@dataclass
class FakeSession:
    """Fills the volume with its largest class, and counts its calls like a session that stays warm."""

    name: str = "fake MVG"
    extra: str | None = None
    calls: int = 0

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        self.calls += 1
        return np.full_like(few.array, self.calls)


@dataclass(frozen=True)
class Failing:
    """Does `how` ("sleep", "exit", "refuse", "raise", "shape") on every volume but the warm-up."""

    how: str
    name: str = "failing"
    extra: str | None = None

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        if image.name == WARM_UP:
            return few.array
        if self.how == "sleep":
            time.sleep(60)
        elif self.how == "exit":
            os._exit(7)
        elif self.how == "refuse":
            raise InputError("The volume is not to my taste: take another.")
        elif self.how == "raise":
            raise ZeroDivisionError("deep inside")
        return few.array[:1]


@dataclass(frozen=True)
class NotInstalled:
    """A method whose library is missing."""

    name: str = "not installed"
    extra: str | None = "peers"

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        raise MissingExtraError('This method needs the nothing package: pip install "mvg-slicer[peers]"')


@dataclass(frozen=True)
class Tidy:
    """Copies its input; when its process leaves by itself, it writes "left" to the file `note`."""

    note: str
    name: str = "tidy"
    extra: str | None = None

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        if image.name != WARM_UP:
            atexit.register(Path(self.note).write_text, "left")
        return few.array


@dataclass(frozen=True)
class Hungry:
    """Copies its input after touching `megabytes` of memory for a moment."""

    megabytes: int
    name: str = "hungry"
    extra: str | None = None

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        if image.name != WARM_UP:
            block = np.ones(self.megabytes << 20, np.uint8)
            time.sleep(0.1)
            del block
        return few.array.copy()
