"""`python -m MVGDesktop.files.probe SCENE SECONDS`: read a scene where a crash costs nothing.

Ends with code 0 if all of it can be read, with 1 and a line that says what cannot be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from MVGCore.errors import InputError
from MVGCore.shortlived import limit_itself


def main(words: list[str]) -> int:
    """Read the scene; gives the exit code."""
    import vtk

    from MVGDesktop import headless
    from MVGDesktop.files.importing import import_scene

    headless.start()
    vtk.vtkObject.GlobalWarningDisplayOff()
    limit_itself(float(words[1]))
    try:
        import_scene(Path(words[0]))
    except InputError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
