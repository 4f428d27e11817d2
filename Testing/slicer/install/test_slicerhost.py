"""What the installer does to Slicer: the right calls, with the arguments that Slicer's versions accept."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import slicer

from MVGCore.errors import MVGError
from MVGDesktop import headless, qtcompat
from MVGLib.host.install import Extension
from MVGLib.host.slicerhost import SlicerHost
from Testing.slicer import slicershim


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    app = headless.start()
    qtcompat.install()
    slicershim.install(monkeypatch, app)
    return app


def module(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> ModuleType:
    """A module of that name that can be imported during the test."""
    found = ModuleType(name)
    found.__spec__ = SimpleNamespace(name=name)  # type: ignore[assignment]
    vars(found).update(members)
    monkeypatch.setitem(sys.modules, name, found)
    return found


def torch_utilities(result: Any, calls: list[Any]) -> type:
    class PyTorchUtilsLogic:
        def installTorch(
            self,
            askConfirmation: bool = False,
            forceComputationBackend: str | None = None,
            torchVersionRequirement: str | None = None,
        ) -> Any:
            calls.append((askConfirmation, torchVersionRequirement))
            return result

    return PyTorchUtilsLogic


@pytest.mark.parametrize(("result", "done"), [(object(), True), (None, False)])
def test_torch_comes_by_the_extension(
    app: Any, monkeypatch: pytest.MonkeyPatch, result: Any, done: bool
) -> None:
    calls: list[Any] = []
    module(monkeypatch, "PyTorchUtils", PyTorchUtilsLogic=torch_utilities(result, calls))
    assert SlicerHost().torch_installer() is Extension.READY
    assert SlicerHost().install_torch(">=2.2") is done
    assert calls == [(False, ">=2.2")]


def test_small_packages_come_by_pip_ensure_where_slicer_has_it(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def pip_ensure(requirements: Any, prompt_install: bool = True, requester: str | None = None) -> None:
        calls.append((requirements, prompt_install, requester))

    packaging = module(monkeypatch, "slicer.packaging", pip_ensure=pip_ensure)
    monkeypatch.setattr(slicer, "packaging", packaging, raising=False)
    SlicerHost().pip_install(["psutil>=5.9"])
    assert calls == [(["psutil>=5.9"], False, "MVG")]


def test_and_by_pip_install_before_slicer_5_11(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.setattr(slicer.util, "pip_install", calls.append)
    SlicerHost().pip_install(["psutil>=5.9", "safetensors>=0.4"])
    assert calls == [["psutil>=5.9", "safetensors>=0.4"]]


def test_the_interpreter_is_slicers_own(app: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/bin/{name}")
    assert SlicerHost().python() == "/opt/bin/PythonSlicer"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MVGError, match="PythonSlicer"):
        SlicerHost().python()
    program = tmp_path / "Slicer mit Leerzeichen" / "bin" / "PythonSlicer.exe"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setattr(app, "slicerHome", str(program.parent.parent))
    assert SlicerHost().python() == str(program)


class Manager:
    """`qSlicerExtensionsManagerModel` with an extension that may be installed and enabled."""

    def __init__(self, installed: bool = False, enabled: bool = False, delivers: bool = True) -> None:
        self.interactive = True
        self.delivers = delivers
        self.state = {"installed": installed, "enabled": enabled}
        self.asked: list[Any] = []

    def isExtensionInstalled(self, name: str) -> bool:
        return self.state["installed"]

    def isExtensionEnabled(self, name: str) -> bool:
        return self.state["enabled"]

    def setExtensionEnabled(self, name: str, value: bool) -> None:
        self.state["enabled"] = value

    def installExtensionFromServer(self, name: str, restart: bool = True, update: bool = False) -> bool:
        self.asked.append((name, restart, self.interactive))
        return self.delivers


@pytest.fixture
def use_manager(app: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Manager], Manager]:
    def use(manager: Manager) -> Manager:
        monkeypatch.setattr(app, "extensionsManagerModel", lambda: manager, raising=False)
        return manager

    return use


@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize("asks", [True, False])
def test_an_extension_comes_from_the_server_without_further_questions(
    use_manager: Any, delivered: bool, asks: bool
) -> None:
    manager = use_manager(Manager(delivers=delivered))
    manager.interactive = asks
    if delivered:
        SlicerHost().install_extension("PyTorch")
    else:
        with pytest.raises(MVGError):
            SlicerHost().install_extension("PyTorch")
    assert manager.asked == [("PyTorch", False, False)]
    assert manager.interactive is asks  # as it was before


@pytest.mark.parametrize(
    ("installed", "enabled", "state"),
    [
        (False, False, Extension.ABSENT),
        (True, False, Extension.DISABLED),
        (True, True, Extension.NOT_LOADED),
    ],
)
def test_an_extension_that_is_there_is_not_yet_one_that_works(
    use_manager: Any, installed: bool, enabled: bool, state: Extension
) -> None:
    manager = use_manager(Manager(installed, enabled))
    assert SlicerHost().torch_installer() is state
    SlicerHost().enable_extension("PyTorch")
    assert manager.state["enabled"]


@pytest.mark.parametrize(
    ("system", "machine", "answer"),
    [("Darwin", "x86_64", True), ("Darwin", "arm64", False), ("Linux", "x86_64", False)],
)
def test_an_intel_program_on_a_mac_is_known(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, answer: bool
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert SlicerHost().is_intel_mac() is answer


def test_what_is_imported_is_in_use(app: Any) -> None:
    used = SlicerHost().in_use()
    assert used["numpy"] == SlicerHost().installed("numpy") and "pip" not in used


def test_what_is_remembered_survives(app: Any) -> None:
    assert SlicerHost().remembered() is False
    SlicerHost().remember(True)
    assert SlicerHost().remembered() is True


def test_versions_come_from_the_installed_distributions(app: Any) -> None:
    assert SlicerHost().installed("numpy")
    assert SlicerHost().installed("no-such-distribution") is None
    assert SlicerHost().name() == "3D Slicer 5.12.0"
