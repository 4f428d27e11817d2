"""Dataclasses to plain JSON values and back, guided by their type hints; arrays travel beside the text.

A dataclass becomes {"is": its name, field: value, ...}, a dict a list of pairs (keys need not be strings), an
array its number in a list. Reading checks every value against its hint: what is not exactly as expected is a
`ProtocolError`, nothing is ever executed.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import MVGError
from MVGCore.worker.wire.handshake import ProtocolError

Array = NDArray[Any]


def to_plain(value: Any, arrays: list[Array]) -> Any:
    """What JSON can say of a value; its arrays are appended to `arrays`.

    Raises:
        TypeError: it holds something that no message may have.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return len(arrays) - 1
    if isinstance(value, tuple | list):
        return [to_plain(each, arrays) for each in value]
    if isinstance(value, dict):
        return [[to_plain(key, arrays), to_plain(each, arrays)] for key, each in value.items()]
    if dataclasses.is_dataclass(value):
        parts = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        return {"is": type(value).__name__, **{name: to_plain(part, arrays) for name, part in parts.items()}}
    raise TypeError(f"A message cannot hold a {type(value).__name__}.")


def from_plain(hint: Any, value: Any, arrays: Sequence[Array]) -> Any:
    """The value that a type hint describes.

    Raises:
        ProtocolError: the plain value is not of that type.
    """
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(typing.get_args(hint), value, arrays)
    if origin is np.ndarray:
        if not (type(value) is int and 0 <= value < len(arrays)):
            raise ProtocolError(f"There is no array {_short(value)}.")
        return arrays[value]
    if origin is tuple:
        return _tuple(typing.get_args(hint), value, arrays)
    if origin is list:
        return [from_plain(typing.get_args(hint)[0], each, arrays) for each in _typed(list, value)]
    if origin is dict:
        key, content = typing.get_args(hint)
        return dict(_tuple((key, content), pair, arrays) for pair in _typed(list, value))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, value, arrays)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum(hint, value)
    if hint is float and type(value) is int:
        return _float(value)
    return _typed(hint, value)


def message_of(kinds: Mapping[str, type], record: Any, arrays: Sequence[Array] = ()) -> Any:
    """The message in a plain record, which names one of `kinds`.

    Raises:
        ProtocolError: it is none of them, or not sound.
    """
    name = record.get("is") if isinstance(record, dict) else None
    if not isinstance(name, str) or name not in kinds:
        raise ProtocolError(f"{_short(record)} is none of the messages {', '.join(sorted(kinds))}.")
    return _dataclass(kinds[name], record, arrays)


def line_of(record: Any) -> bytes:
    """One line of JSON in ASCII, with its end."""
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def record_of(line: bytes) -> dict[str, Any]:
    """The JSON object in a line.

    Raises:
        ProtocolError: there is none.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{line[:80]!r} is not a line of JSON.") from error
    if not isinstance(record, dict):
        raise ProtocolError(f"{line[:80]!r} is not an object of JSON.")
    return record


def _dataclass(kind: type, value: Any, arrays: Sequence[Array]) -> Any:
    hints = _hints(kind)
    if not isinstance(value, dict) or value.get("is") != kind.__name__:
        raise ProtocolError(f"{_short(value)} is not a {kind.__name__}.")
    if value.keys() - {"is"} != hints.keys():
        raise ProtocolError(f"{_short(value)} does not have the fields of a {kind.__name__}.")
    fields = {name: from_plain(hint, value[name], arrays) for name, hint in hints.items()}
    try:
        return kind(**fields)
    except (MVGError, TypeError, ValueError, OverflowError) as error:  # what the class itself forbids
        raise ProtocolError(f"A {kind.__name__} cannot be like this: {error}") from error


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind)}


def _one_of(hints: Sequence[Any], value: Any, arrays: Sequence[Array]) -> Any:
    for hint in hints:
        if hint is type(None) and value is None:
            return None
    for hint in hints:
        if hint is type(None):
            continue
        try:
            return from_plain(hint, value, arrays)
        except ProtocolError:
            continue
    raise ProtocolError(f"{_short(value)} is none of what is possible there.")


def _tuple(hints: Sequence[Any], value: Any, arrays: Sequence[Array]) -> tuple[Any, ...]:
    values = _typed(list, value)
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = [hints[0]] * len(values)
    if len(hints) != len(values):
        raise ProtocolError(f"{_short(value)} should have {len(hints)} values.")
    pairs = zip(hints, values, strict=True)
    return tuple(from_plain(hint, each, arrays) for hint, each in pairs)


def _enum(kind: type[Enum], value: Any) -> Enum:
    for each in kind:
        if each.value == value and type(each.value) is type(value):
            return each
    raise ProtocolError(f"{_short(value)} is not a {kind.__name__}.")


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ProtocolError("A number is too large.") from error


def _typed(kind: Any, value: Any) -> Any:
    """`value`, if it is of exactly that type: True is not a number here."""
    if type(value) is not kind:
        raise ProtocolError(f"{_short(value)} is not a {getattr(kind, '__name__', kind)}.")
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
