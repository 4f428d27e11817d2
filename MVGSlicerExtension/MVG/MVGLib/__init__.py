"""The panel of MVG and what is behind it, for 3D Slicer and for the desktop; no torch, no PyQt5."""

from __future__ import annotations

from typing import Any

__all__ = ["build_panel"]


def build_panel(*arguments: Any, **choices: Any) -> Any:
    """Build the panel with its controller; see `MVGLib.host.building.build_panel`."""
    from MVGLib.host.building import (
        build_panel as build,  # Qt and MRML are imported only when a panel is wanted
    )

    return build(*arguments, **choices)
