"""The thin part of the distribution that metadata cannot say: which resources travel inside the package.

Everything else is in pyproject.toml.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
RESOURCE_PATTERNS = {
    "Weights": ("*.safetensors", "*.json", "*.md"),
    "Icons": ("*.png",),
}


class BuildWithResources(build_py):
    """Copies Resources/{Weights,Icons} into the built package as MVGCore/resources/{weights,icons}.

    The repository keeps one copy of these files, outside the package, where the Slicer extension finds them
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
        package = Path(self.build_lib) / "MVGCore" / "resources"
        return [
            (source, package / folder.lower() / source.name)
            for folder, patterns in RESOURCE_PATTERNS.items()
            for pattern in patterns
            for source in sorted((ROOT / "Resources" / folder).glob(pattern))
        ]


setup(cmdclass={"build_py": BuildWithResources})
