"""Mutated files: each is read or told in a sentence; nothing crashes, hangs, grows or reads elsewhere.

    python -m Testing.campaign.reads FIRST LAST FOLDER

The number of a trial is its seed: a finding comes again with `FIRST = trial, LAST = trial + 1`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

from MVGCore.errors import MVGError
from MVGCore.shortlived import limit_itself
from MVGCore.volume import zarrpart
from MVGCore.volume.dicom import apart
from Testing.campaign.apart import forks_instead_of_programs
from Testing.campaign.mutators import mutate
from Testing.campaign.seeds import Seed, all_seeds
from Testing.campaign.trials import MOST_MEMORY, MOST_SECONDS, opened_files, serve, within

NAME = "reads of mutated files"


class Reads:
    """Mutates seeds and reads them.

    Args:
        folder: Where to put the files; it has to be empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seeds = all_seeds(folder)

    def trial(self, number: int) -> tuple[str, str]:
        """Make a trial; gives the format, and what must not have happened or an empty text."""
        rng = np.random.default_rng(number)
        seed = self.seeds[number % len(self.seeds)]
        files = dict(seed.files)
        changed = str(rng.choice(sorted(files)))
        files[changed] = mutate(files[changed], rng)
        return seed.kind, self.read(seed, files)

    def read(self, seed: Seed, files: dict[str, bytes]) -> str:
        """Read files of a kind; gives what must not have happened, or an empty text."""
        folder = self._folder / "case"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        first = folder / next(iter(files))
        try:
            with within(MOST_SECONDS), opened_files() as opened, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                seed.read(first)
            finding = ""
        except MVGError as error:
            finding = "" if str(error).endswith((".", ")", "?")) else f"no sentence: {error}"
            if "does not fit into the memory" in str(error):  # it was taken, and not refused by arithmetic
                finding = f"it takes the memory: {error}"
        except BaseException as error:  # whatever it is: it is what the user would see
            finding = f"{type(error).__name__}: {error}"[:300]
        inside = str(folder.resolve())
        outside = [path for path in opened if not path.startswith(inside) and "MVG-" not in path]
        elsewhere = [each.name for each in self._folder.iterdir() if each.name != "case"]
        shutil.rmtree(folder)
        if outside or elsewhere:
            return f"files elsewhere: {outside[:3]} {elsewhere[:3]}"
        return finding


def main(words: list[str]) -> None:
    """Make the trials of a range."""
    first, last, folder = int(words[0]), int(words[1]), Path(words[2])
    with tempfile.TemporaryDirectory(dir=folder) as scratch, forks_instead_of_programs(apart, zarrpart):
        reads = Reads(Path(scratch))
        for seed in reads.seeds:
            reads.read(seed, seed.files)  # all that is imported on demand is there afterwards
            assert not (finding := reads.read(seed, seed.files)), f"{seed.kind}: {finding}"
        limit_itself(1e6, MOST_MEMORY)
        serve(NAME, reads.trial, first, last, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
