"""Slicer's slice and 3-D views as PyQt5 widgets."""

from __future__ import annotations

from MVGDesktop.views.sliceview import SliceView
from MVGDesktop.views.threedview import ThreeDView

__all__ = ["SliceView", "ThreeDView"]
