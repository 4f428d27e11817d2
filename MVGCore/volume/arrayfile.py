"""Named arrays with a JSON description in one safetensors file: nothing in it is ever executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.atomic import atomic_path

_KEY = "mvg"


@dataclass
class ArrayFile:
    """What such a file holds.

    Attributes:
        arrays: By name.
        description: Anything that JSON can say; the reader must check all of it.
    """

    arrays: dict[str, NDArray[Any]]
    description: Any


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], description: Any) -> None:
    """Write arrays and their description; `path` is replaced only when all of it is on the disk."""
    from safetensors.numpy import save

    content = save(dict(arrays), metadata={_KEY: json.dumps(description)})
    with atomic_path(path) as scratch:
        scratch.write_bytes(content)


def read_arrays(path: Path) -> ArrayFile:
    """Read what `write_arrays` wrote.

    Raises:
        InputError: There is no such file, it is damaged, or it has no description.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"There is no file '{path}'; check the name.")
    try:
        with safe_open(path, framework="numpy") as stream:
            description = json.loads((stream.metadata() or {})[_KEY])
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (not a mapping)
    except (
        SafetensorError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
        OSError,
    ) as error:
        raise InputError(f"'{path}' is damaged or of another kind ({error}); save it again.") from error
    return ArrayFile(arrays, description)
