"""MVG: label a few slices of a medical volume as examples, the rest of the volume follows.

The public names below, and the packages (`MVGCore.models`, `MVGCore.volume`, ...), are loaded when they are
first used, so `import MVGCore` stays instant.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from MVGCore.version import __version__

if TYPE_CHECKING:
    from MVGCore.errors import CancelledError as CancelledError
    from MVGCore.errors import GeometryMismatchError as GeometryMismatchError
    from MVGCore.errors import InputError as InputError
    from MVGCore.errors import MissingExtraError as MissingExtraError
    from MVGCore.errors import MVGError as MVGError
    from MVGCore.errors import OutputError as OutputError
    from MVGCore.prompts import Prompt as Prompt
    from MVGCore.prompts import PromptSet as PromptSet
    from MVGCore.session import Result as Result
    from MVGCore.session import Session as Session
    from MVGCore.volume import Geometry as Geometry
    from MVGCore.volume import LabelMap as LabelMap
    from MVGCore.volume import Segment as Segment
    from MVGCore.volume import Segmentation as Segmentation
    from MVGCore.volume import SegmentClass as SegmentClass
    from MVGCore.volume import Volume as Volume
    from MVGCore.volume import read_labelmap as read_labelmap
    from MVGCore.volume import read_segmentation as read_segmentation
    from MVGCore.volume import read_volume as read_volume
    from MVGCore.volume import write_labelmap as write_labelmap
    from MVGCore.volume import write_segmentation as write_segmentation
    from MVGCore.volume import write_volume as write_volume

_EXPORTS = {
    "MVGCore.errors": (
        "CancelledError",
        "GeometryMismatchError",
        "InputError",
        "MVGError",
        "MissingExtraError",
        "OutputError",
    ),
    "MVGCore.volume": (
        "Geometry",
        "LabelMap",
        "Segment",
        "SegmentClass",
        "Segmentation",
        "Volume",
        "read_labelmap",
        "read_segmentation",
        "read_volume",
        "write_labelmap",
        "write_segmentation",
        "write_volume",
    ),
    "MVGCore.prompts": ("Prompt", "PromptSet"),
    "MVGCore.session": ("Result", "Session"),
}
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = ["__version__", *sorted(_MODULE_OF)]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = getattr(import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value
    if name in _submodules():
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_submodules()})


def _submodules() -> set[str]:
    return {module.name for module in iter_modules(__path__)}
