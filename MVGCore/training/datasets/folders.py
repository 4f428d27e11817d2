"""Finding one's way in an unpacked data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from MVGCore.errors import InputError


def find(folder: Path, place: str, dataset: str) -> Path:
    """The first thing of that name in a folder or up to two levels below, where archives tend to put it.

    Args:
        folder: what the user named.
        place: relative path, may be a pattern.
        dataset: for the message.

    Raises:
        InputError: there is no such folder, or it does not hold what is wanted.
    """
    check(folder, dataset)
    for pattern in (place, f"*/{place}", f"*/*/{place}"):
        paths = visible(folder, pattern)
        if paths:
            return paths[0]
    raise InputError(
        f"The folder {folder} is not laid out as {dataset}: it holds no {place}; name the folder that does."
    )


def check(folder: Path, dataset: str) -> None:
    """Raise `InputError` unless the folder is there."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}: name the one into which {dataset} was unpacked.")


def visible(folder: Path, pattern: str) -> list[Path]:
    """What matches a pattern, sorted, without the hidden copies ("._name") that macOS leaves in archives."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def pairs(
    images: Path, labels: Path, pattern: str, label_name: Callable[[str], str] = str
) -> Iterator[tuple[Path, Path]]:
    """Each image of a folder with its label.

    Args:
        images, labels: folders.
        pattern: of the images' names.
        label_name: name of an image -> name of its label.

    Raises:
        InputError: a label is missing.
    """
    for image in visible(images, pattern):
        yield image, existing(labels / label_name(image.name), image)


def existing(path: Path, partner: Path) -> Path:
    """The path, if there is such a file.

    Raises:
        InputError: it is missing.
    """
    if not path.exists():
        raise InputError(
            f"{partner} has no partner {path}: unpack the data set again, or take the case away."
        )
    return path
