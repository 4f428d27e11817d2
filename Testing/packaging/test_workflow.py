"""The hosted workflow that runs MVGTest in the real 3D Slicer: its syntax, and its steps in a dry mode."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "slicer.yml"
JOB: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["module"]
MATRIX = JOB["strategy"]["matrix"]
COMBINATIONS = [
    {"stability": stability, "system": system}
    for stability, system in itertools.product(MATRIX["stability"], MATRIX["system"])
]


def filled(text: str, values: dict[str, str]) -> str:
    """A text of the workflow with the values of the matrix; others are not used in commands."""
    return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda match: values[match[1]], text)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci_slicer", ROOT / ".ci" / "slicer.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def test_it_covers_the_stable_and_the_preview_on_three_systems(script: ModuleType) -> None:
    assert set(MATRIX["stability"]) == set(script.STABILITIES)
    assert set(MATRIX["system"]) == set(script.SYSTEMS) == {each["system"] for each in MATRIX["include"]}
    assert all(each["runner"] for each in MATRIX["include"])
    assert "${{ matrix.runner }}" in JOB["runs-on"] and JOB["timeout-minutes"] > script.MINUTES


def test_it_runs_on_every_change_and_may_only_read() -> None:
    text = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    triggers = text[True]  # YAML 1.1 takes the word "on" for a truth value
    assert {"push", "pull_request", "workflow_dispatch", "schedule"} <= set(triggers)
    assert text["permissions"] == {"contents": "read"}


def test_actions_have_a_version() -> None:
    used = [step["uses"] for step in JOB["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", each) for each in used)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")
@pytest.mark.parametrize("values", COMBINATIONS, ids=lambda values: "-".join(values.values()))
def test_every_command_can_be_read_by_the_shell(values: dict[str, str]) -> None:
    assert JOB["defaults"]["run"]["shell"] == "bash"
    for step in JOB["steps"]:
        if "run" in step:
            text = filled(step["run"], values)
            assert "${{" not in text
            subprocess.run(["bash", "-n", "-c", text], check=True)


@pytest.mark.parametrize("values", COMBINATIONS, ids=lambda values: "-".join(values.values()))
def test_every_step_says_what_it_would_do(
    script: ModuleType, values: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [filled(step["run"], values) for step in JOB["steps"] if "slicer.py" in step.get("run", "")]
    assert [command.split()[-1] for command in commands] == list(script.STEPS)
    for command in commands:
        arguments = command.split()[2:]
        assert script.main(["--dry", "--folder", str(tmp_path), *arguments]) == 0
    said = capsys.readouterr().out
    system = script.SYSTEMS[values["system"]]
    assert f"os={system.code}&stability={values['stability']}" in said
    assert "--testing" in said and "runUnitTest" in said and "SegmentEditorMVG" in said
    assert not list(tmp_path.iterdir())  # nothing was done


def test_the_modules_and_the_test_that_it_names_are_there(script: ModuleType) -> None:
    assert all((path / f"{path.name}.py").is_file() for path in script.MODULES)
    text = (script.MODULES[0] / "MVG.py").read_text(encoding="utf-8")
    assert "class MVGTest(" in text


def test_what_is_installed_is_found_and_used(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "release" / "Slicer-5.12.3-linux-amd64" / "Slicer"
    program.parent.mkdir(parents=True)
    program.touch()
    (tmp_path / "release" / "Slicer.tar.gz").touch()
    arguments = ["--system", "Linux", "--stability", "release", "--folder", str(tmp_path), "--dry", "test"]
    assert script.main(arguments) == 0
    said = capsys.readouterr().out
    assert str(program) in said and "tar" not in said.split() and "download" not in said


def test_a_download_that_is_no_slicer_is_told(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(_source: str, target: Path) -> None:
        Path(target).write_bytes(b"")

    monkeypatch.setattr(script.urllib.request, "urlretrieve", pretend)
    monkeypatch.setattr(script, "_run", lambda command, dry: None)
    with pytest.raises(SystemExit, match="no Slicer"):
        script.main(["--system", "Linux", "--stability", "nightly", "--folder", str(tmp_path), "test"])
    assert [path.name for path in (tmp_path / "nightly").iterdir()] == ["Slicer.tar.gz"]


def test_the_documents_say_that_it_is_the_only_proof() -> None:
    for name in ("README.md", "MVGSlicerExtension/README.md", "CONTRIBUTING.md"):
        text = " ".join((ROOT / name).read_text(encoding="utf-8").split())
        assert "only real proof" in text and "slicer.yml" in text, name
