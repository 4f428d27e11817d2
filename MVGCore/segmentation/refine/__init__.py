"""Corrects a first result by what the other axes of the volume show."""

from __future__ import annotations
