"""Full disks at a random byte for all that writes: what was there stays, and the sentence says why.

python -m Testing.campaign.disks FIRST LAST FOLDER
"""

from __future__ import annotations

import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

from MVGCore.errors import MVGError, OutputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import write_labelmap, write_volume
from Testing.campaign.commands import commands, content, in_a_fork, lost, warm, write_case
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


FILES = (*ENDINGS, ".safetensors")


class Disks:
    """Fills the disk while files are written.

    Args:
        folder: Where to put the files; it has to be empty.
        commands: Whether those of `mvg` take part, which have to be got ready first.
    """

    def __init__(self, folder: Path, commands: bool = True) -> None:
        self._folder, self._case = folder, folder / "given"
        self._files = {ending: self._written(ending) for ending in FILES}
        self._commands: dict[str, dict[str, bytes]] = {}
        if commands:
            self._case.mkdir()
            write_case(self._case)
            self._commands = {f"mvg {name}": made for name, made in warm(self._case, folder / "case").items()}
        self.kinds = (*self._files, *self._commands)

    def _written(self, ending: str) -> dict[str, bytes]:
        folder = self._folder / "size"
        folder.mkdir()
        writer_of(ending)(folder / f"x{ending}")
        written = content(folder)
        shutil.rmtree(folder)
        return written

    def trial(self, number: int) -> tuple[str, str]:
        """Fill the disk at one byte; gives the kind, and what was lost or said wrongly."""
        rng = np.random.default_rng(number)
        kind = self.kinds[number % len(self.kinds)]
        folder = self._folder / "case"
        folder.mkdir()
        (self._of_command if kind in self._commands else self._of_file)(kind, folder, None)
        before = content(folder) if rng.integers(2) else {}
        if not before:
            shutil.rmtree(folder)
            folder.mkdir()
        written = self._commands.get(kind) or self._files[kind]
        size = int(rng.integers(0, max(map(len, written.values()), default=1)))
        given = content(self._case) if kind in self._commands else {}
        finding = (self._of_command if kind in self._commands else self._of_file)(kind, folder, size)
        if kind in self._commands and content(self._case) != given:
            finding = "an input changed"
        finding = finding or lost(before, written, content(folder), kind in self._files, folder)
        if kind == "mvg label" and not finding:
            finding = self._of_command(kind, folder, None)  # does what is missing
        shutil.rmtree(folder)
        return kind, finding

    def _of_file(self, ending: str, folder: Path, size: int | None) -> str:
        path = folder / f"x{ending}"
        try:
            with nullcontext() if size is None else full_after(size):
                writer_of(ending)(path)
            return "" if size is None else "it says that it was written"
        except OutputError as error:
            return "" if "free some space" in str(error) else f"it says: {error}"
        except MVGError as error:
            return f"it says: {error}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def _of_command(self, kind: str, folder: Path, size: int | None) -> str:
        words = commands(self._case, folder)[kind.removeprefix("mvg ")]
        code, said = in_a_fork(words, nullcontext if size is None else lambda: full_after(size))
        if code == 0 or (code == 1 and size is not None and "free some space" in said):
            return ""
        return f"it ended with {code} and said: {said[-300:]}"


def main(words: list[str]) -> None:
    """Make the trials of a range."""
    first, last, folder = int(words[0]), int(words[1]), Path(words[2])
    with tempfile.TemporaryDirectory() as scratch:
        serve(NAME, Disks(Path(scratch)).trial, first, last, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
