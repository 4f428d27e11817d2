"""Pixels of DICOM files as devices write them: compressed, coloured, damaged, promising too much."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from MVGCore.errors import InputError
from MVGCore.volume import read_volume
from Testing.core.volume.dicom.builder import (
    ORIGIN,
    base,
    compressed,
    ct_slice,
    ramp,
    read,
    save,
    stack,
    ultrasound,
)


def test_slopes_that_differ_per_slice_are_read_as_float(tmp_path: Path) -> None:
    volume, _ = read(
        save(
            tmp_path / "s",
            stack(ramp(), RescaleSlope=lambda k: f"{0.5 + k / 8}", RescaleIntercept=lambda k: k),
        )
    )
    slopes = np.array([0.5 + k / 8 for k in range(6)])[:, None, None]
    assert volume.array.dtype == np.float32
    assert np.allclose(volume.array, ramp() * slopes + np.arange(6)[:, None, None])


def test_whole_slopes_stay_whole_numbers(tmp_path: Path) -> None:
    volume, _ = read(
        save(tmp_path / "s", stack(ramp(), RescaleSlope=lambda k: k + 1, RescaleIntercept=-1024))
    )
    assert volume.array.dtype.kind == "i"
    assert np.array_equal(volume.array, ramp().astype(int) * np.arange(1, 7)[:, None, None] - 1024)


def test_bits_above_those_that_count_are_left_out(tmp_path: Path) -> None:
    pixels = ramp().astype(np.uint16)
    slices = stack(pixels | 0xF000, BitsStored=12, HighBit=11, PixelRepresentation=0)
    assert np.array_equal(read_volume(save(tmp_path / "u", slices)).array, pixels)
    signed = stack((ramp() - 300) & 0x0FFF, BitsStored=12, HighBit=11)
    assert np.array_equal(read_volume(save(tmp_path / "s", signed)).array, ramp() - 300)


def test_monochrome1_and_burnt_in_names_are_told(tmp_path: Path) -> None:
    values = {"PhotometricInterpretation": "MONOCHROME1", "BurnedInAnnotation": "YES"}
    volume, said = read(save(tmp_path / "s", stack(ramp(), **values)))
    assert np.array_equal(volume.array, ramp())
    assert "MONOCHROME1" in said and "text burnt into" in said


def test_colour_and_films_are_refused(tmp_path: Path) -> None:
    colour = ct_slice(
        ramp(1)[0],
        ORIGIN,
        1,
        PhotometricInterpretation="RGB",
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PixelData=bytes(5 * 7 * 3 * 2),
    )
    with pytest.raises(InputError, match="in colour"):
        read_volume(save(tmp_path / "c", [colour]))
    film = base(
        "1.2.840.10008.5.1.4.1.1.3.1",
        Rows=5,
        Columns=7,
        NumberOfFrames=6,
        FrameTime=40,
        PixelData=ramp().tobytes(),
    )
    with pytest.raises(InputError, match="film"):
        read_volume(save(tmp_path / "f", [film]))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_series(tmp_path: Path, syntax: str) -> None:
    pixels = ramp().astype(np.uint16)
    assert np.array_equal(read_volume(save(tmp_path / "s", compressed(pixels, syntax))).array, pixels)


def test_what_pydicom_cannot_decode_itk_does() -> None:
    """JPEG Lossless is the usual compression of CT, and pydicom has no decoder for it of a free licence."""
    from pydicom.data import get_testdata_file

    from MVGCore.volume.dicom.decoders import _by_itk, frame_of
    from MVGCore.volume.dicom.files import read_header, read_whole
    from MVGCore.volume.dicom.planes import planes_of

    for name in ("MR_small_RLE.dcm", "JPEG2000.dcm"):
        file = Path(str(get_testdata_file(name)))
        (plane,) = planes_of(file, read_header(file))
        assert np.array_equal(_by_itk(read_whole(file), plane), frame_of(read_whole(file), plane))


def test_damaged_slices_are_never_left_out_silently(tmp_path: Path) -> None:
    for number, part in enumerate((0.05, 0.3, 0.9, 0.99)):
        folder = save(tmp_path / str(number), stack(ramp(6, 30, 30)))
        for name in ("IM0001.dcm", "IM0004.dcm"):
            whole = (folder / name).read_bytes()
            (folder / name).write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(InputError, match=r"2 files in .* are damaged \(IM0001.dcm, IM0004.dcm"):
            read_volume(folder)
        with pytest.raises(InputError, match="damaged"):
            read_volume(folder / "IM0001.dcm")


def test_files_of_nothing_that_are_named_as_slices_are_damage(tmp_path: Path) -> None:
    for number, content in enumerate((b"", bytes(4000))):
        folder = save(tmp_path / str(number), stack(ramp()))
        (folder / "IM0005.dcm").write_bytes(content)  # the last one: the others have no gap
        with pytest.raises(InputError, match="IM0005.dcm' is damaged"):
            read_volume(folder)


def test_a_compression_that_nothing_decodes_is_named(tmp_path: Path) -> None:
    slices = stack(ramp())
    for each in slices:
        each.PixelData = encapsulate([bytes(200)])
        each["PixelData"].is_undefined_length = True
        each.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    with pytest.raises(InputError, match="MPEG2 .* cannot decode"):
        read_volume(save(tmp_path / "s", slices))


def test_floating_point_pixels(tmp_path: Path) -> None:
    slices = stack(ramp(), BitsAllocated=32)
    for each, values in zip(slices, ramp(), strict=True):
        del each.PixelData, each.BitsStored, each.HighBit, each.PixelRepresentation
        each.FloatPixelData = (values / np.float32(7)).tobytes()
    volume = read_volume(save(tmp_path / "s", slices))
    assert volume.array.dtype == np.float32 and np.array_equal(volume.array, ramp() / np.float32(7))


def test_headers_that_promise_too_much_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    huge = {"Rows": 30000, "Columns": 30000, "PixelData": bytes(2000)}
    with pytest.raises(InputError, match="promises 1,800,000,000 bytes of pixels and holds 2,000"):
        read_volume(save(tmp_path / "raw", [base("1.2.840.10008.5.1.4.1.1.2", **huge)]))
    packed = base("1.2.840.10008.5.1.4.1.1.2", **{**huge, "PixelData": encapsulate([bytes(2000)])})
    packed["PixelData"].is_undefined_length = True
    packed.file_meta.TransferSyntaxUID = RLELossless
    with pytest.raises(InputError, match="promise 900,000,000 pixels"):
        read_volume(save(tmp_path / "packed", [packed]))


def test_scales_and_directions_that_cannot_be(tmp_path: Path) -> None:
    for number, values in enumerate(
        ({"RescaleSlope": 0}, {"PixelSpacing": [0, 1]}, {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]})
    ):
        with pytest.raises(InputError, match="damaged"):
            read_volume(save(tmp_path / str(number), stack(ramp(), **values)))


def test_ultrasound_in_colour_becomes_shades_of_grey(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    image, said = read(save(tmp_path / "x", [ultrasound(colours)]))
    assert "luminance" in said
    assert np.abs(image.array[0] - colours @ np.array([0.299, 0.587, 0.114])).max() <= 0.51


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_elements_that_promise_gigabytes_take_none(tmp_path: Path, syntax: str) -> None:
    """Python takes the memory that it is asked for before it reads."""
    folder = save(tmp_path / "s", stack(ramp(), PatientComments="x" * 20_000))
    file = folder / "IM0002.dcm"
    data = file.read_bytes()
    for element in (b"\x20\x00\x10\x00SH", b"\x10\x00\x00\x40LT"):  # StudyID, PatientComments
        place = data.find(element)
        assert place > 0
        file.write_bytes(data[: place + 4] + b"UN\0\0\xf0\xff\xff\xff" + data[place + 8 :])
        tracemalloc.start()
        with pytest.raises(InputError, match="damaged"):
            read_volume(folder)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 50 << 20


def test_a_decoder_that_crashes_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slices = stack(ramp())
    for each in slices:
        each.compress(RLELossless, generate_instance_uid=False)
    folder = save(tmp_path / "s", slices)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, os\n"
        "if 'MVGCore.volume.dicom.apart' in sys.orig_argv:\n"
        "    import MVGCore.volume.dicom.decoders as decoders\n"
        "    decoders.frame_of = lambda *_: os.kill(os.getpid(), 11)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"cannot be decoded \(.*signal 11\); a file may be damaged"):
        read_volume(folder)


def test_numbers_that_do_not_begin_at_the_lowest_bit(tmp_path: Path) -> None:
    """Files before 2006 may have them in the upper bits."""
    pixels = ramp() - 300
    raised = (pixels.astype(np.int32) << 4).astype(np.uint16).view(np.int16)
    folder = save(tmp_path / "s", stack(raised, BitsStored=12, HighBit=15))
    assert np.array_equal(read_volume(folder).array, pixels)
    plain = save(tmp_path / "p", stack(pixels, BitsStored=12, HighBit=99))  # no such bit
    assert np.array_equal(read_volume(plain).array, pixels)
