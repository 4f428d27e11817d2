"""The README keeps its promises: the example runs, the commands exist, the pictures are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np

from MVGCore.cli.main import build_parser
from MVGCore.volume import Geometry, LabelMap, Volume, read_segmentation, write_segmentation, write_volume

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """Returns the code between the markers `<!-- name -->` and `<!-- /name -->`."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```\n<!-- /{name} -->", README, re.DOTALL)
    assert found, f"README.md has no block {name}"
    return found[1]


def write_case(folder: Path) -> np.ndarray:
    """Writes t1.nrrd and five_slices.seg.nrrd of a ball in noise, and returns the whole truth."""
    places = np.indices((20, 24, 24)) - np.array([10, 12, 12])[:, None, None, None]
    truth = (np.square(places).sum(axis=0) < 64).astype(np.uint8)
    geometry = Geometry.identity(truth.shape)
    noise = np.random.default_rng(0).normal(0, 5, truth.shape)
    few = np.zeros_like(truth)
    few[[4, 7, 10, 13, 16]] = truth[[4, 7, 10, 13, 16]]
    write_volume(folder / "t1.nrrd", Volume((100 + 80 * truth + noise).astype(np.float32), geometry))
    write_segmentation(folder / "five_slices.seg.nrrd", LabelMap.of(few, geometry))
    return truth


def test_the_example_has_about_ten_lines() -> None:
    assert len([line for line in block("example").splitlines() if line.strip()]) <= 11


def test_the_example_runs(tmp_path: Path) -> None:
    truth = write_case(tmp_path)
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{block('example')}"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Label this slice next:" in done.stdout
    labels = read_segmentation(tmp_path / "t1.seg.nrrd").to_labelmap().array
    np.testing.assert_array_equal(labels[[4, 7, 10, 13, 16]], truth[[4, 7, 10, 13, 16]])


def test_the_commands_shown_are_understood() -> None:
    shown = re.findall(r"^mvg .+$", README, re.MULTILINE)
    assert len(shown) >= 5
    parser = build_parser()
    for line in shown:
        parser.parse_args(shlex.split(line)[1:])


def test_the_test_command_installs_and_tests() -> None:
    command = block("test-command")
    assert "pip install" in command and "pytest" in command
    assert "test-command" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_benchmark_has_its_place() -> None:
    assert re.search(r"<!-- benchmark:quick -->\n.+\n<!-- /benchmark -->", README, re.DOTALL)


def test_links_inside_the_repository_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
