"""Answers from `classes.json`: what PythonQt offers of a class, and since which version of Slicer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from Testing.packaging.slicerapi.read_headers import TABLE, VERSIONS

OLDEST, STABLE = VERSIONS
KINDS = ("properties", "slots", "signals", "invokables")


@dataclass(frozen=True)
class SlicerClass:
    """A class of Slicer or CTK as Python sees it.

    Attributes:
        name: Of the class.
        header: Project and path of the header that declares it.
        extends: Its base class, in the table or of Qt.
        properties: Name -> "read" or "read, write".
        slots: Name -> least and most arguments; signals and invokables alike.
        since: Member -> version, of those that the oldest supported version lacks.
    """

    name: str
    header: str
    extends: str
    properties: dict[str, str]
    slots: dict[str, list[int]]
    signals: dict[str, list[int]]
    invokables: dict[str, list[int]]
    since: dict[str, str]

    @property
    def members(self) -> frozenset[str]:
        """All that the class itself adds to its base class."""
        return frozenset().union(*(getattr(self, kind) for kind in KINDS))

    @property
    def methods(self) -> frozenset[str]:
        """What can be called: a property of the same name goes before it."""
        return frozenset({*self.slots, *self.invokables}) - frozenset(self.properties)

    def kind(self, member: str) -> str:
        """What a member is: "property", "slot", "signal" or "invokable"."""
        found = next(kind for kind in KINDS if member in getattr(self, kind))
        return {"properties": "property"}.get(found, found[:-1])

    def version(self, member: str) -> str:
        """The oldest version of those supported that has a member, such as "5.10.0"."""
        return self.since.get(member, OLDEST).removeprefix("v")


@cache
def classes() -> dict[str, SlicerClass]:
    """The classes of the table by name."""
    record = json.loads(TABLE.read_text(encoding="utf-8"))["classes"]
    return {name: SlicerClass(name, **members) for name, members in record.items()}


@cache
def functions() -> dict[str, dict[str, str]]:
    """Module of Slicer -> function -> the oldest version that has it."""
    record: dict[str, dict[str, str]] = json.loads(TABLE.read_text(encoding="utf-8"))["functions"]
    return record


@cache
def nodes() -> dict[str, dict[str, str]]:
    """Class of MRML or of a logic -> its header, and the oldest version that has it ("since")."""
    record: dict[str, dict[str, str]] = json.loads(TABLE.read_text(encoding="utf-8"))["nodes"]
    return record


def find(class_name: str, member: str) -> SlicerClass | None:
    """The class that declares a member, a base class maybe; None if no class of the table does."""
    each = classes().get(class_name)
    while each is not None and member not in each.members:
        each = classes().get(each.extends)
    return each
