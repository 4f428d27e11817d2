"""The counterparts of Slicer's modules in our tests have no more than PythonQt sees of the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from Testing.packaging.slicerapi.tables import classes, find
from Testing.slicer import slicermodules, slicershim

# Of the tests themselves: what a module puts into its place, how an editor ends.
OURS = {"ModuleArea": {"widget"}, "Editor": {"close"}, "ScriptedEffect": {"options", "node"}}


def public(thing: Any, base: type = object) -> set[str]:
    return {name for name in set(dir(thing)) - set(dir(base)) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("standin", "real"),
    [
        (slicershim.ModuleArea, "qSlicerScriptedLoadableModuleWidget"),
        (slicermodules.Editor, "qMRMLSegmentEditorWidget"),
        (slicermodules.ScriptedEffect, "qSlicerSegmentEditorScriptedEffect"),
    ],
)
def test_it_has_no_member_that_the_real_class_lacks(app: Any, standin: type, real: str) -> None:
    base = next((each for each in standin.__mro__ if each.__module__.startswith("PyQt5")), object)
    own = public(standin(), base) - OURS[standin.__name__]
    assert real in classes() and own
    assert not {name for name in own if find(real, name) is None}
