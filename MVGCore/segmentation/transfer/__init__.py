"""Examples of other volumes, carried over to this one."""

from __future__ import annotations
