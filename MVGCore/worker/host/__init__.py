"""The host's side of the worker process."""

from __future__ import annotations
