"""3D Slicer as the installer sees it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import slicer

from MVGCore.errors import MVGError
from MVGLib.host.install import TORCH_EXTENSION, Extension
from MVGLib.texts import _

RESUME_SETTING = "MVG/ResumeInstall"


class SlicerHost:
    """Implements `MVGLib.host.install.Host` by Slicer's own means."""

    def name(self) -> str:
        return f"3D Slicer {slicer.app.applicationVersion}"

    def python(self) -> str:
        # Slicer puts PythonSlicer on its PATH; it starts the interpreter with Slicer's library paths.
        program = shutil.which("PythonSlicer")
        if program is None:
            places = Path(slicer.app.slicerHome).glob("bin/PythonSlicer*")
            program = next((str(path) for path in sorted(places)), None)
        if program is None:
            raise MVGError(_("Slicer's Python interpreter (PythonSlicer) was not found: reinstall Slicer."))
        return program

    def installed(self, distribution: str) -> str | None:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    def in_use(self) -> dict[str, str]:
        imported = {name.partition(".")[0] for name in tuple(sys.modules)}
        owners = importlib.metadata.packages_distributions()
        names = {owner for name in imported for owner in owners.get(name, ())}
        return {name: importlib.metadata.version(name) for name in names}

    def is_intel_mac(self) -> bool:
        return platform.system() == "Darwin" and platform.machine() == "x86_64"

    def torch_installer(self) -> Extension:
        if importlib.util.find_spec("PyTorchUtils") is not None:
            return Extension.READY
        manager = slicer.app.extensionsManagerModel()
        if not manager.isExtensionInstalled(TORCH_EXTENSION):
            return Extension.ABSENT
        return Extension.NOT_LOADED if manager.isExtensionEnabled(TORCH_EXTENSION) else Extension.DISABLED

    def confirm(self, text: str) -> bool:
        return bool(slicer.util.confirmOkCancelDisplay(text, windowTitle="MVG"))

    def install_extension(self, name: str) -> None:
        manager = slicer.app.extensionsManagerModel()
        asks = manager.interactive
        manager.interactive = False  # the user has been asked already
        try:
            delivered = manager.installExtensionFromServer(name, False)
        finally:
            manager.interactive = asks
        if not delivered:
            raise MVGError(_("the extension server did not deliver it"))

    def enable_extension(self, name: str) -> None:
        slicer.app.extensionsManagerModel().setExtensionEnabled(name, True)

    def install_torch(self, requirement: str) -> bool:
        logic = _torch_utilities().PyTorchUtilsLogic()
        return logic.installTorch(askConfirmation=False, torchVersionRequirement=requirement) is not None

    def pip_install(self, requirements: list[str]) -> None:
        try:
            import slicer.packaging as packaging
        except ImportError:  # before Slicer 5.11
            slicer.util.pip_install(requirements)
        else:
            # Shows progress, and offers a restart where a package that is in use was replaced.
            packaging.pip_ensure(requirements, prompt_install=False, requester="MVG")
        importlib.invalidate_caches()

    def remember(self, resume: bool) -> None:
        slicer.app.settings().setValue(RESUME_SETTING, resume)

    def remembered(self) -> bool:
        settings = slicer.app.settings()
        return bool(slicer.util.settingsValue(RESUME_SETTING, False, slicer.util.toBool, settings))

    def restart(self) -> None:
        slicer.util.restart()


def _torch_utilities() -> Any:
    return importlib.import_module("PyTorchUtils")
