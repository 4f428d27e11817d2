"""Which other files the header of an image names as the place of its voxels.

A header that names any file of the machine would show its contents as voxels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from MVGCore.errors import InputError

_MOST_HEADER = 1 << 20
_NRRD_FIELD = re.compile(rb"^data ?file:[ \t]*(.*)$", re.IGNORECASE)
# A C format for one number, its first and last value, the step, and perhaps how many dimensions a file has:
# "slice%03d.raw 1 60 1", "slice%03d.raw 1 60 1 2".
_PATTERN = re.compile(r"([^%]*)%(0?\d{0,2})d([^%]*?) (-?\d{1,9}) (-?\d{1,9}) (-?\d{1,9})(?: \d)?")
_MOST_FILES = 100_000
_OWN = (b"LOCAL", b"Local", b"local")
_META_FIELD = re.compile(rb"^[ \t]*ElementDataFile[ \t]*[=:][ \t]*(.*)$", re.IGNORECASE)


def named_files(path: Path) -> tuple[str, ...]:
    """The data files that a NRRD or MetaImage header names, as they stand there; none for other files.

    Raises:
        InputError: The header gives a pattern or a list of files.
        OSError: It cannot be read.
    """
    is_nrrd = path.name.lower().endswith((".nrrd", ".nhdr"))
    if not is_nrrd and not path.name.lower().endswith((".mha", ".mhd")):
        return ()
    with open(path, "rb") as stream:
        head = stream.read(_MOST_HEADER)
    if is_nrrd:
        head = re.split(rb"\n\r?\n", head, maxsplit=1)[0]
    field = _NRRD_FIELD if is_nrrd else _META_FIELD
    given = [match[1].strip() for line in head.splitlines() if (match := field.match(line))]
    names = tuple(each.decode("utf-8", "replace") for each in given if is_nrrd or each not in _OWN)
    for each in names:
        if "%" in each or each.upper().startswith("LIST"):
            raise InputError(
                f"'{path}' names its data by '{each}', a pattern or list; join the parts into one file first."
            )
    return names


def check_data_files(path: Path) -> None:
    """Make sure that the voxels of an image lie in the file itself or beside it.

    Raises:
        InputError: Its header names a file elsewhere.
        OSError: It cannot be read.
    """
    for name in named_files(path):
        beside(path, name)


def beside(header: Path, name: str) -> Path:
    """The data file that a header names.

    Raises:
        DataElsewhere: It is not in the folder of the header, or below, and nobody has said that it may.
    """
    file = header.parent / name
    if not is_within(file, header.parent) and not _elsewhere.get():
        raise DataElsewhere(
            f"The header '{header}' names the file '{name}' outside its folder as its data, which is not "
            "read; move the data beside the header and name it there, or, if you trust the header, say "
            "--data-elsewhere."
        )
    return file


class DataElsewhere(InputError):
    """The voxels of an image lie outside the folder of its header: only who trusts it wants them read."""


_elsewhere: ContextVar[bool] = ContextVar("elsewhere", default=False)


@contextmanager
def data_elsewhere() -> Iterator[None]:
    """Read voxels from wherever a header says in this block: the user has said that it may be trusted."""
    before = _elsewhere.set(True)
    try:
        yield
    finally:
        _elsewhere.reset(before)


def data_files(header: Path, place: str, listed: Sequence[str] = ()) -> list[Path]:
    """The files that the voxels lie in, one after the other.

    Args:
        header: The file that says so.
        place: A name, a pattern with its first number, last number and step, or "LIST".
        listed: The names that follow the header, for a list.

    Raises:
        InputError: There is none, one lies outside the folder of the header, or the pattern never ends.
    """
    if place.split(" ")[0] == "LIST":
        names = list(listed)
    elif match := _PATTERN.fullmatch(place):
        first, last, step = (int(each) for each in match.groups()[3:])
        if step == 0 or (last - first) // step >= _MOST_FILES:
            raise InputError(f"'{header}' names its data by '{place}', without end; its header is damaged.")
        numbers = range(first, last + (1 if step > 0 else -1), step)
        names = [f"{match[1]}{number:{match[2]}d}{match[3]}" for number in numbers]
    else:
        names = [place]
    if not names:
        raise InputError(f"'{header}' names no file as its data; its header is damaged.")
    return [beside(header, name) for name in names]


def is_within(path: Path, folder: Path) -> bool:
    """Whether a file, all links followed, lies in a folder or below."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, a zero byte
        return False
