"""What host and worker process say to each other, and how."""

from __future__ import annotations
