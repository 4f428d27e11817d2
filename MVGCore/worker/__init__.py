"""The session in a process of its own: a host asks by messages, a crash or a hang stays over there.

Hosts use `MVGCore.worker.host.client.Client`. Importing it needs neither torch nor a user interface.
"""

from __future__ import annotations
