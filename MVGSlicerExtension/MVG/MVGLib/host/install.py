"""What has to be installed before MVG can run inside 3D Slicer, and how: on request, after asking.

MVGCore and its weights ship with the extension. PyTorch is installed by Slicer's extension of that name,
which picks the build for the machine's GPU; a few small packages come by pip.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from MVGCore.errors import MVGError
from MVGLib.texts import _

LICENCE = "Apache License 2.0. For research: MVG is not a medical device."
TORCH_EXTENSION = "PyTorch"


@dataclass(frozen=True)
class Package:
    """One package that the worker imports.

    Attributes:
        name: name of the distribution.
        minimum: smallest version that works, such as "2.2".
        download: size for the user's eyes.
    """

    name: str
    minimum: str
    download: str

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"{self.name}>={self.minimum}"

    def satisfied_by(self, version: str | None) -> bool:
        """Whether an installed version (None: not installed) will do."""
        return version is not None and _numbers(version) >= _numbers(self.minimum)


TORCH = Package("torch", "2.2", "0.2 GB, or 3 GB where there is an NVIDIA GPU")
# What the bundled model needs beside that, and in Slicer's Python the functions of MVGCore that read files.
# numpy, SciPy and SimpleITK come with Slicer, and nothing here may depend on torch: pip would replace the
# build that the extension chose.
SMALL_PACKAGES = (
    Package("safetensors", "0.4", "1 MB"),
    Package("psutil", "5.9", "1 MB"),
    Package("pynrrd", "1.0", "1 MB"),
    Package("nibabel", "5.0", "4 MB"),
    Package("platformdirs", "3.0", "1 MB"),
)


class Extension(Enum):
    """How Slicer's PyTorch extension is."""

    ABSENT = "absent"
    DISABLED = "disabled"  # installed, and switched off by the user
    NOT_LOADED = "not loaded"  # installed and switched on, but its module cannot be imported
    READY = "ready"


class Host(Protocol):
    """The application in which MVG runs; `MVGLib.host.slicerhost.SlicerHost` is the real one."""

    def name(self) -> str:
        """Name and version of the application."""

    def python(self) -> str:
        """Path of the application's Python interpreter."""

    def is_intel_mac(self) -> bool:
        """Whether the application is a program for Intel processors on a Mac, maybe under Rosetta."""

    def installed(self, distribution: str) -> str | None:
        """Version of an installed distribution."""

    def in_use(self) -> dict[str, str]:
        """Versions of the distributions of which something is imported in the application."""

    def torch_installer(self) -> Extension:
        """How Slicer's PyTorch extension is."""

    def confirm(self, text: str) -> bool:
        """Asks the user: go on or not."""

    def install_extension(self, name: str) -> None:
        """Installs an extension of the application, which is usable after a restart."""

    def enable_extension(self, name: str) -> None:
        """Switches an extension on that is installed; it is usable after a restart."""

    def install_torch(self, requirement: str) -> bool:
        """Installs PyTorch by the extension; False if the user said no there."""

    def pip_install(self, requirements: list[str]) -> None:
        """Installs packages into the application's Python."""

    def remember(self, resume: bool) -> None:
        """Keeps over a restart that an installation has begun."""

    def remembered(self) -> bool:
        """What `remember` kept."""

    def restart(self) -> None:
        """Restarts the application."""


class Install:
    """Tells what is missing and installs it, when asked to; it never restarts the application unasked.

    Example:
        >>> install = Install()
        >>> if install.missing():
        ...     install.run()
    """

    def __init__(self, host: Host | None = None) -> None:
        if host is None:
            from MVGLib.host.slicerhost import SlicerHost

            host = SlicerHost()
        self._host = host
        self._restart = ""  # why the application has to be restarted

    def missing(self) -> str:
        """One sentence about what has to be installed or done and how large it is, "" if nothing."""
        packages = self._missing_packages()
        unfit = self._unfit()
        if unfit or self._restart:
            return unfit or self._restart
        if not packages:
            return ""
        if TORCH in packages:
            text = _("MVG needs PyTorch, which is not installed yet (download: {size}).")
            text = text.format(size=TORCH.download)
        else:
            text = _("MVG needs the Python packages {names} (download: {sizes}).").format(
                names=", ".join(package.name for package in packages),
                sizes=", ".join(package.download for package in packages),
            )
        return _("Press Install to go on. {text}").format(text=text) if self._host.remembered() else text

    def run(self) -> None:
        """Asks and installs what is missing; does nothing if the user says no or nothing is missing.

        It blocks, and has to be called on the main thread because it opens windows.

        Raises:
            MVGError: the installation failed; the sentence says what to do.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("Packages are installed on the main thread only.")
        self._host.remember(False)  # what fails here must not be gone on with
        packages = self._missing_packages()
        if self._unfit():
            raise MVGError(self._unfit())
        if self._restart:
            self._offer_restart()
        elif TORCH in packages and self._host.torch_installer() is not Extension.READY:
            self._get_extension(packages)
        elif packages and self._host.confirm(self._question(packages)):
            self._install(packages)

    def python(self) -> str:
        """The interpreter that the worker runs in.

        Raises:
            MVGError: the application has none.
        """
        return self._host.python()

    def version_text(self) -> str:
        """What is installed, one thing a line, and the licence."""
        from MVGCore.version import __version__

        lines = [f"MVG {__version__}", self._host.name()]
        for package in (TORCH, *SMALL_PACKAGES):
            version = self._host.installed(package.name)
            lines.append(f"{package.name} {version}" if version else f"{package.name}: " + _("not installed"))
        return "\n".join([*lines, _weights_line(), LICENCE])

    def _missing_packages(self) -> list[Package]:
        return [
            package
            for package in (TORCH, *SMALL_PACKAGES)
            if not package.satisfied_by(self._host.installed(package.name))
        ]

    def _unfit(self) -> str:
        """Why PyTorch cannot work in this application at all, or ""."""
        numpy = self._host.installed("numpy")
        if not self._host.is_intel_mac() or numpy is None or _numbers(numpy) < (2,):
            return ""
        return _(
            "{name} is a program for Intel processors here, the last PyTorch for which is 2.2; that needs a"
            " numpy below 2, and Slicer has numpy {numpy}. Use a Slicer that is built for Apple processors,"
            " or MVG's own window (pip install mvg, then: mvg desktop)."
        ).format(name=self._host.name(), numpy=numpy)

    def _question(self, packages: list[Package]) -> str:
        lines = [f"- {package.requirement} ({package.download})" for package in packages]
        text = [_("MVG has to download and install into Slicer's Python:"), *lines]
        text.append(_("Slicer does not answer meanwhile, some minutes maybe."))
        return "\n".join([*text, _("The weights are here already. Go on?")])

    def _get_extension(self, packages: list[Package]) -> None:
        """Install Slicer's extension, or switch it on; PyTorch itself comes after the restart."""
        state, text = self._host.torch_installer(), self._question(packages)
        if state is Extension.NOT_LOADED:
            raise MVGError(
                _(
                    "Slicer's extension PyTorch is installed and cannot be loaded. Remove it in the"
                    " Extensions Manager, restart Slicer, and press Install again; its error log says why."
                )
            )
        if state is Extension.DISABLED:
            note = _("Slicer's extension PyTorch is switched off. It is switched on first.")
            action, remedy = self._host.enable_extension, _("Switch it on in the Extensions Manager")
        else:
            note = _("Slicer's extension PyTorch is installed first.")
            action, remedy = self._host.install_extension, _("Install it in the Extensions Manager")
        after = _("Slicer has to be restarted then; you are asked before.")
        if not self._host.confirm(f"{note} {after}\n{text}"):
            return
        try:
            action(TORCH_EXTENSION)
        except Exception as error:  # the network and the server fail in many ways
            message = _("Slicer's extension PyTorch is not ready ({error}). {remedy} and restart Slicer.")
            raise MVGError(message.format(error=error, remedy=remedy)) from error
        self._host.remember(True)
        self._restart = _("Restart Slicer, then press Install again: the extension PyTorch comes with it.")
        self._offer_restart()

    def _install(self, packages: list[Package]) -> None:
        before = self._host.in_use()
        if TORCH in packages and not self._attempt(TORCH.requirement, self._install_torch):
            return
        small = [package.requirement for package in packages if package is not TORCH]
        if small:
            self._attempt(" ".join(small), lambda: self._host.pip_install(small))
        changed = [name for name, version in before.items() if self._host.installed(name) != version]
        if changed:
            text = _("Restart Slicer: {names} were replaced, and the old ones are still in use.")
            self._restart = text.format(names=", ".join(sorted(changed)))
            self._offer_restart()

    def _offer_restart(self) -> None:
        question = _("Changes that are not saved are lost: save them first. Restart Slicer now?")
        if self._host.confirm(f"{self._restart}\n{question}"):
            self._host.restart()

    def _install_torch(self) -> bool:
        return self._host.install_torch(f">={TORCH.minimum}")

    def _attempt(self, what: str, action: Callable[[], bool | None]) -> bool:
        """Runs an installation; False if the user stopped it."""
        try:
            return action() is not False
        except Exception as error:  # pip, the extension and the network fail in many ways
            raise MVGError(self._failure(what, error)) from error

    def _failure(self, what: str, error: Exception) -> str:
        remedy = _(
            "Check the network and the free disk space and try again. Without a network, fetch the wheels on"
            " another computer (pip download {what}), copy the folder and run:"
            " {python} -m pip install --no-index --find-links FOLDER {what}"
        ).format(python=self._host.python(), what=what)
        return _("{what} could not be installed: {error}. {remedy}").format(
            what=what, error=str(error).rstrip("."), remedy=remedy
        )


def _numbers(version: str) -> tuple[int, ...]:
    """The release part of a version: "2.13.0+cpu" -> (2, 13, 0)."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in release[0].split(".")) if release else ()


def _weights_line() -> str:
    from MVGCore.models.weights import bundled_weights

    path = bundled_weights("compact")
    return _("Model: compact ({path})").format(path=path) if path else _("Model: no weights are bundled")
