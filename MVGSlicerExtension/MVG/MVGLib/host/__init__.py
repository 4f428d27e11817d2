"""What differs between hosts: building the panel, installation, sample data, scripts, self-test."""

from __future__ import annotations
