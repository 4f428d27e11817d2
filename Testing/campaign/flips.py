"""One flipped bit in what MVG wrote: it is told, or what is read is what was written.

python -m Testing.campaign.flips FIRST LAST FOLDER
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.errors import MVGError
from MVGCore.prompts import PromptSet
from MVGCore.volume import read_segmentation, read_volume, write_labelmap, write_volume
from Testing.campaign.seeds import image, labels
from Testing.campaign.trials import serve

NAME = "flipped bits in own files"
ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".seg.nrrd", ".seg.nhdr", ".mvgprompts")


class Flips:
    """Writes a file of each kind, and flips bits in it.

    Args:
        folder: Where to put the files; it has to be empty.
    """

    def __init__(self, folder: Path) -> None:
        self._cases = [self._case(folder / ending[1:], ending) for ending in ENDINGS]

    def _case(self, folder: Path, ending: str) -> tuple[Path, Callable[[Path], Any], Any]:
        folder.mkdir()
        path = folder / f"x{ending}"
        if ending == ".mvgprompts":
            PromptSet.from_labelmap(image(), labels()).save(path)
            return path, _prompts, _prompts(path)
        if ".seg" in ending:
            write_labelmap(path, labels())
            return path, _segments, _segments(path)
        write_volume(path, image())
        return path, _image, _image(path)

    def trial(self, number: int) -> tuple[str, str]:
        """Flip one bit; gives the format, and what went unnoticed or an empty text."""
        rng = np.random.default_rng(number)
        path, read, written = self._cases[number % len(self._cases)]
        file = sorted(path.parent.iterdir())[int(rng.integers(len(list(path.parent.iterdir()))))]
        whole = file.read_bytes()
        place = int(rng.integers(8 * len(whole)))
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(bytes(damaged))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                finding = "" if read(path) == written else f"bit {place} of {file.name} changed what is read"
        except MVGError:
            finding = ""
        except Exception as error:
            finding = f"bit {place} of {file.name}: {type(error).__name__}: {error}"
        file.write_bytes(whole)
        return path.name[1:], finding


def _image(path: Path) -> tuple[Any, ...]:
    volume = read_volume(path)
    return volume.array.tobytes(), volume.array.dtype, volume.geometry, volume.geometry.frames


def _segments(path: Path) -> tuple[Any, ...]:
    read = read_segmentation(path)
    return tuple(layer.tobytes() for layer in read.layers), read.geometry, read.segments


def _prompts(path: Path) -> tuple[Any, ...]:
    read = PromptSet.load(path)
    slices = tuple(
        (each.key, each.enabled, each.image.tobytes(), each.labels.tobytes()) for each in read.prompts
    )
    return slices, read.classes


def main(words: list[str]) -> None:
    """Make the trials of a range."""
    first, last, folder = int(words[0]), int(words[1]), Path(words[2])
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        serve(NAME, Flips(Path(scratch)).trial, first, last, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
