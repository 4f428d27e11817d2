"""The thin part of the distribution that metadata cannot say: which resources travel inside the package.

Everything else is in pyproject.toml.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MODULE_RESOURCES = "MVGSlicerExtension/MVG/Resources"


@dataclass(frozen=True)
class Travels:
    """Files of one folder of the repository and the folder inside the installed packages where they go."""

    source: str
    patterns: tuple[str, ...]
    target: str

    def files(self, build_lib: str) -> list[tuple[Path, Path]]:
        """Returns (file in the repository, file in the built tree) for each."""
        return [
            (source, Path(build_lib) / self.target / source.name)
            for pattern in self.patterns
            for source in sorted((ROOT / self.source).glob(pattern))
        ]


RESOURCES = (
    Travels("Resources/Weights", ("*.safetensors", "*.json", "*.md"), "MVGCore/resources/weights"),
    Travels("Resources/Icons", ("*.png",), "MVGCore/resources/icons"),
    Travels(f"{MODULE_RESOURCES}/UI", ("*.ui",), "MVGLib/Resources/UI"),
    Travels(f"{MODULE_RESOURCES}/Icons", ("*.png", "*.svg"), "MVGLib/Resources/Icons"),
)


class BuildWithResources(build_py):
    """Copies the weights, icons and forms into the built packages.

    The repository keeps one copy of these files, outside the packages, where the Slicer extension finds them
    too. An editable install reads them there, so nothing is copied for it.
    """

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source, target in self._resources():
            self.mkpath(str(target.parent))
            shutil.copyfile(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        outputs = list(super().get_outputs(include_bytecode))
        if not self.editable_mode:
            outputs += [str(target) for _, target in self._resources()]
        return outputs

    def _resources(self) -> list[tuple[Path, Path]]:
        return [pair for folder in RESOURCES for pair in folder.files(self.build_lib)]


setup(cmdclass={"build_py": BuildWithResources})
