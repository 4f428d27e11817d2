"""Scenes from people one does not know: nothing is read or written elsewhere, and what was open stays."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import slicer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.shortlived import Died
from MVGCore.volume import Volume
from MVGDesktop.files import archive, scenes
from MVGDesktop.files.archive import unpack
from MVGDesktop.files.nodes import PATH_ATTRIBUTE, volume_node
from MVGDesktop.files.references import check_folder, check_scene
from MVGDesktop.files.saving import save_scene
from MVGDesktop.files.scenes import open_scene

BALL = "Data/ball.nrrd"


def entry(name: str, mode: int = stat.S_IFREG | 0o600) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    return made


def pack(path: Path, *entries: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as content:
        for each, data in entries:
            content.writestr(each, data)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inner" / "unpacked"
    made.mkdir(parents=True)
    return made


def files_in(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*")}


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (entry("../x"), "leads out"),
        (entry("a/../../x"), "leads out"),
        (entry("/tmp/x"), "leads out"),
        (entry("a\\..\\x"), "not every system"),
        (entry("C:x"), "not every system"),
        (entry("a\x1b[2J"), "not every system"),
        (entry("a" * 300), "too long"),
        (entry("a/" * 40 + "x"), "too long"),
        (entry("link", stat.S_IFLNK | 0o777), "a link or a device"),
        (entry("pipe", stat.S_IFIFO | 0o600), "a link or a device"),
    ],
)
def test_entries_that_no_scene_has_are_refused(tmp_path: Path, folder: Path, made, told: str) -> None:
    before = files_in(tmp_path)
    path = pack(tmp_path / "evil.mrb", (entry("good"), b"1"), (made, b"/etc/passwd"))
    with pytest.raises(InputError, match=told):
        unpack(path, folder)
    assert files_in(tmp_path) == before | {"evil.mrb"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("a./\\:~%\x00 é", min_size=1, max_size=8), max_size=4))
def test_whatever_the_names_nothing_is_written_outside(tmp_path: Path, names: list[str]) -> None:
    shutil.rmtree(tmp_path)
    folder = tmp_path / "deep" / "er" / "unpacked"
    folder.mkdir(parents=True)
    path = tmp_path / "some.mrb"
    with zipfile.ZipFile(path, "w") as content:
        for name in dict.fromkeys(names):
            made = zipfile.ZipInfo("x")
            made.filename = name  # past the constructor, which cleans
            content.writestr(made, b"1")
    with contextlib.suppress(InputError):
        unpack(path, folder)
    outside = [each for each in tmp_path.rglob("*") if not each.is_relative_to(folder)]
    assert {each for each in outside if each.is_file()} == {path}


def test_archives_of_too_many_files_are_refused(tmp_path: Path, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(archive, "_MOST_ENTRIES", 3)
    path = pack(tmp_path / "many.mrb", *((entry(f"{n}"), b"1") for n in range(4)))
    with pytest.raises(InputError, match="has 4 files"):
        unpack(path, folder)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(archive, "_MOST_OF_SMALL", 1 << 20)
    path = pack(tmp_path / "bomb.mrb", (entry("zeros"), bytes(3 << 20)))
    with pytest.raises(InputError, match="would unpack to 3 MB"):
        unpack(path, folder)
    assert files_in(folder) == set()


def test_a_full_disk_is_told(tmp_path: Path, folder: Path, monkeypatch) -> None:
    usage = shutil.disk_usage(folder)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    path = pack(tmp_path / "s.mrb", (entry("x"), bytes(1 << 20)))
    with pytest.raises(InputError, match="needs 1 MB"):
        unpack(path, folder)


def test_damage_anywhere_in_an_archive_is_noticed(tmp_path: Path, folder: Path) -> None:
    noise = np.random.default_rng(1).bytes(3000)
    path = pack(tmp_path / "s.mrb", (entry("x"), noise))
    whole = path.read_bytes()
    for cut in (0, 1, 100, 2000, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match="cannot be unpacked"):
            unpack(path, folder)
    flipped = bytearray(whole)
    flipped[1500] ^= 1
    path.write_bytes(bytes(flipped))
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack(path, folder)


SCENE = '<MRML version="1"><VolumeArchetypeStorage id="v1" {}></VolumeArchetypeStorage></MRML>'


@pytest.mark.parametrize(
    "named",
    [
        'fileName="/etc/passwd"',
        'fileName="../x.nrrd"',
        'fileName="%2e%2e/x.nrrd"',
        'fileName="Data/../../x"',
        'fileListMember0="/etc/passwd"',
        'uri="http://localhost/x.nrrd"',
        'fileName="file:///etc/passwd"',
        'schemaFileName="/etc/passwd"',
        'fileName="link/passwd"',
    ],
)
def test_a_scene_that_names_files_elsewhere_is_refused(tmp_path: Path, named: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link").symlink_to("/etc")
    (inner / "s.mrml").write_text(SCENE.format(named))
    with pytest.raises(InputError, match="outside its folder|the address"):
        check_scene(inner / "s.mrml")


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><MRML a="&c;"/>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "/etc/passwd">]><MRML>&b;</MRML>',
        "<MRML>",
        "",
    ],
)
def test_a_scene_that_is_no_plain_xml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.mrml").write_text(text)
    with pytest.raises(InputError, match="entities|cannot be read as a scene"):
        check_scene(tmp_path / "s.mrml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.nhdr", "NRRD0004\ndata file: /etc/passwd\n\n"),
        ("a.nrrd", "NRRD0004\ntype: uint8\ndatafile: ../x.raw\n\n"),
        ("a.nhdr", "NRRD0004\ndata file: x%03d.raw 1 5 1\n\n"),
        ("a.nhdr", "NRRD0004\ndata file: LIST\n/etc/passwd\n\n"),
        ("a.mhd", "NDims = 3\nElementDataFile = /etc/passwd\n"),
        ("a.mha", "NDims = 3\nElementDataFile = %s\n"),
        ("a.vtm", '<VTKFile><DataSet file="/etc/passwd"/></VTKFile>'),
    ],
)
def test_an_image_in_an_archive_that_names_files_elsewhere_is_refused(
    folder: Path, name: str, text: str
) -> None:
    (folder / name).write_text(text)
    with pytest.raises(InputError, match="outside its folder|a pattern or list"):
        check_folder(folder)


@pytest.fixture
def a_scene(a_volume: Volume, application, tmp_path: Path) -> Path:
    """A scene with the ball, saved; nothing is open afterwards."""
    slicer.mrmlScene.Clear(False)
    volume_node(a_volume, str(tmp_path / "elsewhere.nrrd"))
    path = tmp_path / "a scene.mrb"
    save_scene(path)
    slicer.mrmlScene.Clear(False)
    return path


@pytest.fixture
def open_work(a_scene: Path, a_volume: Volume) -> Callable[[], bool]:
    """Opens something else, and gives what tells whether all of it is there still."""
    node = volume_node(Volume(a_volume.array + 1, a_volume.geometry, "work"))
    slices = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "kept")
    ids = [node.GetID(), slices.GetID(), node.GetDisplayNode().GetID()]

    def untouched() -> bool:
        found = [slicer.mrmlScene.GetNodeByID(each) for each in ids]
        volumes = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
        array = slicer.util.arrayFromVolume(node)
        same = found[:2] == [node, slices] and found[2] is node.GetDisplayNode()
        return volumes == 1 and same and np.array_equal(array, a_volume.array + 1)

    yield untouched
    slicer.mrmlScene.Clear(False)


def changed(archive_file: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy of an archive, each file of it changed."""
    path = archive_file.with_name("changed.mrb")
    with zipfile.ZipFile(archive_file) as before, zipfile.ZipFile(path, "w") as after:
        for each in before.infolist():
            after.writestr(each.filename, change(each.filename, before.read(each)))
    return path


def left_over() -> list[Path]:
    return [each for each in Path(slicer.app.temporaryPath).iterdir() if each.name.startswith("scene-")]


def test_a_scene_opens_by_a_relative_name_and_leaves_nothing(
    a_scene: Path, open_work, a_volume: Volume, monkeypatch
) -> None:
    monkeypatch.chdir(a_scene.parent)
    home = slicer.mrmlScene.GetRootDirectory()
    open_scene(Path(a_scene.name))
    assert not open_work()
    (node,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert np.array_equal(slicer.util.arrayFromVolume(node), a_volume.array)
    assert node.GetAttribute(PATH_ATTRIBUTE) is None  # what lies there now may be something else
    assert left_over() == [] and slicer.mrmlScene.GetRootDirectory() == home


def test_damage_in_an_archive_is_told_and_what_was_open_stays(a_scene: Path, open_work) -> None:
    def cut(name: str, data: bytes) -> bytes:
        return data[:-3000] if name.endswith("ball.nrrd") else data

    with pytest.raises(InputError, match="its file 'ball.nrrd' is missing or damaged"):
        open_scene(changed(a_scene, cut))
    assert open_work() and left_over() == []


def test_what_fails_only_here_leaves_what_was_open(a_scene: Path, open_work, monkeypatch) -> None:
    monkeypatch.setattr(scenes, "ask", lambda *_: "")  # as if memory had been short only here

    def without(name: str, data: bytes) -> bytes:
        return b"NRRD0004\n\n" if name.endswith("ball.nrrd") else data

    slices = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    slices.SetDescription("mine")
    with pytest.raises(InputError, match="missing or damaged"):
        open_scene(changed(a_scene, without))
    assert open_work() and slices.GetDescription() == "mine"


def test_a_crash_of_the_reader_is_told_and_what_was_open_stays(a_scene: Path, open_work, monkeypatch) -> None:
    def crash(*_: object) -> str:
        raise Died("the library that reads it ended with signal 6")

    monkeypatch.setattr(scenes, "ask", crash)
    with pytest.raises(InputError, match="signal 6"):
        open_scene(a_scene)
    assert open_work() and left_over() == []


@pytest.mark.skipif(os.name != "posix", reason="The path is one of Unix.")
def test_files_of_the_machine_are_not_read(a_scene: Path, open_work) -> None:
    def elsewhere(name: str, data: bytes) -> bytes:
        return data.replace(b'fileName="Data/ball.nrrd"', b'fileName="/etc/passwd"')

    with pytest.raises(InputError, match="'/etc/passwd' outside its folder"):
        open_scene(changed(a_scene, elsewhere))
    assert open_work() and left_over() == []
