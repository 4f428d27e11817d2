"""How good a result should be, and what to label next."""

from __future__ import annotations
