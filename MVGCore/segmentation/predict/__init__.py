"""What the network, the drafts and the appearance say of a batch of slices."""

from __future__ import annotations
