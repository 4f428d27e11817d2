"""Files as hospitals and laboratories have them, made in code, and what MVG does with each."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd
import numpy as np
from PIL import Image

from MVGCore.errors import MVGError
from MVGCore.volume import (
    Geometry,
    LabelMap,
    Segmentation,
    SegmentClass,
    Volume,
    match_slices,
    read_segmentation,
    read_volume,
    tell_what_is_lost,
    write_segmentation,
    write_volume,
)
from MVGCore.volume.segmentation import Segment
from MVGCore.volume.trial import try_to_write

SHAPE = (6, 12, 14)
GRID = Geometry(SHAPE, (0.8, 0.8, 2.0), (-10.0, -20.0, -30.0))
SFORM = GRID.affine_ras
SHEARED = SFORM + np.array([[0, 0, 0.4, 0], [0] * 4, [0] * 4, [0] * 4])
ELSEWHERE = np.diag([0.8, 0.8, 2.0, 1.0])
ELSEWHERE[:3, 3] = -90, -50, 40
TURNED = (1, 0, 0, 0, np.cos(0.4), -np.sin(0.4), 0, np.sin(0.4), np.cos(0.4))


@dataclass(frozen=True)
class Situation:
    """One row of the table.

    Attributes:
        name: What the user has.
        use: Makes it in a folder, uses it, and says in a few words what came of it; a sentence of MVG that
            refuses it may be raised instead.
    """

    name: str
    use: Callable[[Path], str]


def outcome(situation: Situation, folder: Path) -> str:
    """What happens: a few words and the notes that the user reads, or the sentence that refuses it."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        try:
            words = situation.use(folder)
        except MVGError as error:
            words = f"refused: {error}"
    told = [f"note: {note.message}" for note in notes if issubclass(note.category, UserWarning)]
    text = " — ".join([words, *dict.fromkeys(told)])
    text = re.sub(rf"'?{re.escape(str(folder))}/([^' ]*)'?", r"`\1`", text).replace(str(folder), "folder")
    return text.replace("|", "\\|").replace("\n", " ")


def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.int16)


def few(shape: tuple[int, ...] = SHAPE, slices: tuple[int, ...] = (1, 4)) -> np.ndarray:
    array = np.zeros(shape, np.uint8)
    for index in slices:
        array[index, 2:10, 2:7], array[index, 2:10, 7:12] = 1, 2
    return array


def nifti(path: Path, array: np.ndarray, sform: Any = SFORM, codes: Any = (1, 1), **more: Any) -> Path:
    """A NIfTI file of a (K, J, I, ...) array; `more`: qform, kind, units, stored (a numpy type)."""
    made = more.get("kind", nib.Nifti1Image)(np.swapaxes(array, 0, 2), None, dtype=array.dtype)
    made.header.set_xyzt_units(more.get("units", "mm"))
    made.header.set_zooms((*np.linalg.norm(sform[:3, :3], axis=0), *[1] * (array.ndim - 3)))
    made.set_sform(sform, codes[0])
    made.set_qform(more.get("qform", sform), codes[1], strip_shears=True)
    if "stored" in more:
        made.set_data_dtype(more["stored"])
    nib.save(made, path)
    return path


def sheared_nrrd(path: Path) -> Path:
    directions = (np.diag([-1, -1, 1]) @ SHEARED[:3, :3]).T
    header = {"space": "left-posterior-superior", "space directions": directions, "space origin": [0, 0, 0]}
    nrrd.write(str(path), image(), header, index_order="C")
    return path


def placed(path: Path) -> str:
    """Reads an image, writes it as NIfTI and says where nibabel and MVG see both."""
    read = read_volume(path)
    result = path.with_name("result.nii.gz")
    tell_what_is_lost(result, read.geometry)
    write_volume(result, read)
    there = nib.load(result)
    words = f"read with axes {read.geometry.orientation}"
    words += ", sheared" if not read.geometry.orthogonal else ""
    codes = int(there.header["sform_code"]), int(there.header["qform_code"])
    words += f"; a NIfTI result has the codes {codes[0]} (sform) and {codes[1]} (qform)"
    if ".nii" in path.name:
        same = np.allclose(there.affine, nib.load(path).affine, atol=1e-4)
        words += " and lies over the image" if same else " and DOES NOT lie over the image"
    return words


def without_a_place(folder: Path) -> str:
    """A NIfTI file that does not say where its voxels begin, nor the size of an axis that is not used."""
    path = nifti(folder / "image.nii", image())
    data = bytearray(path.read_bytes())
    struct.pack_into("<f", data, 108, 0)
    struct.pack_into("<8h", data, 40, 4, *reversed(SHAPE), 0, 0, 0, 0)
    path.write_bytes(bytes(data))
    same = np.array_equal(read_volume(path).array, image())
    return "read, the voxels behind the header" if same else "read WRONGLY"


def on_axes_of_no_space(folder: Path) -> str:
    header = {"spacings": [0.8, 0.8, 2.0], "axis mins": [10.0, 20.0, 30.0]}
    nrrd.write(str(folder / "image.nrrd"), image(), header, index_order="C")
    origin = ", ".join(f"{each:g}" for each in read_volume(folder / "image.nrrd").geometry.origin)
    return f"read; the first voxel lies at ({origin}) LPS, half a voxel from the beginning of the axes"


def data_outside(folder: Path) -> str:
    (folder / "headers").mkdir()
    write_volume(folder / "scan.mhd", Volume(image(), GRID))
    (data,) = folder.glob("*.zraw")
    lines = (folder / "scan.mhd").read_text().replace(data.name, "../scan.zraw").split("\n")
    header = folder / "headers" / "scan.mhd"
    header.write_text("\n".join(line for line in lines if "checksum" not in line))
    data.rename(folder / "scan.zraw")
    read_volume(header)
    return "READ"


def labelled(path: Path) -> str:
    """Reads labels and says which classes they have."""
    segments = read_segmentation(path)
    return f"read as the classes {', '.join(str(each.class_.id) for each in segments.segments)}"


def matched(labels: LabelMap) -> str:
    """Finds the slices of the image that labels show."""
    found = match_slices(labels, GRID)
    return f"examples: slices {', '.join(str(each.index) for each in found.places)}"


def on_grid(shape: tuple[int, int, int], slices: tuple[int, ...], **grid: Any) -> Callable[[Path], str]:
    geometry = Geometry(shape, **{"spacing": GRID.spacing, "origin": GRID.origin, **grid})
    return lambda _: matched(LabelMap.of(few(shape, slices), geometry))


def cropped(_: Path) -> str:
    corner = tuple(GRID.index_to_world((2, 2, 1)))
    part = few()[1:5, 2:10, 2:12]
    return matched(LabelMap.of(part, Geometry(part.shape, GRID.spacing, corner)))


def renumbered(first: int, second: int) -> np.ndarray:
    return np.choose(few(), [0, first, second])


def one_hot(path: Path, background: bool) -> str:
    masks = np.stack([few() == value for value in range(0 if background else 1, 3)], axis=-1)
    return labelled(nifti(path / "masks.nii.gz", masks.astype(np.uint8)))


def overlapping(folder: Path) -> str:
    layers = (few(), (few() > 0).astype(np.uint8))
    names = ("liver", "lesion", "body")
    classes = [SegmentClass(number, name, (0.5, 0.5, 0.5)) for number, name in enumerate(names, start=1)]
    places = ((0, 1), (0, 2), (1, 1))
    segments = tuple(Segment(each, *place) for each, place in zip(classes, places, strict=True))
    path = folder / "labels.seg.nrrd"
    write_segmentation(path, Segmentation(layers, GRID, segments))
    kept = read_segmentation(path)
    kept.to_labelmap()
    return f"read as {len(kept.segments)} segments in {len(kept.layers)} layers; as examples flattened"


def shared_data_file(folder: Path) -> str:
    write_volume(folder / "scan.nhdr", Volume(image(), GRID))
    (folder / "scan.nhdr").rename(folder / "scan_fixed.nhdr")
    write_volume(folder / "scan.nhdr", Volume(image() + 1, GRID))
    first, second = (read_volume(folder / name).array for name in ("scan.nhdr", "scan_fixed.nhdr"))
    return "written; the other header keeps its data" if np.array_equal(first, 1 + second) else "REPLACED"


def tried(name: str) -> Callable[[Path], str]:
    def use(folder: Path) -> str:
        try_to_write(folder / name)
        write_volume(folder / name, Volume(image(), GRID))
        read_volume(folder / name)
        return "written and read back"

    return use


def bytes_of(name: str, content: bytes) -> Callable[[Path], str]:
    def use(folder: Path) -> str:
        (folder / name).write_bytes(content)
        read_volume(folder / name)
        return "READ"

    return use


def truncated(folder: Path) -> str:
    path = nifti(folder / "image.nii.gz", image())
    path.write_bytes(path.read_bytes()[:-200])
    read_volume(path)
    return "READ"


def _nifti_image(*arguments: Any, **more: Any) -> Callable[[Path], str]:
    return _image(image(), *arguments, **more)


def _image(array: np.ndarray, *arguments: Any, **more: Any) -> Callable[[Path], str]:
    return lambda folder: placed(nifti(folder / "image.nii.gz", array, *arguments, **more))


def _labels(array: np.ndarray, **more: Any) -> Callable[[Path], str]:
    return lambda folder: labelled(nifti(folder / "labels.nii.gz", array, **more))


def picture(name: str, mode: str = "L", pages: int = 1) -> Callable[[Path], str]:
    """An image as a picture."""

    def use(folder: Path) -> str:
        planes = [Image.fromarray(plane.astype(np.uint8)).convert(mode) for plane in image()[:pages]]
        planes[0].save(
            folder / name, **({"save_all": True, "append_images": planes[1:]} if pages > 1 else {})
        )
        read = read_volume(folder / name)
        return f"read as {' x '.join(map(str, reversed(read.array.shape)))} voxels, {read.array.dtype}"

    return use


def picture_of_labels(name: str, mode: str) -> Callable[[Path], str]:
    """Labels as a picture."""

    def use(folder: Path) -> str:
        plane = Image.fromarray(few()[1])
        if mode == "P":
            plane.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        (plane if mode == "P" else plane.convert(mode)).save(folder / name)
        return labelled(folder / name)

    return use


def volume_as_picture(folder: Path) -> str:
    tell_what_is_lost(folder / "out.png", GRID)
    return "written"


SITUATIONS: dict[str, tuple[Situation, ...]] = {
    "Position": (
        Situation("NIfTI, sform and qform equal", _nifti_image()),
        Situation("NIfTI, sform (code 2) and qform (1) differ", _nifti_image(SFORM, (2, 1), qform=ELSEWHERE)),
        Situation("NIfTI, sform (code 1) and qform (1) differ", _nifti_image(SFORM, (1, 1), qform=ELSEWHERE)),
        Situation("NIfTI, sform only", _nifti_image(SFORM, (2, 0))),
        Situation("NIfTI, qform only", _nifti_image(SFORM, (0, 1))),
        Situation("NIfTI, neither", _nifti_image(SFORM, (0, 0))),
        Situation("NIfTI, sheared sform", _nifti_image(SHEARED, (1, 0))),
        Situation("NIfTI, sheared sform, straight qform", _nifti_image(SHEARED, (2, 1))),
        Situation("NIfTI, left-handed", _nifti_image(SFORM @ np.diag([-1, 1, 1, 1]))),
        Situation("NIfTI-2", _nifti_image(kind=nib.Nifti2Image)),
        Situation("NIfTI in micrometres", _nifti_image(units="micron")),
        Situation("NRRD, sheared (tilted gantry)", lambda f: placed(sheared_nrrd(f / "image.nrrd"))),
        Situation("NIfTI that does not say where its voxels begin", without_a_place),
        Situation("NRRD with the beginning of its axes and no space", on_axes_of_no_space),
    ),
    "Labels": (
        Situation("whole numbers as 64-bit floating point", _labels(few().astype(np.float64))),
        Situation(
            "scaled 16-bit numbers (1 reads .99998)", _labels(few().astype(np.float64), stored=np.int16)
        ),
        Situation("64-bit whole numbers 500 and 65535", _labels(renumbered(500, 65535).astype(np.uint64))),
        Situation("values above 65535", _labels(renumbered(1, 70000).astype(np.int32))),
        Situation("negative values", _labels(few().astype(np.int16) - 1)),
        Situation("probabilities, one map", _labels((few() / 3).astype(np.float32))),
        Situation("probabilities, one map per class", _labels(np.full((*SHAPE, 3), 1 / 3, np.float32))),
        Situation("one-hot, background first", lambda f: one_hot(f, True)),
        Situation("one mask per class, no background", lambda f: one_hot(f, False)),
        Situation("overlapping segments (`.seg.nrrd`)", overlapping),
        Situation("cropped to the labels", cropped),
        Situation("on slices of half the distance", on_grid((12, 12, 14), (2, 7), spacing=(0.8, 0.8, 1))),
        Situation("on slices of 2.5 times the distance", on_grid((3, 12, 14), (0, 1), spacing=(0.8, 0.8, 5))),
        Situation("two slices nearest to one", on_grid((24, 12, 14), (8, 9, 18), spacing=(0.8, 0.8, 0.5))),
        Situation("shifted, partly beyond the image", on_grid(SHAPE, (1, 2, 4), origin=(-10, -20, -26))),
        Situation("on slices turned by 23 degrees", on_grid(SHAPE, (1, 4), direction=TURNED)),
        Situation("somewhere else", on_grid(SHAPE, (1, 4), origin=(500, 0, 0))),
    ),
    "Names and places": (
        Situation("data outside the folder of their header", data_outside),
        Situation("output `OUT.NII.GZ`", tried("OUT.NII.GZ")),
        Situation("output `50% größe [1].mhd`", tried("50% größe [1].mhd")),
        Situation("output `OUT.NHDR`", tried("OUT.NHDR")),
        Situation("output with an unknown ending", tried("out.xyz")),
        Situation("output whose data file belongs to another header", shared_data_file),
    ),
    "Pictures": (
        Situation("shades of grey (`.png`)", picture("image.png")),
        Situation("colours (`.jpg`)", picture("image.jpg", "RGB")),
        Situation("a stack of pages (`.tif`)", picture("image.tif", pages=3)),
        Situation("labels as shades of grey (`.png`)", picture_of_labels("labels.png", "L")),
        Situation("labels with a palette (`.png`)", picture_of_labels("labels.png", "P")),
        Situation("labels as colours (`.png`)", picture_of_labels("labels.png", "RGB")),
        Situation("labels as `.jpg`", picture_of_labels("labels.jpg", "L")),
        Situation("a volume to be written as `.png`", volume_as_picture),
    ),
    "Files that cannot be used": (
        Situation("truncated", truncated),
        Situation("empty", bytes_of("image.nrrd", b"")),
        Situation("a web page instead of the file", bytes_of("image.nii.gz", b"<html>sign in</html>")),
        Situation("a placeholder of Git LFS", bytes_of("image.nii.gz", b"version https://git-lfs 1\n")),
        Situation("DICOM named `.nii`", bytes_of("image.nii", bytes(128) + b"DICM" + bytes(99))),
        Situation("ZIP archive named `.nrrd`", bytes_of("image.nrrd", b"PK\x03\x04" + bytes(99))),
        Situation("FreeSurfer volume", bytes_of("image.mgz", b"\x1f\x8b")),
        Situation("several time points", _image(np.stack([image()] * 3, axis=-1))),
        Situation("complex numbers", _image(image().astype(np.complex64))),
    ),
}
