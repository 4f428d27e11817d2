"""The data sets that training reads: one's own folder, and the paper's in their published layouts."""

from __future__ import annotations

from MVGCore.training.datasets.case import DataCase, DataSet, Reader
from MVGCore.training.datasets.catalogue import cases_of, readers

__all__ = ["DataCase", "DataSet", "Reader", "cases_of", "readers"]
