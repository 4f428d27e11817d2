"""Attributes of data sets as plain values, whether they are there or not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def values_of(item: Any, name: str) -> list[Any]:
    """All values of an attribute; none where it is missing or empty."""
    value = item.get(name) if item is not None else None
    if value is None or value == "":
        return []
    return list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]


def floats_of(item: Any, name: str, count: int) -> tuple[float, ...] | None:
    """So many finite numbers; None where there are not."""
    values = tuple(float(each) for each in values_of(item, name))
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def float_of(item: Any, name: str) -> float:
    """The first number; 0 where there is none."""
    values = values_of(item, name)
    return float(values[0]) if values else 0.0


def written(item: Any, name: str) -> str:
    """The values as one text."""
    return "\\".join(str(each) for each in values_of(item, name))


def text_of(header: Dataset, name: str) -> str:
    """A text for people."""
    # pydicom keeps what it cannot decode as surrogates; texts go into windows, which want valid ones.
    return str(header.get(name) or "").strip().encode("utf-8", "replace").decode()
