"""Opening, saving, dropping, DICOM, scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from PyQt5 import QtCore, QtGui, QtWidgets

from MVGCore.volume import (
    Geometry,
    LabelMap,
    SegmentClass,
    Volume,
    read_segmentation,
    read_volume,
    write_labelmap,
    write_volume,
)
from MVGCore.volume.dicom import list_series
from MVGDesktop.files.dicom import SeriesChooser
from MVGDesktop.files.opening import Kind, open_file
from Testing.core.volume.dicom.builder import enhanced, ramp, save, stack
from Testing.core.volume.dicom.builder import segmentation as dicom_segmentation
from Testing.desktop.acting import answering
from Testing.desktop.conftest import settle

pytestmark = pytest.mark.display


@pytest.fixture
def image_file(a_volume: Volume, tmp_path: Path) -> Path:
    path = tmp_path / "Bild mit Leerzeichen é.nii.gz"
    write_volume(path, a_volume)
    return path


@pytest.fixture
def labels(a_volume: Volume) -> LabelMap:
    array = np.zeros(a_volume.array.shape, np.uint8)
    array[12, 20:40, 20:40], array[14, 10:20, 10:20] = 3, 7
    classes = [SegmentClass(3, "ball", (1, 0.5, 0)), SegmentClass(7, "box", (0, 0.5, 1))]
    return LabelMap.of(array, a_volume.geometry, classes)


def drop(window, *paths: Path) -> None:
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(path)) for path in paths])
    place, keys = QtCore.QPoint(700, 400), QtCore.Qt.NoModifier
    arguments = (QtCore.Qt.CopyAction, data, QtCore.Qt.LeftButton, keys)
    QtWidgets.QApplication.sendEvent(window, QtGui.QDragEnterEvent(place, *arguments))
    QtWidgets.QApplication.sendEvent(window, QtGui.QDropEvent(QtCore.QPointF(place), *arguments))


def shown_labels(window) -> np.ndarray:
    from MVGDesktop.files.nodes import segmentation_of

    return segmentation_of(window.document.segmentation).to_labelmap().array


def test_files_that_are_dropped_are_opened(
    window, image_file, labels, a_volume, tmp_path, application
) -> None:
    few = tmp_path / "few.seg.nrrd"
    write_labelmap(few, labels)
    assert window._stack.currentIndex() == 0
    drop(window, image_file, few)
    settle(application)
    assert window._stack.currentIndex() == 1
    assert np.array_equal(slicer.util.arrayFromVolume(window.document.volume), a_volume.array)
    assert np.array_equal(shown_labels(window), labels.array)
    assert window.segments.table.item(0, 2).text() == "ball"
    view = window.panel.controller.view()
    assert (view.volume_id, view.partner_id) == (window.document.volume_id, window.document.segmentation_id)
    assert not window.document.unsaved.ids()


@pytest.mark.parametrize("ending", [".seg.nrrd", ".nii.gz", ".nrrd", ".mha"])
def test_labels_are_saved_bit_for_bit(window, image_file, labels, tmp_path, ending: str) -> None:
    window.filing.open(image_file)
    few = tmp_path / "few.seg.nrrd"
    write_labelmap(few, labels)
    window.filing.open(few)
    target = tmp_path / f"out{ending}"
    assert window.keeper.save_to(target)
    again = read_segmentation(target).to_labelmap()
    assert np.array_equal(again.array, labels.array) and again.geometry.is_close(labels.geometry)
    if ending == ".seg.nrrd":
        assert [(each.name, each.color) for each in again.classes] == [
            (each.name, pytest.approx(each.color)) for each in labels.classes
        ]


def test_plain_label_maps_are_recognised_when_an_image_is_open(window, image_file, labels, tmp_path) -> None:
    plain = tmp_path / "labels.nii.gz"
    write_labelmap(plain, labels)
    window.filing.open(image_file)
    window.filing.open(plain)
    assert window.document.segmentation.GetName() == "labels"
    assert np.array_equal(shown_labels(window), labels.array)


def test_a_scene_keeps_everything(window, image_file, labels, a_volume, tmp_path, application) -> None:
    few, scene = tmp_path / "few.seg.nrrd", tmp_path / "Szene é 1.mrb"
    write_labelmap(few, labels)
    window.filing.open(image_file)
    window.filing.open(few)
    window.panel.controller.examples.add_all_labelled()
    assert window.keeper.save_to(scene)
    slicer.mrmlScene.Clear(False)
    settle(application)
    assert window.document.volume is None and window._stack.currentIndex() == 0
    assert window.filing.open(scene)
    settle(application, 200)
    assert np.array_equal(slicer.util.arrayFromVolume(window.document.volume), a_volume.array)
    assert np.array_equal(shown_labels(window), labels.array)
    assert len(window.panel.controller.view().examples) == 2
    axial = window.views.panels[0]
    assert axial.grid is not None and axial.slider.maximum() == 23
    assert axial.view.picture().pixelColor(axial.view.rect().center()).lightness() > 100


def test_damaged_files_are_told_and_change_nothing(window, tmp_path: Path, caplog) -> None:
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"nothing of that kind")
    assert not window.filing.open(bad)
    assert "has no NIfTI header" in window.statusBar().currentMessage()
    assert window.document.volume is None


def test_a_full_or_missing_folder_is_told(open_window, tmp_path: Path) -> None:
    open_window.document.need_segment()
    assert not open_window.keeper.save_to(tmp_path / "nowhere" / "x.seg.nrrd")
    assert "does not exist" in open_window.statusBar().currentMessage()
    assert open_window.document.unsaved.ids()


def write_series(folder: Path, name: str, count: int, value: int) -> None:
    """A DICOM series of `count` slices."""
    import SimpleITK as sitk

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = sitk.GetImageFromArray(np.full((1, 8, 9), value + number, np.int16))
        image.SetSpacing((1.5, 1.5, 3.0))
        for key, text in (
            ("0008|0060", "CT"),
            ("0008|103e", name),
            ("0020|000d", "1.2.3"),
            ("0020|000e", f"1.2.3.{value}"),
            ("0020|0013", str(number)),
            ("0020|0032", f"0\\0\\{3 * number}"),
            ("0020|0037", "1\\0\\0\\0\\1\\0"),
        ):
            image.SetMetaData(key, text)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{value}-{number:03}.dcm"))
        writer.Execute(image)


def test_series_of_a_folder_are_listed_and_chosen(window, tmp_path: Path) -> None:
    write_series(tmp_path / "d", "Thorax", 5, 100)
    write_series(tmp_path / "d" / "deeper", "Topogram", 2, 500)
    series = list_series(tmp_path / "d")
    assert [(each.description, each.count, each.modality) for each in series] == [
        ("Thorax", 5, "CT"),
        ("Topogram", 2, "CT"),
    ]

    def answer() -> None:
        dialog = QtWidgets.QApplication.activeModalWidget()
        assert isinstance(dialog, SeriesChooser)
        assert dialog.list.item(0).text().startswith("Thorax")
        dialog.list.setCurrentRow(1)
        dialog.accept()

    QtCore.QTimer.singleShot(100, answer)
    assert window.filing.open(tmp_path / "d")
    values = slicer.util.arrayFromVolume(window.document.volume)
    assert values.shape == (2, 8, 9) and values.min() == 500


def test_a_single_series_is_opened_without_a_question(window, tmp_path: Path) -> None:
    write_series(tmp_path / "d", "Thorax", 4, 100)
    assert window.filing.open(tmp_path / "d")
    assert np.array_equal(
        slicer.util.arrayFromVolume(window.document.volume), read_volume(tmp_path / "d").array
    )


def test_dicom_labels_are_opened_on_the_series_and_saved_for_it(window, tmp_path: Path) -> None:
    folder = save(tmp_path / "ct", stack(ramp()))
    masks = [np.eye(5, 7, k, dtype=np.uint8) for k in range(2)]
    labels = save(tmp_path, [dicom_segmentation([(4, 1, masks[0]), (1, 2, masks[1])])]) / "IM0000.dcm"
    assert window.filing.open(folder) and window.filing.open(labels)
    shown = shown_labels(window)
    assert shown.shape == (6, 5, 7)
    assert np.array_equal(shown[4] > 0, masks[0]) and np.array_equal(shown[1] > 0, masks[1])
    assert window.keeper.save_to(tmp_path / "out.dcm")
    back = read_segmentation(tmp_path / "out.dcm", read_volume(folder).geometry).to_labelmap()
    assert np.array_equal(back.array, shown) and [each.name for each in back.classes] == ["part 1", "part 2"]


def test_phases_of_one_file_are_a_choice(window, tmp_path: Path) -> None:
    both = enhanced(np.concatenate([ramp(), ramp() + 500]), [*range(12)])
    for frame, group in enumerate(both.PerFrameFunctionalGroupsSequence):
        group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 2 * (frame % 6)]
        group.FrameContentSequence[0].TemporalPositionIndex = 1 + frame // 6

    def answer() -> None:
        dialog = QtWidgets.QApplication.activeModalWidget()
        assert "phase 2 of 2" in dialog.list.item(1).text()
        dialog.list.setCurrentRow(1)
        dialog.accept()

    QtCore.QTimer.singleShot(100, answer)
    assert window.filing.open(save(tmp_path, [both]) / "IM0000.dcm")
    assert np.array_equal(slicer.util.arrayFromVolume(window.document.volume), ramp() + 500 - 1000)


def test_a_folder_without_series_is_told(window, tmp_path: Path) -> None:
    assert not window.filing.open(tmp_path)
    assert "holds no DICOM series" in window.statusBar().currentMessage()


def test_labels_of_another_grid_open_as_they_are(window, image_file, tmp_path: Path) -> None:
    array = np.zeros((4, 5, 6), np.uint8)
    array[2, 2, 2] = 1
    path = tmp_path / "other.seg.nrrd"
    write_labelmap(path, LabelMap.of(array, Geometry((4, 5, 6), (3, 3, 3))))
    window.filing.open(image_file)
    assert window.filing.open(path)
    assert window.document.voxels().grid.shape == (4, 5, 6)
    assert np.array_equal(shown_labels(window), array)


@pytest.mark.parametrize("flipped", [False, True])
def test_cropped_labels_can_be_painted_over_the_whole_image(
    window, image_file, labels, tmp_path, flipped: bool
) -> None:
    box = (slice(11, 16), slice(8, 42), slice(6, 45))
    corner = labels.geometry.index_to_world([each.start for each in box[::-1]])
    array = labels.array[box]
    crop = replace(labels.geometry, shape=array.shape, origin=tuple(corner), frames=None)
    if flipped:
        array, crop = np.flip(array, 2), crop.flipped(2)
    few = tmp_path / "few.seg.nrrd"
    write_labelmap(few, LabelMap.of(array, crop, labels.classes))
    for path in (image_file, few):
        assert window.filing.open(path)
    assert window.document.voxels().grid.shape == labels.array.shape
    assert np.array_equal(shown_labels(window), labels.array)


def test_a_nifti_result_says_of_its_place_what_its_image_says(window, tmp_path: Path) -> None:
    import nibabel as nib

    image = nib.Nifti1Image(np.arange(4 * 5 * 6, dtype=np.int16).reshape(6, 5, 4), None, dtype=np.int16)
    image.set_sform(np.diag([-0.8, -0.8, 2, 1]), 2)
    image.set_qform(np.diag([1, 1, 1, 1]), 1)
    nib.save(image, tmp_path / "image.nii.gz")
    assert window.filing.open(tmp_path / "image.nii.gz")
    window.document.add_segment()
    voxels = window.document.voxels()
    voxels.layer(0)[1, 1:3, 1:3] = 1
    assert window.keeper.save_to(tmp_path / "out.nii.gz")
    assert np.allclose(nib.load(tmp_path / "out.nii.gz").affine, image.affine)


def test_what_a_file_is(image_file: Path, application) -> None:
    opened = open_file(image_file)
    assert opened.kind is Kind.VOLUME
    slicer.mrmlScene.RemoveNode(opened.node)


def test_data_elsewhere_are_asked_about(window, a_volume: Volume, tmp_path: Path) -> None:
    write_volume(tmp_path / "x.mhd", a_volume)
    folder = tmp_path / "headers"
    folder.mkdir()
    header = (tmp_path / "x.mhd").read_text()
    data = next(tmp_path.glob("*.zraw")).name
    lines = [line for line in header.replace(data, f"../{data}").split("\n") if "checksum" not in line]
    (folder / "x.mhd").write_text("\n".join(lines))
    with answering("No") as asked:
        assert not window.filing.open(folder / "x.mhd")
    assert "outside its folder" in asked[0] and window.document.volume is None
    with answering("Yes"):
        assert window.filing.open(folder / "x.mhd")
    assert window.document.volume.GetName() == "x"
