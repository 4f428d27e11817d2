"""The Slicer build files: nothing left out, every named file there, and CMake can read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from Testing.packaging.update_cmake_lists import EXTENSION, LISTINGS, ROOT, Listing

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
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS;WITH_SUBDIR" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown arguments: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
    set(target ${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/${file})
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${file} ${target} COPYONLY)
  endforeach()
endmacro()
function(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "SCRIPT" "" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS OR NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT})
    message(FATAL_ERROR "wrong arguments: ${ARGN}")
  endif()
endfunction()
"""


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.variable)
def test_every_file_is_listed(listing: Listing) -> None:
    assert listing.in_tree()
    assert listing.listed() == listing.in_tree(), (
        f"{listing.cmake_file} is out of date: run `python Testing/packaging/update_cmake_lists.py`."
    )


def test_every_file_of_the_modules_has_a_list_that_takes_it() -> None:
    listed = {path for each in LISTINGS for path in (each.folder / name for name in each.in_tree())}
    ours = {
        path
        for folder in ("MVG", "SegmentEditorMVG")
        for path in (EXTENSION / folder).rglob("*")
        if path.is_file() and path.name != "CMakeLists.txt" and "__pycache__" not in path.parts
    }
    assert ours <= listed, sorted(str(path) for path in ours - listed)


def test_extension_metadata_is_complete_and_on_single_lines() -> None:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    for name in ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert re.search(rf'^set\(EXTENSION_{name} "[^"\n]+"\)$', text, re.MULTILINE), name
    addresses = dict(
        re.findall(r'^set\(EXTENSION_(HOMEPAGE|ICONURL|SCREENSHOTURLS) "([^"]+)"\)$', text, re.MULTILINE)
    )
    raw = addresses["HOMEPAGE"].replace("//github.com/", "//raw.githubusercontent.com/") + "/main/"
    # Slicer takes several screenshots, with spaces between.
    for address in [addresses["ICONURL"], *addresses["SCREENSHOTURLS"].split()]:
        assert address.startswith(raw)
        assert (ROOT / address.removeprefix(raw)).is_file()
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
    command = ["cmake", "-S", str(ROOT), "-B", str(build), f"-DSlicer_DIR={slicer}", "-DBUILD_TESTING=ON"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules = build / "lib" / "qt-scripted-modules"
    places = [
        "MVG.py",
        "MVGLib/host/install.py",
        "MVGLib/resourcefiles.py",
        "Resources/UI/MVG.ui",
        "Resources/Icons/MVG.png",
        "Resources/SampleData/MVGPhantom.nrrd",
        "SegmentEditorMVG.py",
        "SegmentEditorMVGLib/SegmentEditorEffect.py",
        "SegmentEditorMVGLib/SegmentEditorEffect.png",
        "MVGCore/__init__.py",
        "MVGCore/resources/icons/MVG.png",
    ]
    weights = (ROOT / "Resources" / "Weights").glob("*.safetensors")
    places += [f"MVGCore/resources/weights/{path.name}" for path in weights]
    assert not [place for place in places if not (modules / place).is_file()]
    # As in Slicer: this folder alone is on the path.
    program = (
        "import MVGLib.resourcefiles as files, MVGCore.models.weights as weights\n"
        "print(files.resource_path('UI/MVG.ui')); print(weights.bundled_weights('compact'))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(modules)!r})\n{program}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    form, bundled = done.stdout.splitlines()
    assert Path(form) == modules / "Resources" / "UI" / "MVG.ui"
    assert Path(bundled) == modules / "MVGCore" / "resources" / "weights" / "compact.safetensors"


def test_the_module_icons_have_the_size_that_slicer_scales_well() -> None:
    icons = (
        EXTENSION / "MVG" / "Resources" / "Icons" / "MVG.png",
        EXTENSION / "SegmentEditorMVG" / "SegmentEditorMVGLib" / "SegmentEditorEffect.png",
    )
    for path in icons:
        header = path.read_bytes()[:24]
        assert [int.from_bytes(header[at : at + 4], "big") for at in (16, 20)] == [48, 48]


def test_the_index_entry_agrees_with_the_build_file() -> None:
    entry = json.loads((ROOT / "docs" / "MVG.json").read_text(encoding="utf-8"))
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    # The schema knows these keys and no others.
    assert set(entry) == {
        "$schema",
        "build_dependencies",
        "build_subdirectory",
        "category",
        "scm_revision",
        "scm_url",
        "tier",
    }
    homepage = re.search(r'^set\(EXTENSION_HOMEPAGE "([^"]+)"\)$', text, re.MULTILINE)
    depends = re.search(r'^set\(EXTENSION_DEPENDS "([^"]+)"\)$', text, re.MULTILINE)
    assert homepage is not None and entry["scm_url"] == f"{homepage[1]}.git"
    assert depends is not None and entry["build_dependencies"] == depends[1].split()
    assert entry["tier"] in range(1, 6)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")
def test_the_repository_stays_small() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    sizes = [(ROOT / name).stat().st_size for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    assert sum(sizes) < 100e6
