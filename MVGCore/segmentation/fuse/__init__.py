"""One label and one confidence per pixel out of all that was predicted."""

from __future__ import annotations
