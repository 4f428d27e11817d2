"""DICOM as scanners, archives and other programs leave it, made in code, and what MVG does with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import RLELossless, generate_uid

from MVGCore.prompts import PromptSet
from MVGCore.volume import LabelMap, Volume, read_labelmap, read_volume, write_labelmap
from Testing.core.volume.dicom.builder import (
    ORIGIN,
    base,
    ct_slice,
    enhanced,
    ramp,
    save,
    segmentation,
    stack,
    structures,
    ultrasound,
    xray,
)
from Testing.formats.situations import Situation

OBLIQUE = [1.0, 0.0, 0.0, 0.0, float(np.cos(np.deg2rad(20))), float(np.sin(np.deg2rad(20)))]
CORONAL = [1, 0, 0, 0, 0, -1]
OTHER = generate_uid(entropy_srcs=["another series"])
MASK = np.eye(5, 7, dtype=np.uint8)
COLOURS = np.arange(105, dtype=np.uint8).reshape(5, 7, 3)


def read(folder: Path, series: str | None = None) -> str:
    """Reads a folder and says what it became."""
    volume = read_volume(folder, series)
    k, j, i = volume.array.shape
    spacing = " x ".join(f"{each:.3g}" for each in volume.geometry.spacing)
    words = f"read as {i} x {j} x {k} voxels of {spacing} mm, {volume.array.dtype}"
    return words + ("" if volume.geometry.orthogonal else ", sheared")


def series(slices: list[Any], *more: Any, **how: Any) -> Callable[[Path], str]:
    """A folder with a series and perhaps other files."""

    def use(folder: Path) -> str:
        save(folder, slices, **how)
        save(folder, more, name="MORE")
        return read(folder)

    return use


def values(**of_slices: Any) -> Callable[[Path], str]:
    """A series whose slices have other values of attributes."""
    return series(stack(ramp(), **of_slices))


def phases(folder: Path) -> str:
    for number in (1, 2):
        save(folder, stack(ramp() + 1000 * number, AcquisitionNumber=number), name=f"P{number}-")
    return read(folder)


def unequal(folder: Path) -> str:
    heights = (0, 2, 4, 6.7, 9.2, 11)
    slices = [ct_slice(each, (0, 0, z), k) for k, (each, z) in enumerate(zip(ramp(), heights, strict=True))]
    return series(slices)(folder)


def among_junk(folder: Path) -> str:
    (folder / "notes").write_text("dictated " * 40)
    (folder / "Thumbs.db").write_bytes(bytes(range(256)))
    return series(stack(ramp()), ending="")(folder)


def compressed(folder: Path) -> str:
    slices = stack(ramp())
    for each in slices:
        each.compress(RLELossless, generate_instance_uid=False)
    return series(slices)(folder)


def damaged(folder: Path) -> str:
    save(folder, stack(ramp()))
    for name in ("IM0001.dcm", "IM0004.dcm"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-30])
    return read(folder)


def promising(folder: Path) -> str:
    return series([base("1.2.840.10008.5.1.4.1.1.2", Rows=30000, Columns=30000, PixelData=bytes(2000))])(
        folder
    )


def colour() -> Any:
    return ct_slice(
        ramp(1)[0], ORIGIN, 1, PhotometricInterpretation="RGB", SamplesPerPixel=3, PixelData=bytes(210)
    )


def xrays(folder: Path) -> str:
    save(folder, [xray(ramp(1) + n, n, (0.2, 0.2)) for n in (1, 2)])
    return read(folder / "IM0001.dcm")


def film() -> Any:
    return base(
        "1.2.840.10008.5.1.4.1.1.3.1",
        Rows=5,
        Columns=7,
        NumberOfFrames=6,
        FrameTime=40,
        PixelData=ramp().tobytes(),
    )


def labels(data: Any) -> Callable[[Path], str]:
    """A file of labels beside a series, taken as examples."""

    def use(folder: Path) -> str:
        image = read_volume(save(folder / "ct", stack(ramp())))
        few = read_labelmap(save(folder, [data], name="labels") / "labels0000.dcm", image.geometry)
        found = PromptSet.from_labelmap(image, few, axis=0)
        names = ", ".join(f"{each.name} ({each.id})" for each in found.classes)
        return f"examples: slices {', '.join(str(each.index) for each in found.prompts)}; classes {names}"

    return use


def ring(k: int, radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x, y = 1.5 + radius * np.cos(angles), 1.6 + radius * np.sin(angles)
    return np.stack([x, y, np.full(60, 2.0 * k)], axis=1) + ORIGIN


def dot(k: int) -> np.ndarray:
    return ring(k, 0.01) + (0.2, 0.2, 0)


def contours_alone(folder: Path) -> str:
    file = save(folder / "far" / "away", [structures({"liver": [ring(1, 1)]}, OTHER)]) / "IM0000.dcm"
    read_labelmap(file)
    return "READ"


def written(source: str | None, **of_slices: Any) -> Callable[[Path], str]:
    """Labels written as DICOM for a series."""

    def use(folder: Path) -> str:
        image = read_volume(save(folder / "ct", stack(ramp(), **of_slices)))
        write_labelmap(folder / "out.dcm", few_on(image), folder / source if source else None)
        return "written with coded segments and references to its slices, and read back"

    return use


def few_on(image: Volume) -> LabelMap:
    array = np.zeros(image.array.shape, np.uint8)
    array[2:4, 1:3, 1:4] = 1
    return LabelMap.of(array, image.geometry)


def _without_positions() -> list[Any]:
    slices = stack(ramp())
    for each in slices:
        del each.ImagePositionPatient
    return slices


SITUATIONS: dict[str, tuple[Situation, ...]] = {
    "DICOM images": (
        Situation(
            "several series in a folder",
            series(stack(ramp()), *stack(ramp(4), SeriesInstanceUID=OTHER, SeriesDescription="Lung")),
        ),
        Situation("two time points in one series", phases),
        Situation("every slice twice", series(stack(ramp()), *stack(ramp(), AcquisitionNumber=2))),
        Situation(
            "a localizer under the same series",
            series(stack(ramp()), ct_slice(ramp(1)[0], ORIGIN, 9, ImageOrientationPatient=CORONAL)),
        ),
        Situation("two slices missing", series([stack(ramp(8))[k] for k in (0, 1, 2, 5, 6, 7)])),
        Situation("unequal distances", unequal),
        Situation("tilted gantry", values(ImageOrientationPatient=OBLIQUE)),
        Situation(
            "enhanced multi-frame, frames in any order", series([enhanced(ramp(), [3, 0, 5, 1, 4, 2])])
        ),
        Situation("slope and intercept differ per slice", values(RescaleSlope=lambda k: f"{0.5 + k / 8}")),
        Situation("positions unknown", series(_without_positions())),
        Situation("MONOCHROME1", values(PhotometricInterpretation="MONOCHROME1")),
        Situation("names burnt in", values(BurnedInAnnotation="YES")),
        Situation("compressed (run lengths)", compressed),
        Situation("files without endings among others", among_junk),
        Situation("damaged slices", damaged),
        Situation("a header that promises more than the file holds", promising),
        Situation("colour", series([colour()])),
        Situation("an X-ray (CR, DX, MG) among others", xrays),
        Situation("a frame of ultrasound in colour", series([ultrasound(COLOURS)])),
        Situation("a film", series([film()])),
        Situation("a mosaic", values(ImageType=["ORIGINAL", "PRIMARY", "MOSAIC"])),
    ),
    "DICOM labels": (
        Situation(
            "binary segmentation, empty frames left out", labels(segmentation([(4, 2, MASK), (1, 1, MASK)]))
        ),
        Situation("fractional segmentation", labels(segmentation([(4, 1, MASK * 200)], "FRACTIONAL"))),
        Situation("label map segmentation", labels(segmentation([(4, 0, MASK * 3)], "LABELMAP"))),
        Situation("overlapping segments", labels(segmentation([(2, 1, MASK), (2, 2, MASK)]))),
        Situation("structure set", labels(structures({"liver": [ring(1, 1), ring(4, 1)]}))),
        Situation(
            "structure with a contour smaller than a voxel", labels(structures({"v": [ring(1, 1), dot(4)]}))
        ),
        Situation("structure set without its image", contours_alone),
        Situation("result as `out.dcm`, of a DICOM series", written("ct")),
        Situation("result as `out.dcm`, of another image", written(None)),
        Situation("result as `out.dcm`, of a series without UIDs", written("ct", StudyInstanceUID="")),
    ),
}
