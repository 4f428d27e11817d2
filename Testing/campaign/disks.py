"""Full disks: every writer meets one at a random byte; what was there stays, and the sentence says why.

python -m Testing.campaign.disks FIRST LAST FOLDER
"""

from __future__ import annotations

import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from MVGCore.errors import MVGError, OutputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import write_labelmap, write_volume
from Testing.campaign.flips import ENDINGS
from Testing.campaign.seeds import image, labels
from Testing.campaign.trials import serve

NAME = "full disks"


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """Let every write beyond `size` bytes of a file fail, as where a disk or a quota is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def writer_of(ending: str) -> Callable[[Path], None]:
    """What writes a file of that ending."""
    if ending == ".mvgprompts":
        return lambda path: PromptSet.from_labelmap(image(), labels()).save(path)
    if ending == ".safetensors":
        return _save_weights
    if ".seg" in ending:
        return lambda path: write_labelmap(path, labels())
    return lambda path: write_volume(path, image())


def _save_weights(path: Path) -> None:
    from MVGCore.models import create, save_weights

    save_weights(create("vit-tiny", width=12, depth=4), path, {})


KINDS = (*ENDINGS, ".safetensors")


class Disks:
    """Fills the disk while files are written.

    Args:
        folder: Where to put the files; it has to be empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes = {ending: self._size(ending) for ending in KINDS}

    def _size(self, ending: str) -> int:
        folder = self._folder / "size"
        folder.mkdir()
        writer_of(ending)(folder / f"x{ending}")
        size = max(file.stat().st_size for file in folder.iterdir())
        shutil.rmtree(folder)
        return size

    def trial(self, number: int) -> tuple[str, str]:
        """Fill the disk at one byte; gives the kind, and what was lost or said wrongly."""
        rng = np.random.default_rng(number)
        ending = KINDS[number % len(KINDS)]
        folder = self._folder / "case"
        folder.mkdir()
        path, earlier = folder / f"x{ending}", bool(rng.integers(2))
        if earlier:
            writer_of(ending)(path)
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        finding = ""
        try:
            with full_after(int(rng.integers(0, self._sizes[ending]))):
                writer_of(ending)(path)
            finding = "it says that it was written"
        except OutputError as error:
            finding = "" if "free some space" in str(error) else f"it says: {error}"
        except MVGError as error:
            finding = f"it says: {error}"
        except Exception as error:
            finding = f"{type(error).__name__}: {error}"
        after = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        if before != after or len(list(folder.iterdir())) != len(before):
            finding = (
                f"the folder held {sorted(before)} and holds {sorted(each.name for each in folder.iterdir())}"
            )
        shutil.rmtree(folder)
        return ending, finding


def main(words: list[str]) -> None:
    """Make the trials of a range."""
    first, last, folder = int(words[0]), int(words[1]), Path(words[2])
    with tempfile.TemporaryDirectory() as scratch:
        serve(NAME, Disks(Path(scratch)).trial, first, last, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
