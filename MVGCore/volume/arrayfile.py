"""Named arrays with a JSON description in one safetensors file: nothing in it is ever executed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.atomic import atomic_path

_KEY, _SUM = "mvg", "mvg-checksum"


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
    """Write arrays, their description and a checksum; `path` is replaced only when all is on the disk."""
    from safetensors.numpy import save

    text = json.dumps(description)
    content = save(dict(arrays), metadata={_KEY: text, _SUM: _sum(text, arrays)})
    with atomic_path(path) as scratch:
        scratch.write_bytes(_in_order(content))


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
            metadata = stream.metadata() or {}
            description = json.loads(metadata[_KEY])
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (not a mapping)
        if metadata.get(_SUM, "") not in ("", _sum(metadata[_KEY], arrays)):
            raise ValueError("its checksum differs")
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


def _in_order(content: bytes) -> bytes:
    """The same safetensors with its metadata in alphabetical order: equal content gives equal files."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def _sum(text: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Of the description, and of the names, types, shapes and values of the arrays."""
    total = zlib.crc32(text.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total = zlib.crc32(f"{name} {array.dtype.str} {arrays[name].shape}".encode(), total)
        total = zlib.crc32(array.reshape(-1).view(np.uint8).data, total)
    return f"{total:08x}"
