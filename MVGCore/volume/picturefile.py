"""Pictures (PNG, TIFF, JPEG, BMP) through Pillow: images of a slice, or the pages of a TIFF as a stack.

A picture has no place in a patient: its pixels count as 1 mm, rows run down and columns to the left of the
patient as in an axial slice, and pages lie 1 mm apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.errors import InputError
from MVGCore.volume.geometry import Geometry
from MVGCore.volume.limits import check_promise
from MVGCore.volume.stored import Stored

if TYPE_CHECKING:
    from PIL import Image

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)
LOSSY = (".jpg", ".jpeg")
PAGED = (".tif", ".tiff")
_GREY = ("1", "L", "I;16", "I;16B", "I;16L", "I", "F")
_LARGEST_RATIO = 1 << 20  # a picture of one colour
_CHANNEL_BYTES = 8  # of a pixel, while colours become shades


def read_picture(path: Path) -> Stored:
    """Read an image in shades of grey; colours become their luminance, transparency is left out.

    Raises:
        InputError: Its pages differ in size, or it does not fit into the memory.
        Exception: Whatever Pillow raises for a damaged file.
    """
    return _stored([_shades(page) for page in _pages(path)])


def read_label_picture(path: Path) -> Stored:
    """Read label numbers: shades of grey, or the places in a palette.

    Raises:
        InputError: As `read_picture`; also a picture in colours, or one that is stored with losses.
    """
    if path.suffix.lower() in LOSSY:
        raise InputError(
            f"'{path}' is stored with losses, which changes label numbers; save labels as .png or .tif."
        )
    planes = []
    for page in _pages(path):
        if page.mode not in (*_GREY, "P"):
            raise InputError(
                f"'{path}' is a picture in colours ({page.mode}); labels are one number per pixel: save "
                "them in shades of grey or with a palette."
            )
        planes.append(np.asarray(page))
    return _stored(planes)


def write_picture(path: Path, array: NDArray[Any], geometry: Geometry, words: str = "") -> None:
    """Write a (K, J, I) array without losses, several slices as pages of a TIFF, with words beside it.

    Raises:
        InputError: The format cannot hold such numbers or so many slices.
        OSError: It could not be written wholly.
    """
    from PIL import Image

    check_slices(path, geometry)
    flat = geometry.flat_axis
    planes = list(array) if flat is None else [np.take(array, 0, axis=flat)]
    paged = path.suffix.lower() in PAGED
    if path.suffix.lower() in LOSSY:
        raise InputError(f"'{path}' would be stored with losses; choose .png or .tif.")
    if array.dtype not in (np.uint8, np.uint16) and not (paged and array.dtype == np.float32):
        raise InputError(f"'{path}' cannot hold numbers of type {array.dtype}; choose .nrrd.")
    pages = [Image.fromarray(np.ascontiguousarray(plane)) for plane in planes]
    more: dict[str, Any] = (
        {"save_all": True, "append_images": pages[1:], "compression": "tiff_deflate"} if paged else {}
    )
    pages[0].save(path, **more, **_kept(words, paged))
    again = [np.asarray(page) for page in _pages(path)]
    if not all(np.array_equal(one, other) for one, other in zip(planes, again, strict=True)):
        raise OSError("what can be read back differs from what was to be written")


def _kept(words: str, paged: bool) -> dict[str, Any]:
    """How Pillow is told to keep words: as a description of a TIFF, as a text of a PNG."""
    from PIL.PngImagePlugin import PngInfo

    if not words:
        return {}
    if paged:
        return {"description": words}
    texts = PngInfo()
    texts.add_text("Comment", words)
    return {"pnginfo": texts}


def check_slices(path: Path, geometry: Geometry) -> None:
    """Make sure that a file of this name can hold all slices.

    Raises:
        InputError: It holds one, and there are several.
    """
    if geometry.flat_axis is None and path.suffix.lower() not in PAGED:
        raise InputError(
            f"'{path}' holds one slice and there are {geometry.shape[0]}; choose .tif, .nrrd or .nii.gz."
        )


def _pages(path: Path) -> Iterator[Image.Image]:
    """The pictures of a file, decoded one after the other."""
    from PIL import Image, ImageSequence

    with warnings.catch_warnings():
        # What Pillow warns of and then refuses is checked against the memory here.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(path) as opened:
            count = getattr(opened, "n_frames", 1)
            promised = opened.width * opened.height * count * _CHANNEL_BYTES
            check_promise(path, promised, path.stat().st_size, _LARGEST_RATIO)
            size = opened.size
            for page in ImageSequence.Iterator(opened):
                if page.size != size:
                    raise InputError(f"'{path}' holds pictures of different sizes; save one of them apart.")
                page.load()
                yield page


def _shades(page: Image.Image) -> NDArray[Any]:
    if page.mode in _GREY:
        return np.asarray(page)
    if page.mode == "LA":
        return np.asarray(page.getchannel("L"))
    return np.rint(np.asarray(page.convert("RGB"), np.float32) @ np.array(LUMINANCE, np.float32)).astype(
        np.uint8
    )


def _stored(planes: list[NDArray[Any]]) -> Stored:
    array = np.stack(planes)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    return Stored(np.ascontiguousarray(array), Geometry.identity(array.shape))
