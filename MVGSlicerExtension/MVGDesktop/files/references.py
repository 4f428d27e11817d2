"""Which files a scene names, and whether all of them lie in its folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.parsers import expat

from MVGCore.errors import InputError
from MVGCore.volume.outside import check_data_files, is_within

_MOST_BYTES = 64 << 20
# MRML has dozens of classes that name files, each by an attribute like fileName, fileListMember0 or uri.
_NAMES_A_FILE = re.compile(r"file|uri|url|path", re.IGNORECASE)
_LISTS_OF_FILES = (".mrml", ".vtm", ".pvd", ".pvtu", ".pvtp", ".pvti")


_REMEDY = "save the scene in Slicer as one file (.mrb), which holds all its data."


def check_scene(scene: Path) -> set[Path]:
    """Make sure that reading a `.mrml` file touches nothing outside its folder.

    Returns:
        The files that it names, those that exist.

    Raises:
        InputError: It is no XML, or it or a file that it names, names a file outside or a network address.
    """
    files = set()
    for name in _named(scene):
        if not name:
            continue
        if "://" in name:
            raise InputError(
                f"The scene '{scene}' names the address '{name}', which is not fetched; {_REMEDY}"
            )
        file = scene.parent / name
        if not is_within(file, scene.parent):
            raise InputError(
                f"The scene '{scene}' names the file '{name}' outside its folder, which is not read; "
                f"{_REMEDY}"
            )
        if os.path.isfile(file):  # pathlib raises for too long a name
            check_file(file)
            files.add(file)
    return files


def check_folder(folder: Path) -> None:
    """Make sure that no file in an unpacked archive names one outside.

    Raises:
        InputError: One does.
    """
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            check_file(file)


def check_file(file: Path) -> None:
    """Make sure that the header of an image, or a list of parts, names no file outside its folder.

    Raises:
        InputError: It does.
    """
    if file.name.lower().endswith(_LISTS_OF_FILES) and file.suffix.lower() != ".mrml":
        check_scene(file)
    else:
        check_data_files(file)


def _named(scene: Path) -> Iterator[str]:
    """All values of attributes that name files, as they stand there and decoded."""
    if scene.stat().st_size > _MOST_BYTES:
        raise InputError(
            f"'{scene}' is larger than {_MOST_BYTES >> 20} MB, which no scene is; it is not opened."
        )
    values: list[str] = []

    def start(_tag: str, attributes: dict[str, str]) -> None:
        values.extend(value for name, value in attributes.items() if _NAMES_A_FILE.search(name))

    def refuse(*_: object) -> None:
        raise InputError(
            f"'{scene}' declares a document type or entities, which no scene does; it is not opened."
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(scene.read_bytes(), True)
    except expat.ExpatError as error:
        raise InputError(
            f"'{scene}' cannot be read as a scene ({error}); it may be truncated, so save it again."
        ) from error
    for value in values:
        yield value
        if unquote(value) != value:  # Slicer encodes some letters of names
            yield unquote(value)
