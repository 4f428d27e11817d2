"""Compressed slices are decoded in a process of its own: a fault of a decoder costs nothing there.

`python -m MVGCore.volume.dicom.apart PLAN OUT`: PLAN lists files and frames; OUT gets one array for each.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.private import temporary_prefix
from MVGCore.shortlived import Died, ProcessFailedError, ask, limit_itself
from MVGCore.volume.dicom.files import DamagedFile, damage_named, read_header, read_whole
from MVGCore.volume.dicom.planes import Plane, planes_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Seconds and bytes that a process takes before it decodes anything, and for what it decodes.
_SECONDS, _BYTES_A_SECOND = 60.0, 2e6
_MEMORY, _TIMES_FRAME = 256 << 20, 32


def decoded_apart(planes: Sequence[Plane]) -> Iterator[NDArray[Any]]:
    """The numbers of slices as they are stored, in their order.

    Raises:
        DamagedFile: A slice cannot be decoded.
        InputError: Nothing that is installed decodes them, or the decoder crashed or takes too long.
    """
    frames = [(str(plane.source.file.absolute()), plane.frame) for plane in planes]
    pixels = sum(plane.size[0] * plane.size[1] for plane in planes)
    with tempfile.TemporaryDirectory(prefix=temporary_prefix("slices")) as folder:
        plan, out = Path(folder) / "plan", Path(folder) / "out"
        plan.write_text(json.dumps(frames), encoding="utf-8")
        try:
            ask("MVGCore.volume.dicom.apart", [str(plan), str(out)], _SECONDS + pixels / _BYTES_A_SECOND)
        except ProcessFailedError as error:
            raise _told(str(error)) from error
        except Died as error:
            raise InputError(
                f"The compressed slices of '{planes[0].source.file.parent}' cannot be decoded ({error}); a "
                "file may be damaged: copy or export the series again."
            ) from error
        with open(out, "rb") as stream:
            for _ in planes:
                yield np.load(stream, allow_pickle=False)


def _told(text: str) -> InputError:
    """What the process said, as the error that it met there."""
    try:
        said = json.loads(text)
    except ValueError:
        return InputError(text)
    return DamagedFile(Path(said["file"]), said["why"])


def main(words: Sequence[str]) -> int:
    """Decode what the plan lists; gives the exit code."""
    frames: list[tuple[str, int]] = json.loads(Path(words[0]).read_text(encoding="utf-8"))
    try:
        with open(words[1], "wb") as out:
            _decode(frames, out)
    except DamagedFile as error:
        print(json.dumps({"file": str(error.file), "why": error.why}))
        return 1
    except InputError as error:
        print(error)
        return 1
    return 0


def _decode(frames: Sequence[tuple[str, int]], out: Any) -> None:
    largest, limited = max(Path(name).stat().st_size for name, _ in frames), False
    for name, group in groupby(frames, key=lambda each: each[0]):
        file = Path(name)
        planes = {plane.frame: plane for plane in planes_of(file, read_header(file))}
        dataset = read_whole(file)
        for _, frame in group:
            if not limited:
                pixels, limited = int(np.prod(planes[frame].size)), True
                seconds = _SECONDS + len(frames) * pixels / _BYTES_A_SECOND
                limit_itself(seconds, _MEMORY + 2 * largest + _TIMES_FRAME * pixels)
            with damage_named(file):
                array = _within_memory(dataset, planes[frame])
            np.save(out, array, allow_pickle=False)


def _within_memory(dataset: Dataset, plane: Plane) -> NDArray[Any]:
    from MVGCore.volume.dicom.decoders import frame_of

    try:
        return frame_of(dataset, plane)
    except MemoryError as error:
        raise ValueError("a slice takes more memory than it should") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
