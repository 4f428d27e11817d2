"""The worker process itself."""

from __future__ import annotations
