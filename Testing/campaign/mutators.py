"""Changes to files that readers do not expect, some blind and some that know what a header looks like."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Sequence

import numpy as np

Mutator = Callable[[bytes, np.random.Generator], bytes]

# What a number, a name or a word of a header may be replaced by.
TOKENS = (
    *(b"0", b"-1", b"1", b"2", b"255", b"65535", b"65536", b"2147483647", b"-2147483648", b"4294967295"),
    *(
        b"9" * 20,
        b"1e308",
        b"1e-320",
        b"nan",
        b"inf",
        b"-inf",
        b"",
        b" ",
        b"None",
        b"%s%n",
        b"%d 1 9 0",
        b"%2000000000d",
    ),
    *(
        b"/etc/passwd",
        b"../x",
        b"..",
        b".",
        b"/dev/zero",
        b"LIST",
        b"LOCAL",
        b"x" * 3000,
        b"\x00",
        b"\xff\xfe",
        b"[" * 999,
    ),
)


def flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip one to four bits."""
    changed = bytearray(data)
    for place in rng.integers(0, 8 * len(changed), rng.integers(1, 5)):
        changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def replace_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Put random bytes, or those of an extreme number, in place of some."""
    changed = bytearray(data)
    place, length = int(rng.integers(0, len(changed))), int(rng.choice((1, 2, 4, 8)))
    kinds = (rng.bytes(length), b"\x00" * length, b"\xff" * length, b"\x7f" + b"\xff" * (length - 1))
    changed[place : place + length] = kinds[rng.integers(len(kinds))]
    return bytes(changed)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    """Leave out a piece, often the end."""
    first, last = sorted(rng.integers(0, len(data) + 1, 2))
    return data[:first] if rng.random() < 0.5 else data[:first] + data[last:]


def repeat(data: bytes, rng: np.random.Generator) -> bytes:
    """Insert a copy of a piece."""
    first, last, place = sorted(rng.integers(0, len(data) + 1, 2)) + [int(rng.integers(0, len(data) + 1))]
    return data[:place] + data[first:last] + data[place:]


def change_number(data: bytes, rng: np.random.Generator) -> bytes:
    """Replace a number that is written as text."""
    return _replace(rb"-?\d+(?:\.\d+)?", data, rng)


def change_word(data: bytes, rng: np.random.Generator) -> bytes:
    """Replace a word of a header, a name or a path."""
    return _replace(rb"[\w./-]{2,}", data, rng)


def _replace(pattern: bytes, data: bytes, rng: np.random.Generator) -> bytes:
    found = list(re.finditer(pattern, data[:4096]))
    if not found:
        return replace_bytes(data, rng)
    match = found[rng.integers(len(found))]
    return data[: match.start()] + TOKENS[rng.integers(len(TOKENS))] + data[match.end() :]


MUTATORS: Sequence[Mutator] = (flip_bits, replace_bytes, cut, repeat, change_number, change_word)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """One to three changes; of a gzip file half of the time inside, so that its checksum is right again."""
    if data[:2] == b"\x1f\x8b" and rng.random() < 0.5:
        return gzip.compress(mutate(gzip.decompress(data), rng), 1)
    for _ in range(int(rng.integers(1, 4))):
        if data:
            data = MUTATORS[rng.integers(len(MUTATORS))](data, rng)
    return data
