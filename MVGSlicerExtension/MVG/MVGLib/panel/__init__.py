"""The panel: Qt widgets that show what the controller says."""

from __future__ import annotations
