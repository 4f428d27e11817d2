"""Headers whose voxels are in other files (`.nhdr`, `.mhd`): which files those are."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from MVGCore.errors import InputError

_HEADERS = (".nhdr", ".mhd")
_MOST_LINES = 100_000
_LONGEST_STEM = 255 - len(".raw.gz")  # bytes
# Names that mean something else in a header: the file itself, a list, a pattern with numbers.
_KEYWORDS = ("list", "local", "skip")


def data_stem(path: Path) -> str:
    """The name of the data file of a header, without ending; what headers do not allow becomes "_".

    It is cut where a system would find it too long: its ending is longer than that of the header.
    """
    name = re.sub(r"[%\x00-\x1f\x7f]", "_", path.name[: -len(path.suffix)] if path.suffix else path.name)
    name = f"_{name}" if name.lower().startswith(_KEYWORDS) else name
    return name.encode()[:_LONGEST_STEM].decode(errors="ignore")


def written_files(path: Path) -> tuple[Path, ...]:
    """The files that writing to `path` makes; itself first."""
    suffix = path.suffix.lower()
    if suffix == ".nhdr":
        return path, path.with_name(f"{data_stem(path)}.raw.gz")
    return (path, path.with_name(f"{data_stem(path)}.zraw")) if suffix == ".mhd" else (path,)


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that a volume consists of: `path`, and the data files that it names if it is a header."""
    if path.suffix.lower() not in _HEADERS or not os.path.isfile(path):  # pathlib raises for too long a name
        return (path,)
    with open(path, encoding="utf-8", errors="replace") as stream:
        lines = [line.rstrip("\r\n") for _, line in zip(range(_MOST_LINES), stream, strict=False)]
    return (path, *(path.parent / name for name in _names(lines, path.parent)))


def check_companions(path: Path) -> None:
    """Refuse a header whose data file would replace one that belongs to something else.

    Raises:
        InputError: It would.
    """
    try:
        os.lstat(path)
    except FileNotFoundError:
        pass
    except OSError:  # no file can have this name, which the writer says
        return
    own = {each.resolve() for each in files_of(path)}
    for file in written_files(path)[1:]:
        if os.path.exists(file) and file.resolve() not in own:
            raise InputError(
                f"'{path}' would replace '{file}', which belongs to another header; choose another name, or "
                "an ending that keeps all in one file, such as .nrrd."
            )


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
