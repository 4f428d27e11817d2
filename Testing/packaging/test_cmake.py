"""The Slicer build files: nothing left out, every named file there, and CMake can read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from Testing.packaging.update_cmake_lists import ROOT, scripts_in_tree, scripts_listed

# Stands in for Slicer and CTK: the real ones copy SCRIPTS into DESTINATION_DIR when building.
FAKE_SLICER_CONFIG = """
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/use.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR lib/qt-scripted-modules)
"""
FAKE_USE_FILE = """
function(ctkMacroCompilePythonScript)
  cmake_parse_arguments(MY "NO_INSTALL_SUBDIR" "TARGET_NAME;DESTINATION_DIR;INSTALL_DIR" "SCRIPTS" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown arguments: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  foreach(script ${MY_SCRIPTS})
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${script} ${MY_DESTINATION_DIR}/${script} COPYONLY)
  endforeach()
endfunction()
"""


def test_every_python_file_of_the_package_is_listed() -> None:
    assert scripts_listed() == scripts_in_tree(), (
        "MVGCore/CMakeLists.txt is out of date: run `python Testing/packaging/update_cmake_lists.py`."
    )


def test_extension_metadata_is_complete_and_on_single_lines() -> None:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    for name in ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert re.search(rf'^set\(EXTENSION_{name} "[^"\n]+"\)$', text, re.MULTILINE), name
    addresses = dict(
        re.findall(r'^set\(EXTENSION_(HOMEPAGE|ICONURL|SCREENSHOTURLS) "([^"]+)"\)$', text, re.MULTILINE)
    )
    raw = addresses["HOMEPAGE"].replace("//github.com/", "//raw.githubusercontent.com/") + "/main/"
    for name in ("ICONURL", "SCREENSHOTURLS"):
        assert addresses[name].startswith(raw)
    assert (ROOT / addresses["ICONURL"].removeprefix(raw)).is_file()
    project = re.search(r"^project\((\w+)\)$", text, re.MULTILINE)
    assert project is not None and not project[1].startswith("Slicer")


@pytest.mark.parametrize("folder", ["MVGCore", "MVGSlicerExtension"])
def test_subdirectories_are_consistent_with_the_tree(folder: str) -> None:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert f"add_subdirectory({folder})" in text
    assert (ROOT / folder / "CMakeLists.txt").is_file()


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("cc")), reason="cmake or cc is missing")
def test_cmake_configures_and_places_code_and_resources(tmp_path: Path) -> None:
    slicer, build = tmp_path / "slicer", tmp_path / "build"
    slicer.mkdir()
    (slicer / "SlicerConfig.cmake").write_text(FAKE_SLICER_CONFIG)
    (slicer / "use.cmake").write_text(FAKE_USE_FILE)
    (slicer / "empty.cmake").write_text("")
    command = ["cmake", "-S", str(ROOT), "-B", str(build), f"-DSlicer_DIR={slicer}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package = build / "lib" / "qt-scripted-modules" / "MVGCore"
    assert (package / "__init__.py").is_file()
    assert (package / "resources" / "icons" / "MVG.png").is_file()
