"""A part of a zarr array, read in a process of its own.

`python -m MVGCore.volume.zarrpart PATH ARRAY REGION OUT`

Chunks are decompressed by libraries in C, which take whatever memory a damaged chunk asks for.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.private import temporary_prefix
from MVGCore.shortlived import Died, ProcessFailedError, ask, limit_itself

_SECONDS, _BYTES_A_SECOND = 60.0, 5e6
# Beside the part itself: chunks, as they are and unpacked.
_MEMORY = 512 << 20

Region = Sequence[tuple[int, int]]


def read_part(path: Path, name: str, region: Region, size: int) -> NDArray[Any]:
    """The values of a part of an array, read by a process of its own.

    Args:
        path: The zarr folder.
        name: Of the array in it.
        region: First and one more than the last index along each axis.
        size: Bytes of the part.

    Raises:
        InputError: It is damaged.
    """
    with tempfile.TemporaryDirectory(prefix=temporary_prefix("part")) as folder:
        out = f"{folder}/part.npy"
        words = [str(path.absolute()), name, json.dumps(list(region)), out]
        try:
            ask("MVGCore.volume.zarrpart", words, _SECONDS + size / _BYTES_A_SECOND)
        except (Died, ProcessFailedError) as error:
            raise InputError(
                f"The voxels of '{path}' cannot be read ({error}); they may be damaged: copy or export the "
                "image again."
            ) from error
        array: NDArray[Any] = np.load(out, allow_pickle=False)
    return array


def main(words: Sequence[str]) -> int:
    """Read the part; gives the exit code."""
    import zarr

    path, name, region = words[0], words[1], json.loads(words[2])
    group: Any = zarr.open_group(path, mode="r")
    array = group[name]
    size = int(np.prod([last - first for first, last in region], dtype=object)) * array.dtype.itemsize
    limit_itself(_SECONDS + size / _BYTES_A_SECOND, 2 * size + _MEMORY)
    try:
        part = np.asarray(array[tuple(slice(first, last) for first, last in region)])
        np.save(words[3], part, allow_pickle=False)
    except MemoryError:
        print("a chunk takes more memory than it should")
        return 1
    except Exception as error:  # codecs raise what they like
        print(str(error).strip().split("\n")[0] or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
