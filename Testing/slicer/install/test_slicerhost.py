"""What the installer does to Slicer: the right calls, with the arguments that Slicer's versions accept."""

from __future__ import annotations

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
    assert not SlicerHost().has_torch_installer()
    module(monkeypatch, "PyTorchUtils", PyTorchUtilsLogic=torch_utilities(result, calls))
    assert SlicerHost().has_torch_installer()
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


@pytest.mark.parametrize("delivered", [True, False])
def test_an_extension_comes_from_the_server_without_further_questions(
    app: Any, monkeypatch: pytest.MonkeyPatch, delivered: bool
) -> None:
    class Manager:
        interactive = True
        asked: list[Any] = []

        def installExtensionFromServer(self, name: str, restart: bool = True) -> bool:
            self.asked.append((name, restart, self.interactive))
            return delivered

    manager = Manager()
    monkeypatch.setattr(app, "extensionsManagerModel", lambda: manager, raising=False)
    install: Callable[[str], None] = SlicerHost().install_extension
    if delivered:
        install("PyTorch")
    else:
        with pytest.raises(MVGError):
            install("PyTorch")
    assert manager.asked == [("PyTorch", False, False)]


def test_what_is_remembered_survives(app: Any) -> None:
    assert SlicerHost().remembered() is False
    SlicerHost().remember(True)
    assert SlicerHost().remembered() is True


def test_versions_come_from_the_installed_distributions(app: Any) -> None:
    assert SlicerHost().installed("numpy")
    assert SlicerHost().installed("no-such-distribution") is None
    assert SlicerHost().name() == "3D Slicer 5.12.0"
