"""Texts that the user sees: translated in 3D Slicer, as they are elsewhere."""

from __future__ import annotations

try:
    from slicer.i18n import tr as _
except ImportError:  # slicer-core has no translations

    def _(text: str) -> str:
        """The text as it is."""
        return text


__all__ = ["_"]
