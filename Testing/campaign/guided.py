"""Files that Atheris makes: it keeps what reaches new lines of the readers, and goes on from there.

    python -m Testing.campaign.guided FIRST LAST FOLDER

Atheris has to be installed (`pip install atheris`, on Linux and macOS).
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from Testing.campaign.trials import Outcome

NAME = "files made by coverage (Atheris)"
_NOTED_EVERY = 200
# What they do is done by libraries in C, or in another process.
_LEFT_OUT = (".mrb", ".mrml", ".pth", "OME-Zarr", "DICOM JPEG-LS", "DICOM JPEG 2000", "DICOM RLE")


def main(words: list[str]) -> None:
    """Make the trials of a range; the process ends with the last one."""
    import atheris

    with atheris.instrument_imports(include=["MVGCore.volume", "MVGCore.prompts", "nrrd"]):
        from Testing.campaign.reads import Reads

    first, last, folder = int(words[0]), int(words[1]), Path(words[2])
    scratch, corpus = Path(tempfile.mkdtemp(dir=folder)), folder / f"corpus-{first}"
    reads = Reads(scratch)
    seeds = [each for each in reads.seeds if len(each.files) == 1 and each.kind not in _LEFT_OUT]
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(bytes([number]) + next(iter(seed.files.values())))
    outcome = Outcome(NAME)
    (folder / "at").write_text(str(first))

    def trial(data: bytes) -> None:
        seed = seeds[data[0] % len(seeds)] if data else seeds[0]
        finding = reads.read(seed, {next(iter(seed.files)): bytes(data[1:])})
        outcome.trials += 1
        outcome.kinds[seed.kind] += 1
        if finding:
            outcome.findings.append(f"trial {first + outcome.trials}, {seed.kind}: {finding}")
        if finding or outcome.trials % _NOTED_EVERY == 0 or outcome.trials >= last - first:
            (folder / "at").write_text(str(first + outcome.trials))
            (folder / "outcome.new").write_text(outcome.to_json())
            os.replace(folder / "outcome.new", folder / "outcome")

    options = [
        f"-runs={last - first}",
        f"-seed={first + 1}",
        "-max_len=8192",
        "-rss_limit_mb=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], trial)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
