"""What has to be there before anything can be computed."""

from __future__ import annotations

from dataclasses import dataclass

from MVGCore.session.results import FailureKind
from MVGLib.control.activity import Activity
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.permissions import Permissions
from MVGLib.control.protocols import Installer
from MVGLib.control.runner import RunCarrier
from MVGLib.control.state import Level, Remedy
from MVGLib.texts import _


@dataclass(eq=False, repr=False)
class Setup:
    """Installs what is missing, and tells what the worker cannot do."""

    _dialogue: Dialogue
    _permissions: Permissions
    _activity: Activity
    _runner: RunCarrier
    _installer: Installer | None

    def refresh(self) -> None:
        """Look again at what is installed."""
        self._activity.missing = self._installer.missing() if self._installer else ""
        self._dialogue.update()

    def take_for_granted(self) -> None:
        """Nothing has to be installed any more, as with a worker that only pretends."""
        self._installer = None
        self.refresh()

    @action
    def install(self) -> None:
        """Install what is missing; the installer asks first."""
        self._permissions.require("install")
        assert self._installer is not None
        self._installer.run()
        self.refresh()

    @action
    def about(self, keys: str = "") -> None:
        """Show versions, licence and, if they are told, shortcuts."""
        versions = self._installer.version_text() if self._installer else ""
        log = _("Log: {path}").format(path=self._runner.worker.log_path)
        lines = filter(None, (versions, keys, log, _("For research; not a medical device.")))
        self._dialogue.say("\n".join(lines), stays=True)

    def failed(self, message: str, kind: FailureKind) -> None:
        """The worker could not do something."""
        logged = kind in (FailureKind.CRASHED, FailureKind.HUNG, FailureKind.INTERNAL)
        self._dialogue.say(message, Level.ERROR, Remedy.OPEN_LOG if logged else None)
        if kind is FailureKind.SETUP and self._installer is not None:
            self.refresh()
        self._dialogue.update()
