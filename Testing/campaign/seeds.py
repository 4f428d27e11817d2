"""Small valid files of every kind that MVG reads: where the mutations start."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from MVGCore.errors import InputError
from MVGCore.shortlived import Died, ProcessFailedError
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume, write_labelmap, write_volume
from Testing.campaign.apart import ask

SHAPE = (3, 5, 6)


@dataclass(frozen=True)
class Seed:
    """One valid case.

    Attributes:
        kind: The format, for the table.
        files: Name, with folders -> content; the first one is what is opened, each may be mutated.
        read: Opens the first file, or the folder.
    """

    kind: str
    files: dict[str, bytes]
    read: Callable[[Path], Any]


def all_seeds(folder: Path) -> list[Seed]:
    """Make the seeds; `folder` has to be empty and stays so."""
    made: list[Seed] = []
    for make in (_volumes, _foreign, _dicom, _prompts, _weights, _scenes):
        made.extend(make(folder))
    return made


def image() -> Volume:
    """A small image, not along the patient's axes."""
    array = np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.int16)
    return Volume(array, Geometry(SHAPE, (1.5, 2, 3), (4, -5, 6), (0, 1, 0, 1, 0, 0, 0, 0, -1)), "x")


def labels() -> LabelMap:
    """Two classes on the grid of the image."""
    array = np.zeros(SHAPE, np.uint8)
    array[1, 1:3, 2:5], array[2, 2:4, 1:3] = 1, 4
    classes = (SegmentClass(1, "Leber ü", (1, 0.5, 0)), SegmentClass(4, "spleen", (0, 0.5, 1)))
    return LabelMap.of(array, image().geometry, classes)


def _taken(folder: Path) -> dict[str, bytes]:
    """The files of a folder, the opened one (the header) first; the folder is empty afterwards."""
    files = sorted(folder.iterdir(), key=lambda file: (file.suffix not in (".nhdr", ".mhd"), file.name))
    content = {file.name: file.read_bytes() for file in files}
    for file in files:
        file.unlink()
    return content


def _volumes(folder: Path) -> Iterator[Seed]:
    from MVGCore.volume import read_labelmap, read_segmentation, read_volume

    for ending in (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd"):
        write_volume(folder / f"x{ending}", image())
        files = _taken(folder)
        yield Seed(ending, files, read_volume)
        yield Seed(ending, {name: _without_seal(data) for name, data in files.items()}, read_volume)
        yield Seed(ending, {name: _without_seal(data) for name, data in files.items()}, read_labelmap)
    write_labelmap(folder / "x.seg.nrrd", labels())
    files = _taken(folder)
    yield Seed(".seg.nrrd", files, read_segmentation)
    yield Seed(".seg.nrrd", {name: _without_seal(data) for name, data in files.items()}, read_segmentation)


def _without_seal(data: bytes) -> bytes:
    """As another program would have written it: nothing that notices a change of the header."""
    if data[:4] in (b"NRRD", b"Obje"):
        head, mark, rest = data.partition(b"MVG checksum")
        return head.rsplit(b"\n", 1)[0] + b"\n" + rest.partition(b"\n")[2] if mark else data
    return data.partition(b"MVG checksum")[0]


def _foreign(folder: Path) -> Iterator[Seed]:
    """Plain voxels, text, other encodings, data in several files."""
    from MVGCore.volume import read_volume

    data = image().array.tobytes()
    size = " ".join(str(n) for n in reversed(SHAPE))
    nrrd = f"NRRD0005\ntype: short\ndimension: 3\nsizes: {size}\nendian: little\nspacings: 1 2 3\nencoding: "
    yield Seed(".nrrd", {"x.nrrd": f"{nrrd}raw\n\n".encode() + data}, read_volume)
    yield Seed(".nrrd", {"x.nrrd": f"{nrrd}hex\n\n{data.hex()}".encode()}, read_volume)
    text = " ".join(str(value) for value in image().array.ravel())
    yield Seed(".nrrd", {"x.nrrd": f"{nrrd}text\n\n{text}".encode()}, read_volume)
    parts = {f"s{n}.raw": image().array[n].tobytes() for n in range(SHAPE[0])}
    yield Seed(".nhdr", {"x.nhdr": f"{nrrd}raw\ndata file: s%d.raw 0 2 1\n\n".encode(), **parts}, read_volume)
    yield from _nifti()
    meta = (
        f"ObjectType = Image\nNDims = 3\nDimSize = {size}\nElementType = MET_SHORT\nElementSpacing = 1 2 3\n"
    )
    yield Seed(".mha", {"x.mha": f"{meta}ElementDataFile = LOCAL\n".encode() + data}, read_volume)
    yield Seed(".mhd", {"x.mhd": f"{meta}ElementDataFile = s%d.raw 0 2 1\n".encode(), **parts}, read_volume)


def _nifti() -> Iterator[Seed]:
    """Versions, byte orders, scales and masks that MVG does not write."""
    import nibabel as nib

    from MVGCore.volume import read_segmentation, read_volume

    array = image().array.T
    affine = np.diag([-1.5, -2.0, 3.0, 1.0])
    yield Seed(".nii", {"x.nii": nib.Nifti2Image(array, affine).to_bytes()}, read_volume)
    swapped = nib.Nifti1Image(array, affine, nib.Nifti1Header(endianness=">"))
    swapped.header.set_slope_inter(0.5, 3)
    yield Seed(".nii", {"x.nii": swapped.to_bytes()}, read_volume)
    masks = np.stack([array % 3 == n for n in range(3)], axis=-1).astype(np.uint8)
    yield Seed(".nii", {"x.nii": nib.Nifti1Image(masks, affine).to_bytes()}, read_segmentation)


def _dicom(folder: Path) -> Iterator[Seed]:
    from Testing.campaign.dicom_seeds import dicom_files, zarr_files

    for kind, files, read in dicom_files():
        yield Seed(kind, files, read)
    if files := zarr_files():
        yield Seed("OME-Zarr", files, _read_zarr)


def _read_zarr(path: Path) -> None:
    from MVGCore.volume import read_volume

    read_volume(next(each for each in path.parents if each.name == "x.ome.zarr"))


def _prompts(folder: Path) -> Iterator[Seed]:
    from MVGCore.prompts import PromptSet
    from MVGCore.volume.arrayfile import read_arrays, write_arrays

    PromptSet.from_labelmap(image(), labels()).save(folder / "x.mvgprompts")
    yield Seed(".mvgprompts", _taken(folder), PromptSet.load)
    write_arrays(folder / "x.safetensors", {"a": image().array}, {"b": [1, 2]})
    yield Seed(".safetensors", _taken(folder), read_arrays)


def _weights(folder: Path) -> Iterator[Seed]:
    import torch
    from safetensors.torch import save_file

    from MVGCore.models.weights import read_checkpoint

    state = {"a": torch.arange(12.0).reshape(3, 4), "b.c": torch.ones(5)}
    torch.save(state, folder / "x.pth")
    yield Seed(".pth", _taken(folder), read_checkpoint)
    save_file(state, folder / "x.safetensors", metadata={"config": json.dumps({"name": "x"})})
    yield Seed("weights", _taken(folder), read_checkpoint)


SCENE = """<MRML version="1"><Volume id="a" name="x" references="storage:s;"></Volume>
<VolumeArchetypeStorage id="s" fileName="Data/x.nrrd" fileListMember0="Data/x.nrrd"></VolumeArchetypeStorage>
</MRML>"""


def _scenes(folder: Path) -> Iterator[Seed]:
    write_volume(folder / "x.nrrd", image())
    (content,) = _taken(folder).values()
    with zipfile.ZipFile(folder / "x.mrb", "w") as archive:
        archive.writestr("x/x.mrml", SCENE)
        archive.writestr("x/Data/x.nrrd", content)
    yield Seed(".mrb", _taken(folder), _open_archive)
    yield Seed(".mrml", {"x.mrml": SCENE.replace("Data/", "").encode(), "x.nrrd": content}, _open_scene)


def _open_archive(path: Path) -> None:
    """As the window does, up to the process that reads the scene first, and with that."""
    from MVGDesktop.files.archive import unpack
    from MVGDesktop.files.references import check_folder

    target = path.parent / "unpacked"
    target.mkdir()
    unpack(path, target)
    check_folder(target)
    for scene in target.rglob("*.mrml"):
        _open_scene(scene)


def _open_scene(path: Path) -> None:
    import MVGDesktop.files.probe  # noqa: F401  # imported before the fork
    from MVGDesktop import headless
    from MVGDesktop.files.references import check_scene

    headless.start()
    check_scene(path)
    try:
        ask("MVGDesktop.files.probe", [str(path), "10"], 60)
    except (Died, ProcessFailedError) as error:
        raise InputError(f"The scene cannot be read: {error}.") from error
