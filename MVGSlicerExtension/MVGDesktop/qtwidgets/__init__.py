"""PyQt5 counterparts of Slicer's own widgets, with their names and as much of them as the panel uses."""

from __future__ import annotations

from MVGDesktop.qtwidgets.collapsible import ctkCollapsibleButton
from MVGDesktop.qtwidgets.nodecombobox import qMRMLNodeComboBox

__all__ = ["ctkCollapsibleButton", "qMRMLNodeComboBox"]
