"""What is printed on a terminal: names from files must not steer it."""

from __future__ import annotations

import unicodedata
from typing import Any, TextIO

_KEPT = "\n\t"
_TURNS_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """`text` with an escape like \\x1b in place of each character that a terminal would obey."""
    return "".join(map(_shown, text))


def _shown(letter: str) -> str:
    obeyed = unicodedata.category(letter) == "Cc" or letter in _TURNS_TEXT
    if letter in _KEPT or not obeyed:
        return letter
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"


class PrintableStream:
    """A stream that passes on what is printable; all else it has from the one behind."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, made printable."""
        return self._stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
