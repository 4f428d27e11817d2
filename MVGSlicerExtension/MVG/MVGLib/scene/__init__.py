"""MRML <-> MVGCore: the only part of MVG that touches the scene. No Qt, no torch."""

from __future__ import annotations

from MVGLib.scene.facade import Scene

__all__ = ["Scene"]
