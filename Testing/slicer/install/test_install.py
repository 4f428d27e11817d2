"""The first-run installation: asks first, installs the right things in order, and survives a restart."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from MVGCore.errors import MVGError
from MVGCore.version import __version__
from MVGLib.host.install import SMALL_PACKAGES, TORCH, Extension, Install, Package

ROOT = Path(__file__).resolve().parents[3]
SMALL = [package.requirement for package in SMALL_PACKAGES]
EVERYTHING = {
    "torch": "2.13.0+cpu",
    "safetensors": "0.5.1",
    "psutil": "7.0",
    "pynrrd": "1.1.3",
    "nibabel": "5.3",
    "platformdirs": "4.2",
}


@dataclass
class FakeHost:
    """Notes what is asked of it; `packages` plays the part of Slicer's Python."""

    packages: dict[str, str] = field(default_factory=dict)
    extension: Extension = Extension.READY
    answers: list[bool] = field(default_factory=list)  # to the questions; yes to those after them
    intel_mac: bool = False
    imported: tuple[str, ...] = ()
    replaces: dict[str, str] = field(default_factory=dict)  # what comes along with torch
    fails: str = ""
    done: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    resume: bool = False

    def name(self) -> str:
        return "3D Slicer 5.12"

    def python(self) -> str:
        return "/opt/Slicer/bin/PythonSlicer"

    def installed(self, distribution: str) -> str | None:
        return self.packages.get(distribution)

    def is_intel_mac(self) -> bool:
        return self.intel_mac

    def in_use(self) -> dict[str, str]:
        return {name: self.packages[name] for name in self.imported}

    def torch_installer(self) -> Extension:
        return self.extension

    def confirm(self, text: str) -> bool:
        self.questions.append(text)
        return self.answers.pop(0) if self.answers else True

    def install_extension(self, name: str) -> None:
        self._do(f"extension {name}")
        self.extension = Extension.NOT_LOADED  # before the restart

    def enable_extension(self, name: str) -> None:
        self._do(f"enable {name}")
        self.extension = Extension.NOT_LOADED

    def install_torch(self, requirement: str) -> bool:
        self._do(f"torch{requirement}")
        self.packages |= {"torch": "2.13.0", **self.replaces}
        return True

    def pip_install(self, requirements: list[str]) -> None:
        self._do("pip " + " ".join(requirements))
        self.packages |= {requirement.split(">=")[0]: "99" for requirement in requirements}

    def remember(self, resume: bool) -> None:
        self.resume = resume

    def remembered(self) -> bool:
        return self.resume

    def restart(self) -> None:
        self.done.append("restart")

    def _do(self, what: str) -> None:
        if self.fails and self.fails in what:
            raise OSError(f"no route to host while doing '{what}'.")
        self.done.append(what)


def test_nothing_is_done_where_everything_is_there() -> None:
    host = FakeHost(packages=dict(EVERYTHING))
    install = Install(host)
    assert install.missing() == ""
    install.run()
    assert not host.done and not host.questions


def test_the_sentence_names_the_size_before_anything_is_downloaded() -> None:
    assert re.search(r"PyTorch.*\d GB", Install(FakeHost()).missing())
    sentence = Install(FakeHost(packages={"torch": "2.5"})).missing()
    assert "safetensors" in sentence and "MB" in sentence and "PyTorch" not in sentence


def test_no_means_no() -> None:
    host = FakeHost(answers=[False])
    Install(host).run()
    assert len(host.questions) == 1 and not host.done


def test_torch_comes_by_the_extension_and_the_rest_by_pip() -> None:
    host = FakeHost()
    install = Install(host)
    install.run()
    assert host.done == ["torch>=2.2", "pip " + " ".join(SMALL)]
    assert "safetensors>=0.4 (1 MB)" in host.questions[0] and "GB" in host.questions[0]
    assert install.missing() == ""


def test_the_second_click_asks_for_what_is_still_missing_only() -> None:
    host = FakeHost(packages={name: "99" for name in EVERYTHING if name != "safetensors"})
    Install(host).run()
    assert host.done == ["pip safetensors>=0.4"]
    assert "torch" not in host.questions[0]


@pytest.mark.parametrize(
    ("state", "step"), [(Extension.ABSENT, "extension PyTorch"), (Extension.DISABLED, "enable PyTorch")]
)
def test_the_extension_comes_first_and_a_restart_is_asked_for(state: Extension, step: str) -> None:
    host = FakeHost(extension=state)
    install = Install(host)
    install.run()
    assert host.done == [step, "restart"] and len(host.questions) == 2
    assert "save them first" in host.questions[1] and "GB" in host.questions[0]

    host.extension = Extension.READY
    after_restart = Install(host)
    assert after_restart.missing().startswith("Press Install to go on.")
    assert host.done == [step, "restart"]  # nothing is done before the user says so
    after_restart.run()
    assert host.done[2:] == ["torch>=2.2", "pip " + " ".join(SMALL)]
    assert after_restart.missing() == ""


def test_who_does_not_restart_is_reminded_and_nothing_is_downloaded_twice() -> None:
    host = FakeHost(extension=Extension.ABSENT, answers=[True, False])
    install = Install(host)
    install.run()
    assert host.done == ["extension PyTorch"] and "Restart Slicer" in install.missing()
    host.answers = [False]
    install.run()
    assert host.done == ["extension PyTorch"] and len(host.questions) == 3
    install.run()
    assert host.done == ["extension PyTorch", "restart"]


def test_an_extension_that_cannot_be_loaded_restarts_nothing() -> None:
    host = FakeHost(extension=Extension.NOT_LOADED)
    for _opening in range(3):
        install = Install(host)
        assert "PyTorch" in install.missing()
        with pytest.raises(MVGError, match="cannot be loaded"):
            install.run()
    assert not host.done and not host.questions


def test_a_failure_after_the_restart_is_not_gone_on_with() -> None:
    host = FakeHost(resume=True, fails="torch")
    install = Install(host)
    with pytest.raises(MVGError):
        install.run()
    assert not host.resume and not install.missing().startswith("Press Install")


@pytest.mark.parametrize("agrees", [True, False])
def test_a_restart_is_offered_where_something_in_use_was_replaced(agrees: bool) -> None:
    host = FakeHost(
        packages={"numpy": "2.3.0"}, imported=("numpy",), replaces={"numpy": "1.26.4"}, answers=[True, agrees]
    )
    install = Install(host)
    install.run()
    assert "numpy" in host.questions[1]
    assert ("restart" in host.done) is agrees and "numpy" in install.missing()


def test_nothing_to_restart_for_where_nothing_in_use_was_replaced() -> None:
    host = FakeHost(packages={"numpy": "2.3.0"}, imported=("numpy",))
    Install(host).run()
    assert len(host.questions) == 1 and "restart" not in host.done


@pytest.mark.parametrize("torch", [{}, {"torch": "2.2.2"}])
def test_an_intel_program_on_a_mac_with_numpy_2_says_what_to_do_instead(torch: dict[str, str]) -> None:
    host = FakeHost(packages={**EVERYTHING, **torch, "numpy": "2.1.0"}, intel_mac=True)
    install = Install(host)
    assert "Apple processors" in install.missing() and "mvg desktop" in install.missing()
    with pytest.raises(MVGError, match="numpy"):
        install.run()
    assert not host.done and not host.questions


def test_an_intel_program_on_a_mac_with_numpy_1_is_as_good_as_any() -> None:
    assert Install(FakeHost(packages={**EVERYTHING, "numpy": "1.26.4"}, intel_mac=True)).missing() == ""


@pytest.mark.parametrize("fails", ["torch", "pip"])
def test_a_failure_says_what_why_and_how_to_do_it_offline(fails: str) -> None:
    with pytest.raises(MVGError) as caught:
        Install(FakeHost(fails=fails)).run()
    text = str(caught.value)
    assert "no route to host" in text and ".." not in text
    assert "/opt/Slicer/bin/PythonSlicer -m pip install --no-index" in text


def test_a_failing_extension_server_names_the_manual_way() -> None:
    host = FakeHost(extension=Extension.ABSENT, fails="extension")
    with pytest.raises(MVGError, match="Extensions Manager"):
        Install(host).run()
    assert not host.resume and "restart" not in host.done


def test_stopping_the_torch_installation_leaves_the_rest_alone() -> None:
    class Stopped(FakeHost):
        def install_torch(self, requirement: str) -> bool:
            return False

    host = Stopped()
    Install(host).run()
    assert not host.done


def test_it_refuses_another_thread() -> None:
    caught: list[BaseException] = []
    host = FakeHost()

    def work() -> None:
        try:
            Install(host).run()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert caught and not host.done


def test_versions_and_licence_are_shown() -> None:
    lines = Install(FakeHost(packages={"torch": "2.13.0+cpu"})).version_text().splitlines()
    assert lines[:3] == [f"MVG {__version__}", "3D Slicer 5.12", "torch 2.13.0+cpu"]
    assert "safetensors: not installed" in lines
    assert any(line.startswith("Model: compact (") and "compact.safetensors" in line for line in lines)
    assert "Apache License 2.0" in lines[-1] and "not a medical device" in lines[-1]


@pytest.mark.parametrize(
    ("minimum", "version", "fits"),
    [
        ("2.2", "2.2", True),
        ("2.2", "2.10.1+cu128", True),
        ("2.2", "2.1.2", False),
        ("0.4", "0.4rc1", True),
        ("5.9", None, False),
        ("5.9", "unknown", False),
    ],
)
def test_versions_are_compared_by_number(minimum: str, version: str | None, fits: bool) -> None:
    assert Package("x", minimum, "").satisfied_by(version) is fits


def test_the_versions_are_those_of_the_distribution() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")  # tomllib came with Python 3.11
    for package in (TORCH, *SMALL_PACKAGES):
        assert f'"{package.requirement}"' in text
