"""The `.mvgprompts` file: all arrays of a prompt set, and a JSON description of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.prompts.absence import Absence, Claim, Presence
from MVGCore.prompts.prompt import Prompt
from MVGCore.volume import Geometry, SegmentClass, Window
from MVGCore.volume.arrayfile import ArrayFile, read_arrays, write_arrays

SUFFIX = ".mvgprompts"
VERSION = 2  # of sets in which something is said of slices that are not labelled; the others stay at 1
READ = (1, VERSION)
_KIND = "MVG prompts"

T = TypeVar("T")
C = TypeVar("C", bound=Claim)


@dataclass(frozen=True)
class Content:
    """What a file holds; see `PromptSet`."""

    prompts: Sequence[Prompt]
    classes: Sequence[SegmentClass]
    absences: Sequence[Absence] = ()
    presences: Sequence[Presence] = ()


def write_prompts(path: Path, content: Content) -> None:
    """Write prompts and what their labels stand for; see `PromptSet.save` for the errors."""
    if path.suffix.lower() != SUFFIX:
        raise InputError(f"'{path}' needs the ending {SUFFIX}; rename it.")
    arrays: dict[str, NDArray[Any]] = {}
    for number, prompt in enumerate(content.prompts):
        arrays[f"{number}.image"] = np.ascontiguousarray(prompt.image)
        arrays[f"{number}.labels"] = np.ascontiguousarray(prompt.labels)
        if prompt.known is not None:
            arrays[f"{number}.known"] = prompt.known.astype(np.uint8)
    description = {
        "kind": _KIND,
        "version": 1,
        "classes": [asdict(each) for each in content.classes],
        "prompts": [_described(prompt) for prompt in content.prompts],
    }
    if content.absences or content.presences:
        description["version"] = VERSION
        description["absences"] = [asdict(each) for each in content.absences]
        description["presences"] = [asdict(each) for each in content.presences]
    write_arrays(path, arrays, description)


def read_prompts(path: Path) -> Content:
    """Read what `write_prompts` wrote; see `PromptSet.load` for the errors."""
    content = read_arrays(path)
    try:
        return _content(content)
    except (InputError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise InputError(f"'{path}' is not a sound set of prompts ({reason}); save it again.") from error


def _described(prompt: Prompt) -> dict[str, Any]:
    return {
        "axis": prompt.axis,
        "index": prompt.index,
        "geometry": asdict(prompt.geometry),
        "window": asdict(prompt.window),
        "source": prompt.source,
        "enabled": prompt.enabled,
        "key": prompt.key,
    }


def _content(content: ArrayFile) -> Content:
    record = _typed(content.description, dict)
    if record.get("kind") != _KIND:
        raise InputError("it is of another kind")
    version = record.get("version")
    if version not in READ:
        raise InputError(f"its version is {version!r} and this program reads {READ[0]} to {READ[-1]}")
    classes = tuple(_class(_typed(each, dict)) for each in _typed(record["classes"], list))
    records = _typed(record["prompts"], list)
    expected = {f"{number}.{name}" for number in range(len(records)) for name in ("image", "labels")}
    optional = {f"{number}.known" for number in range(len(records))}
    if not expected <= set(content.arrays) <= expected | optional:
        raise InputError("its arrays are not those of its prompts")
    prompts = [_prompt(number, _typed(each, dict), content.arrays) for number, each in enumerate(records)]
    if version == 1:
        return Content(prompts, classes)
    absences = [_claim(Absence, _typed(each, dict)) for each in _typed(record["absences"], list)]
    presences = [_claim(Presence, _typed(each, dict)) for each in _typed(record["presences"], list)]
    return Content(prompts, classes, absences, presences)


def _claim(kind: type[C], record: Mapping[str, Any]) -> C:
    class_id = record["class_id"]
    return kind(
        axis=_typed(record["axis"], int),
        first=_typed(record["first"], int),
        last=_typed(record["last"], int),
        class_id=None if class_id is None else _typed(class_id, int),
        geometry=_geometry(_typed(record["geometry"], dict)),
        digest=_typed(record["digest"], str),
    )


def _class(record: Mapping[str, Any]) -> SegmentClass:
    red, green, blue = _reals(record["color"])
    if not all(0 <= value <= 1 for value in (red, green, blue)):
        raise InputError(f"the colour {record['color']!r} is not in 0 to 1")
    return SegmentClass(
        id=_typed(record["id"], int),
        name=_typed(record["name"], str),
        color=(red, green, blue),
        terminology=_typed(record["terminology"], str),
    )


def _prompt(number: int, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Prompt:
    window = _typed(record["window"], dict)
    low, high = _reals([window["low"], window["high"]])
    return Prompt(
        axis=_typed(record["axis"], int),
        index=_typed(record["index"], int),
        image=arrays[f"{number}.image"],
        labels=arrays[f"{number}.labels"],
        geometry=_geometry(_typed(record["geometry"], dict)),
        window=Window(low, high),
        source=_typed(record["source"], str),
        enabled=_typed(record["enabled"], bool),
        key=_typed(record["key"], str),
        known=_known(arrays.get(f"{number}.known")),
    )


def _known(array: NDArray[Any] | None) -> NDArray[np.bool_] | None:
    if array is None:
        return None
    if array.dtype != np.uint8 or array.max(initial=0) > 1:
        raise InputError("what is known of a prompt is no mask")
    return array.astype(np.bool_)


def _geometry(record: Mapping[str, Any]) -> Geometry:
    k, j, i = (_typed(value, int) for value in _typed(record["shape"], list))
    x, y, z = _reals(record["origin"])
    of_i, of_j, of_k = _reals(record["spacing"])
    return Geometry((k, j, i), (of_i, of_j, of_k), (x, y, z), tuple(_reals(record["direction"])))


def _reals(values: Any) -> list[float]:
    return [float(value if type(value) is int else _typed(value, float)) for value in _typed(values, list)]


def _typed(value: Any, kind: type[T]) -> T:
    """`value`, if it is of exactly that type: True is not a number here."""
    if type(value) is not kind:
        raise InputError(f"{value!r} is not a {kind.__name__}")
    return value
