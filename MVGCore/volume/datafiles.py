"""Headers whose voxels are in other files (`.nhdr`, `.mhd`): which files those are."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_HEADERS = (".nhdr", ".mhd")
_MOST_LINES = 100_000
_DIGITS = 12
_LONGEST_STEM = 255 - 1 - _DIGITS - len(".raw.gz")  # bytes
_OWN = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}(\.raw\.gz|\.zraw)$")
# Names that mean something else in a header: the file itself, a list, a pattern with numbers.
_KEYWORDS = ("list", "local", "skip")


def data_stem(path: Path) -> str:
    """How the name of the data file of a header begins; what headers do not allow becomes "_".

    It is cut where a system would find it too long: its ending is longer than that of the header.
    """
    name = re.sub(r"[%\x00-\x1f\x7f]", "_", path.name[: -len(path.suffix)] if path.suffix else path.name)
    name = f"_{name}" if name.lower().startswith(_KEYWORDS) else name
    return name.encode()[:_LONGEST_STEM].decode(errors="ignore")


def data_name(path: Path, data: bytes, ending: str) -> str:
    """The name of the file that data are written to: other data have another name, equal ones the same."""
    return f"{data_stem(path)}-{hashlib.sha256(data).hexdigest()[:_DIGITS]}{ending}"


def remove_unused(files: Iterable[Path]) -> None:
    """Remove data files that MVG named and that no header of their folder needs any more."""
    own = [file for file in files if _OWN.search(file.name)]
    used: set[Path] = set()
    for folder in {file.parent for file in own}:
        headers = (each for each in folder.iterdir() if each.suffix.lower() in _HEADERS)
        used.update(data for header in headers for data in files_of(header)[1:])
    for file in own:
        if file not in used:
            file.unlink(missing_ok=True)


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that a volume consists of: `path`, and the data files that it names if it is a header."""
    if path.suffix.lower() not in _HEADERS or not os.path.isfile(path):  # pathlib raises for too long a name
        return (path,)
    with open(path, encoding="utf-8", errors="replace") as stream:
        lines = [line.rstrip("\r\n") for _, line in zip(range(_MOST_LINES), stream, strict=False)]
    return (path, *(path.parent / name for name in _names(lines, path.parent)))


def _names(lines: Sequence[str], folder: Path) -> Iterator[str]:
    for number, line in enumerate(lines):
        match = re.match(r"\s*(?:data ?file\s*:(?!=)|elementdatafile\s*=)\s*(.*?)\s*$", line, re.IGNORECASE)
        if not match or match[1].upper() == "LOCAL":
            continue
        if match[1].split(" ")[0].upper() == "LIST":
            yield from (each.strip() for each in lines[number + 1 :] if each.strip())
        elif "%" in match[1]:
            yield from _of_pattern(match[1], folder)
        else:
            yield match[1]


def _of_pattern(text: str, folder: Path) -> Iterator[str]:
    """The files that a C format with a first and a last number may mean: all that there are of that form."""
    pattern = re.sub(r"(?:\s+-?\d+)+$", "", text)
    wild = re.sub(r"%\d*[di]", "*", "".join(f"[{c}]" if c in "*?[" else c for c in pattern))
    yield from glob.glob(wild, root_dir=folder)
