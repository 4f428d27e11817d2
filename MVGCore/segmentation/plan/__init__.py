"""Which slices and classes are predicted together, on which canvas."""

from __future__ import annotations
