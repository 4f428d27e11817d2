"""With what command and environment a worker is started, and what becomes of its logs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from MVGCore.worker.host import launch as process
from MVGCore.worker.host.launch import environment, is_own, new_log, open_log, tail

SLICER = {
    "APPLAUNCHER_LEVEL": "1",
    "APPLAUNCHER_0_PATH": "/usr/bin",
    "PATH": "/opt/Slicer/bin:/usr/bin",
    "PYTHONHOME": "/opt/Slicer/lib/Python",
    "PYTHONPATH": "/opt/Slicer/bin/Python",
    "PYTHONNOUSERSITE": "1",
    "LD_LIBRARY_PATH": "/opt/Slicer/lib",
    "HOME": "/home/maría",
}


def test_another_interpreter_gets_the_environment_that_slicer_was_started_in() -> None:
    found = environment("/usr/bin/python3", SLICER)
    assert found["PATH"] == "/usr/bin" and found["HOME"] == "/home/maría"
    assert not found.keys() & {"PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "LD_LIBRARY_PATH"}


def test_slicers_own_interpreter_and_this_one_keep_it() -> None:
    for python in ("/opt/Slicer/bin/PythonSlicer", "C:/Slicer/bin/PythonSlicer.exe", sys.executable):
        assert SLICER.items() <= environment(python, SLICER).items()


def test_a_users_own_library_path_stays() -> None:
    variables = {"LD_LIBRARY_PATH": "/usr/local/cuda/lib64", "PYTHONPATH": "/somewhere"}
    found = environment("/usr/bin/python3", variables)
    assert found["LD_LIBRARY_PATH"] == "/usr/local/cuda/lib64" and "PYTHONPATH" not in found


def test_idle_threads_of_numpy_do_not_wait_at_full_load_unless_asked_for() -> None:
    assert environment(sys.executable, {})["OPENBLAS_NUM_THREADS"] == "1"
    assert environment(sys.executable, {"OPENBLAS_NUM_THREADS": "8"})["OPENBLAS_NUM_THREADS"] == "8"


def test_which_interpreter_is_this_one(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert is_own(sys.executable)
    assert not is_own(str(link))  # an environment of its own may stand behind such a link
    assert not is_own(str(tmp_path / "missing"))


def test_logs_have_names_of_their_own_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    paths = [new_log(folder) for _ in range(process.LOGS_KEPT + 5)]
    assert len(set(paths)) == len(paths)
    for number, path in enumerate(paths):
        with open_log(path) as stream:
            stream.write(f"first\nlog {number} é\n\n".encode())
    kept = sorted(folder.iterdir())
    assert len(kept) == process.LOGS_KEPT and paths[-1] in kept and paths[0] not in kept
    with open_log(paths[-1]) as stream:
        stream.write(b"more\n")
    assert tail(paths[-1]) == "more" and tail(kept[0]).endswith("é") and tail(folder / "none") == ""


def test_the_clients_side_needs_neither_torch_nor_qt() -> None:
    program = "import sys, MVGCore.worker.host.client; print({name.split('.')[0] for name in sys.modules})"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    for name in ("torch", "PyQt5", "scipy", "SimpleITK", "safetensors", "multiprocessing"):
        assert f"'{name}'" not in done.stdout
