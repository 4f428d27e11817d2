"""The one door of every host: requests in, a stream of results out.

`requests` and `results` are plain data that need no torch; `Session` is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from MVGCore.outcomes import AdaptReport as AdaptReport
    from MVGCore.outcomes import Estimate as Estimate
    from MVGCore.segmentation import Result as Result
    from MVGCore.segmentation import SliceResult as SliceResult
    from MVGCore.session.session import Session as Session

_MODULE_OF = {
    "AdaptReport": "MVGCore.outcomes",
    "Estimate": "MVGCore.outcomes",
    "Result": "MVGCore.segmentation",
    "Session": "MVGCore.session.session",
    "SliceResult": "MVGCore.segmentation",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value
