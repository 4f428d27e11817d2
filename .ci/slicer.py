#!/usr/bin/env python3
"""Downloads 3D Slicer, installs it into a folder, and runs the module's own tests in it.

    python .ci/slicer.py --system Linux --stability release test

The steps are "download", "install" and "test"; each does what is before it first, unless that was done
already. With `--dry` nothing is done, the commands are printed. Standard library only.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = [ROOT / "MVGSlicerExtension" / name for name in ("MVG", "SegmentEditorMVG")]
STABILITIES = ("release", "nightly")
STEPS = ("download", "install", "test")
MINUTES = 20  # that the tests may take


@dataclass(frozen=True)
class System:
    """How Slicer comes to an operating system.

    Attributes:
        name: As GitHub calls it.
        code: As Slicer's download page calls it.
        package: Ending of what is downloaded.
        program: Pattern of Slicer's program in the folder into which it is installed.
    """

    name: str
    code: str
    package: str
    program: str


SYSTEMS = {
    each.name: each
    for each in (
        System("Linux", "linux", ".tar.gz", "Slicer-*/Slicer"),
        System("macOS", "macosx", ".dmg", "Slicer.app/Contents/MacOS/Slicer"),
        System("Windows", "win", ".exe", "Slicer.exe"),
    )
}


def address(system: System, stability: str) -> str:
    """Where the newest Slicer of that kind is to be had."""
    return f"https://download.slicer.org/download?os={system.code}&stability={stability}"


def install_commands(system: System, package: Path, folder: Path) -> list[list[str]]:
    """What unpacks a package into a folder."""
    if system.name == "Linux":
        return [["tar", "-xzf", str(package), "-C", str(folder)]]
    if system.name == "macOS":
        disk = folder / "disk"
        return [
            ["hdiutil", "attach", "-nobrowse", "-readonly", "-mountpoint", str(disk), str(package)],
            ["cp", "-R", str(disk / "Slicer.app"), str(folder)],
            ["hdiutil", "detach", str(disk)],
        ]
    return [[str(package), "/S", f"/D={folder}"]]


def test_command(system: System, program: Path) -> list[str]:
    """What runs MVGTest in Slicer and ends with its result."""
    paths = [path.as_posix() for path in MODULES]
    code = (
        "import slicer, slicer.testing; slicer.app.processEvents();"
        f" slicer.testing.runUnitTest({paths!r}, 'MVG'); slicer.util.exit(0)"
    )
    command = [str(program), "--no-splash", "--testing", "--additional-module-paths", *paths]
    command += ["--python-code", code]
    # A screen, which the hosted Linux has not.
    return ["xvfb-run", "--auto-servernum", *command] if system.name == "Linux" else command


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--system", choices=sorted(SYSTEMS), required=True)
    parser.add_argument("--stability", choices=STABILITIES, required=True)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "slicer")
    parser.add_argument("--dry", action="store_true", help="print the commands only")
    parser.add_argument("step", choices=STEPS)
    chosen = parser.parse_args(arguments)
    system, folder = SYSTEMS[chosen.system], chosen.folder / chosen.stability
    package = folder / f"Slicer{system.package}"
    if not package.exists():
        _download(address(system, chosen.stability), package, chosen.dry)
    if chosen.step == "download":
        return 0
    program = _program(system, folder)
    if program is None:
        for command in install_commands(system, package, folder):
            _run(command, chosen.dry)
        program = _program(system, folder)
    if chosen.step == "install":
        return 0
    if program is None and not chosen.dry:
        raise SystemExit(f"There is no {system.program} in {folder}; what was downloaded is no Slicer.")
    _run(test_command(system, program or folder / system.program), chosen.dry)
    return 0


def _program(system: System, folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob(system.program))), None)


def _download(source: str, target: Path, dry: bool) -> None:
    print(f"download {source} to {target}", flush=True)
    if dry:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"part-{target.name}")
    urllib.request.urlretrieve(source, part)
    part.replace(target)


def _run(command: list[str], dry: bool) -> None:
    print(shlex.join(command), flush=True)
    if not dry:
        subprocess.run(command, check=True, timeout=60 * MINUTES)


if __name__ == "__main__":
    sys.exit(main())
