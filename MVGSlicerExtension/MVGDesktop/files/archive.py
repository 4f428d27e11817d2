"""Unpacking scene archives (`.mrb`, which are ZIP files) from people one does not know."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from MVGCore.errors import InputError

_MOST_ENTRIES = 20_000
_MOST_NAME = 255  # bytes of one part, as nearly all file systems have it
_MOST_PARTS = 32
# A small file that unpacks to more than this was made to fill the disk.
_SMALL, _MOST_OF_SMALL = 10 << 20, 1 << 30
_MOST_RATIO = 1100  # a little above what ZIP's usual method can reach
# Forbidden on Windows, or a separator there; control characters are forbidden everywhere.
_BAD_LETTERS = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into an empty folder, after a look at every entry; nothing is written elsewhere.

    Raises:
        InputError: It is truncated, damaged or encrypted; an entry has a name that leads out of the folder,
            or is a link or a device; there are too many or too large ones, or no room on the disk.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            entries = content.infolist()
            _check(entries, archive)
            _check_room(entries, archive, folder)
            for entry in entries:
                _write(content, entry, folder)
    # NotImplementedError is for methods of compression that nobody uses.
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise InputError(
            f"'{archive}' cannot be unpacked ({error}); it may be truncated, so copy or save it again."
        ) from error
    except OSError as error:
        raise InputError(
            f"'{archive}' cannot be unpacked to '{folder.parent}' ({error.strerror or error}); "
            "free some space or check the permissions."
        ) from error


def _check(entries: list[zipfile.ZipInfo], archive: Path) -> None:
    if len(entries) > _MOST_ENTRIES:
        raise InputError(f"'{archive}' has {len(entries)} files, more than a scene has; it is not opened.")
    seen: set[str] = set()
    for entry in entries:
        problem = _problem(entry)
        if entry.filename.casefold() in seen:
            problem = "is there twice"
        if problem:
            name = entry.filename.encode("unicode_escape").decode("ascii")[:200]
            raise InputError(
                f"'{archive}' is not opened: its entry '{name}' {problem}. No scene that Slicer or MVG saved "
                "has such an entry; do not trust where it came from."
            )
        seen.add(entry.filename.casefold())


def _problem(entry: zipfile.ZipInfo) -> str:
    """What is wrong with an entry, as the rest of a sentence; empty if nothing."""
    name = entry.filename
    parts = PurePosixPath(name).parts
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if name.startswith("/") or ".." in parts:
        return "leads out of the folder into which it is unpacked"
    if not parts or _BAD_LETTERS.search(name):
        return "has a name that not every system can have"
    if len(parts) > _MOST_PARTS or any(len(part.encode("utf-8", "replace")) > _MOST_NAME for part in parts):
        return "has too long a name"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    return "is encrypted" if entry.flag_bits & 1 else ""


def _check_room(entries: list[zipfile.ZipInfo], archive: Path, folder: Path) -> None:
    promised, stored = sum(entry.file_size for entry in entries), archive.stat().st_size
    if sum(entry.compress_size for entry in entries) > stored:
        raise InputError(f"'{archive}' is truncated, or its entries overlap; copy or save it again.")
    if promised > stored * _MOST_RATIO or (stored < _SMALL and promised > _MOST_OF_SMALL):
        raise InputError(
            f"'{archive}' of {stored / 1e6:.1f} MB would unpack to {promised / 1e6:,.0f} MB; it is not "
            "opened, since no scene is that compressible."
        )
    free = shutil.disk_usage(folder).free
    if promised > free:
        raise InputError(
            f"'{archive}' needs {promised / 1e6:,.0f} MB in '{folder.parent}', where {free / 1e6:,.0f} MB "
            "are free; free some space."
        )


def _write(content: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / entry.filename
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Reading to the end compares the checksum; "x" never opens what is there already.
    with content.open(entry) as source, open(target, "xb") as stream:
        shutil.copyfileobj(source, stream, 1 << 20)
