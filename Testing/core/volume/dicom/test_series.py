"""Series as scanners, archives and people leave them: right place, right values, or one sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.uid import (
    generate_uid,
)

from MVGCore.errors import InputError
from MVGCore.volume import Volume, read_volume
from MVGCore.volume.dicom import is_picture, list_series
from Testing.core.volume.dicom.builder import (
    AXIAL,
    ORIGIN,
    base,
    ct_slice,
    enhanced,
    item,
    ramp,
    read,
    save,
    stack,
    xray,
)


def place(volume: Volume, k: int) -> NDArray[np.float64]:
    return volume.geometry.index_to_world((0, 0, k))


def test_a_plain_series(tmp_path: Path) -> None:
    pixels = ramp()
    volume, said = read(save(tmp_path / "s", reversed(stack(pixels))))
    assert np.array_equal(volume.array, pixels) and volume.array.dtype == np.int16
    assert np.allclose(volume.geometry.affine_lps[:3], [[0.5, 0, 0, -10], [0, 0.8, 0, -20], [0, 0, 2, 5]])
    assert (volume.modality, said) == ("CT", "")
    assert np.array_equal(read_volume(tmp_path / "s" / "IM0003.dcm").array, pixels)


def test_files_without_endings_among_junk(tmp_path: Path) -> None:
    folder = save(tmp_path / "s", stack(ramp()), ending="")
    (folder / "notes.txt").write_text("hello " * 60)
    (folder / "Thumbs.db").write_bytes(bytes(range(256)) * 4)
    (folder / "empty").touch()
    bare = folder / "IM0002"
    bare.write_bytes(bare.read_bytes()[132:])  # older programs leave out the preamble
    volume, said = read(folder)
    assert np.array_equal(volume.array, ramp()) and not said


def test_several_series_are_listed_and_chosen(tmp_path: Path) -> None:
    other = generate_uid()
    save(tmp_path / "a", stack(ramp()))
    save(
        tmp_path / "b", stack(ramp(4) + 7, SeriesInstanceUID=other, SeriesNumber=9, SeriesDescription="Lung")
    )
    with pytest.raises(InputError, match=r"--series NUMBER.*1: Thorax .* 6 slices.*2: Lung .* 4 slices"):
        read_volume(tmp_path)
    for expected in (2, "2", other, "lung"):
        assert read_volume(tmp_path, series=expected).array.shape[0] == 4
    for expected in (3, "CT", "nothing"):
        with pytest.raises(InputError, match="no series|2 series"):
            read_volume(tmp_path, series=expected)
    assert read_volume(tmp_path / "b").array.shape[0] == 4


def test_a_localizer_under_the_same_series_is_left_out(tmp_path: Path) -> None:
    coronal = [1, 0, 0, 0, 0, -1]
    for number, kind in enumerate((["ORIGINAL", "PRIMARY", "LOCALIZER"], ["DERIVED", "SECONDARY"])):
        scout = ct_slice(ramp(1)[0], ORIGIN, 0, ImageOrientationPatient=coronal, ImageType=kind)
        volume, said = read(save(tmp_path / str(number), [scout, *stack(ramp())]))
        assert np.array_equal(volume.array, ramp())
        assert "left out, though under the same series: Thorax  ·  CT  ·  1 slice" in said


@pytest.mark.parametrize("trait", ["AcquisitionNumber", "TemporalPositionIdentifier", "EchoTime", None])
def test_phases_are_a_choice(tmp_path: Path, trait: str | None) -> None:
    slices = []
    for phase in (1, 2, 3):
        values: dict[str, Any] = {"InstanceNumber": lambda k, phase=phase: 10 * phase + k}
        if trait:
            values[trait] = phase
        slices += stack(ramp() + 1000 * phase, **values)
    folder = save(tmp_path / "s", slices)
    with pytest.raises(InputError, match=r"phase 1 of 3 at the same positions.*phase 3 of 3"):
        read_volume(folder)
    for phase in (1, 2, 3):
        volume, _ = read(folder, phase)
        assert np.array_equal(volume.array, ramp() + 1000 * phase)
        assert volume.geometry.spacing[2] == pytest.approx(2)
    # A file of a phase stands for it.
    assert np.array_equal(read_volume(folder / "IM0008.dcm").array, ramp() + 2000)


def test_two_traits_tell_phases_apart_together(tmp_path: Path) -> None:
    slices = []
    for echo in (1, 2):
        for time in (1, 2):
            slices += stack(ramp() + 1000 * echo + 100 * time, EchoTime=echo, TemporalPositionIdentifier=time)
    listing = list_series(save(tmp_path / "s", slices))
    assert [each.count for each in listing] == [6] * 4
    assert "TemporalPositionIdentifier 2, EchoTime 1" in listing[2].text


def test_copies_are_taken_once(tmp_path: Path) -> None:
    folder = save(tmp_path / "s", stack(ramp()))
    save(folder, stack(ramp(), AcquisitionNumber=2)[:4], name="again")
    volume, said = read(folder)
    assert np.array_equal(volume.array, ramp()) and "4 slices are there more than once" in said


def test_missing_slices_are_named_and_the_others_keep_their_place(tmp_path: Path) -> None:
    slices = stack(ramp(9))
    volume, said = read(save(tmp_path / "s", [slices[k] for k in (0, 1, 2, 5, 6, 8)]))
    assert volume.array.shape[0] == 9 and "3 of 9 slices are missing (counted from 0: 3, 4, 7)" in said
    assert np.array_equal(volume.array, ramp(9))  # a ramp is what interpolation gives
    assert np.allclose(place(volume, 5), [-10, -20, 15])


def test_unequal_distances_are_made_equal(tmp_path: Path) -> None:
    heights = [0, 2.0, 4.0, 6.7, 9.2, 11.0]
    pixels = np.stack([np.full((5, 7), 10 * height) + np.arange(7) for height in heights]).astype(np.int16)
    slices = [ct_slice(pixels[k], (0, 0, height), k) for k, height in enumerate(heights)]
    volume, said = read(save(tmp_path / "s", slices))
    assert "the distances of the slices are unequal (1.8 to 2.7 mm)" in said
    for k in range(len(volume.array)):
        assert volume.array[k, 0, 0] == pytest.approx(10 * place(volume, k)[2], abs=1)


def test_distances_that_no_grid_fits_are_refused(tmp_path: Path) -> None:
    for number, step in enumerate((lambda k: (0, 0, 0.01 * 10**k), lambda k: (5 * (k % 2), 0, 2 * k))):
        slices = [ct_slice(each, step(k), k) for k, each in enumerate(ramp())]
        with pytest.raises(InputError, match="too unequal|one behind the other"):
            read_volume(save(tmp_path / str(number), slices))


@settings(max_examples=12, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    tilt=st.floats(-0.5, 0.5),
    spacing=st.tuples(*[st.floats(0.05, 5)] * 3),
    order=st.permutations(range(4)),
)
def test_every_slice_lies_where_its_file_says(
    tmp_path_factory: pytest.TempPathFactory,
    angles: tuple[float, ...],
    tilt: float,
    spacing: tuple[float, ...],
    order: list[int],
) -> None:
    from scipy.spatial.transform import Rotation

    axes = Rotation.from_euler("xyz", angles).as_matrix()
    step = spacing[2] * (axes[:, 2] + tilt * axes[:, 1])
    pixels = ramp(4)
    slices = stack(
        pixels,
        step,
        ImageOrientationPatient=[float(f"{value:.8f}") for value in axes[:, :2].T.ravel()],
        PixelSpacing=[float(f"{value:.6f}") for value in spacing[:2]],
    )
    volume, said = read(save(tmp_path_factory.mktemp("s"), [slices[k] for k in order]))
    assert np.array_equal(volume.array, pixels)
    assert ("sheared" in said) == (abs(np.degrees(np.arctan(tilt))) > 0.1) or abs(tilt) < 0.003
    for k, each in enumerate(slices):
        assert np.allclose(place(volume, k), each.ImagePositionPatient, atol=1e-3)
    row = volume.geometry.index_to_world((1, 0, 0)) - place(volume, 0)
    assert np.allclose(row, spacing[1] * axes[:, 0], atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(6)))
def test_frames_in_any_order(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    file = tmp_path_factory.mktemp("s") / "e.dcm"
    enhanced(ramp(), order).save_as(file, enforce_file_format=True)
    volume, said = read(file)
    assert np.array_equal(volume.array, ramp() - 1000) and not said
    assert np.allclose(place(volume, 5), [-10, -20, 15])


def test_pictures_beside_the_slices_are_no_choice(tmp_path: Path) -> None:
    pictures = stack(ramp(2) + 9, Modality="OT", SeriesInstanceUID="1.2.3")
    for each in pictures:
        del each.ImagePositionPatient
    mosaic = stack(ramp(3), ImageType=["ORIGINAL", "PRIMARY", "MOSAIC"], SeriesInstanceUID="1.2.4")
    folder = save(save(tmp_path / "s", stack(ramp())), [*pictures, *mosaic], name="other")
    assert np.array_equal(read_volume(folder).array, ramp())
    with pytest.raises(InputError, match="side by side"):
        read_volume(folder, "1.2.4")


def test_unknown_positions_are_told(tmp_path: Path) -> None:
    slices = stack(ramp())
    for each in slices:
        del each.ImagePositionPatient, each.PixelSpacing
    volume, said = read(save(tmp_path / "s", slices))
    assert np.array_equal(volume.array, ramp())
    assert "positions of the slices are unknown" in said and "size of the pixels is unknown" in said


def test_a_dose_grid_with_offsets(tmp_path: Path) -> None:
    dose = base(
        "1.2.840.10008.5.1.4.1.1.481.2",
        Modality="RTDOSE",
        NumberOfFrames=6,
        Rows=5,
        Columns=7,
        ImagePositionPatient=list(ORIGIN),
        ImageOrientationPatient=list(AXIAL),
        PixelSpacing=[0.8, 0.5],
        GridFrameOffsetVector=[0, 3, 6, 9, 12, 15],
        DoseGridScaling="0.01",
        PixelData=ramp().tobytes(),
    )
    volume, _ = read(save(tmp_path / "s", [dose]) / "IM0000.dcm")
    assert np.allclose(volume.array, ramp() / 100) and volume.geometry.spacing == pytest.approx((0.5, 0.8, 3))


def test_the_list_of_contents_of_a_disc_stands_for_its_folder(tmp_path: Path) -> None:
    save(tmp_path / "IMAGES", stack(ramp()), ending="")
    contents = base("1.2.840.10008.1.3.10")
    contents.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    for path in (tmp_path, tmp_path / "DICOMDIR"):
        assert np.array_equal(read_volume(path).array, ramp())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("pipe", "pipe.dcm"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="pipe"):
            read_volume(tmp_path / name)


def test_segments_are_no_image(tmp_path: Path) -> None:
    segments = base("1.2.840.10008.5.1.4.1.1.66.4", Rows=5, Columns=7, PixelData=bytes(70))
    folder = save(tmp_path / "s", [segments])
    with pytest.raises(InputError, match="give it as labels"):
        read_volume(folder / "IM0000.dcm")
    with pytest.raises(InputError, match="holds no DICOM series"):
        read_volume(folder)


def test_items_of_other_frames_are_damage(tmp_path: Path) -> None:
    short = enhanced(ramp(), range(6))
    short.PerFrameFunctionalGroupsSequence = short.PerFrameFunctionalGroupsSequence[:4] or [item()]
    with pytest.raises(InputError, match="another number of frames"):
        read_volume(save(tmp_path / "s", [short]) / "IM0000.dcm")


def test_each_xray_of_a_folder_is_a_picture_of_its_own(tmp_path: Path) -> None:
    pictures = [xray(ramp(1) + n, n, (0.2, 0.3)) for n in range(2)]
    save(tmp_path / "x", pictures)
    for n, file in enumerate(sorted((tmp_path / "x").iterdir())):
        image, said = read(file)
        assert np.array_equal(image.array, ramp(1) + n) and not said
        assert image.geometry.spacing[:2] == (0.3, 0.2) and is_picture(file)
