"""The controller: what the user does and what follows from it. No Qt, no torch, no MRML."""

from __future__ import annotations
