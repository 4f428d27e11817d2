"""What can be said before any network is asked: of labels and of images."""

from __future__ import annotations
