"""Starts the worker before a run is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field

from MVGLib.control.advice import blocked
from MVGLib.control.permissions import Permissions
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.runner import RunCarrier
from MVGLib.control.workspace import Workspace


@dataclass(eq=False, repr=False)
class WarmStart:
    """Lets the worker load what the next run needs, so that its first slice comes at once."""

    _permissions: Permissions
    _scene: SceneAccess
    _workspace: Workspace
    _runner: RunCarrier
    _known: tuple[object, ...] = field(default=(), init=False)

    def note(self) -> None:
        """A run takes the choices of now to the worker."""
        self._known = self._needed()

    def go_on(self) -> None:
        """Start the worker as soon as there are labels to draw into: it loads while the user draws."""
        now = self._permissions.situation()
        useful = "apply" not in blocked(now) or (now.volume and now.partner and not now.install)
        if now.busy or not useful or self._needed() == self._known:
            return
        self.note()
        self._runner.warm_up(self._workspace.settings, self._scene.volume(self._workspace.volume_id))

    def _needed(self) -> tuple[object, ...]:
        settings = self._workspace.settings
        stamp = self._scene.nodes.fingerprint(self._workspace.volume_id)
        return (settings.model, settings.device, settings.seed, stamp)
