"""The sample data: what the module registers is what lies there, and what its script makes."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np
import pytest

from MVGCore.volume import read_segmentation, read_volume
from MVGLib.host import sampledata

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "MVGSlicerExtension" / "MVG" / "Resources" / "SampleData"


class FakeSampleDataLogic:
    """Has the method of Slicer's class, with the arguments that it accepts from 5.6 on."""

    registered: list[dict[str, Any]] = []

    @classmethod
    def registerCustomSampleDataSource(
        cls,
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFiles: Any = None,
        loadFileProperties: Any = None,
        checksums: Any = None,
    ) -> None:
        cls.registered.append(dict(locals()))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = ROOT / "Resources" / "SampleData" / "make_phantom.py"
    spec = importlib.util.spec_from_file_location("make_phantom", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", sampledata.PHANTOM, ids=lambda file: file.name)
def test_shipped_files_have_their_registered_checksums(file: sampledata.SampleFile) -> None:
    assert hashlib.sha256((FOLDER / file.name).read_bytes()).hexdigest() == file.sha256
    assert Path(unquote(urlparse(file.uri).path)) == FOLDER / file.name


def test_nothing_else_is_shipped() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {file.name for file in sampledata.PHANTOM}


def test_downloads_are_addressed_by_their_checksum() -> None:
    for file in sampledata.MR_HEAD:
        assert file.uri == sampledata.SLICER_DATA + file.sha256 and len(file.sha256) == 64


def test_the_script_makes_the_shipped_files(script: ModuleType) -> None:
    image, few = script.make()
    shipped = read_volume(FOLDER / "MVGPhantom.nrrd")
    np.testing.assert_array_equal(shipped.array, image.array)
    assert shipped.geometry == image.geometry
    labels = read_segmentation(FOLDER / "MVGPhantomSlices.seg.nrrd").to_labelmap()
    np.testing.assert_array_equal(labels.array, few.array)
    assert [each.name for each in labels.classes] == [each.name for each in script.CLASSES]


def test_some_slices_are_labelled_and_show_every_class(script: ModuleType) -> None:
    _, few = script.make()
    labelled = tuple(np.flatnonzero(few.array.any(axis=(1, 2))).tolist())
    assert labelled == script.LABELLED
    assert few.ids == (1, 2, 3)


def test_registering_names_files_types_and_checksums() -> None:
    FakeSampleDataLogic.registered = []
    sampledata.register(FakeSampleDataLogic)
    phantom, head = FakeSampleDataLogic.registered
    assert phantom["category"] == head["category"] == "MVG"
    assert phantom["loadFileTypes"] == ["VolumeFile", "SegmentationFile"]
    assert all(value.startswith("SHA256:") for value in phantom["checksums"] + head["checksums"])
    lengths = {len(phantom[name]) for name in ("uris", "fileNames", "nodeNames", "checksums")}
    assert lengths == {2}
