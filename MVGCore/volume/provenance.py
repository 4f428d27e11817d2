"""What a result was made of, kept inside its file where the format has room for words.

NRRD has key/value pairs, NIfTI extensions (of comments, code 6), PNG and TIFF texts. MetaImage has no room.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from MVGCore.volume.failures import failures_told
from MVGCore.volume.formats import Format, format_to_read
from MVGCore.volume.nrrdfile import read_nrrd

KEY = "MVG_made_of"
COMMENT_CODE = 6  # of NIfTI's extensions
TIFF_DESCRIPTION = 270


def as_text(made_of: Mapping[str, str]) -> str:
    """One line, the same for the same content."""
    return json.dumps({KEY: dict(sorted(made_of.items()))}, ensure_ascii=True)


def read_made_of(path: Path) -> dict[str, str]:
    """What a file says that it was made of: checksums, version, settings by name; empty if it does not.

    Raises:
        InputError: the file is missing or damaged.
    """
    kind = format_to_read(path)
    with failures_told(path):
        if kind in (Format.SEGMENTATION, Format.NRRD):
            return _parsed(read_nrrd(path).fields.get(KEY, ""))
        if kind is Format.NIFTI:
            return _first(_nifti_comments(path))
        return _first(_picture_texts(path)) if kind is Format.PICTURE else {}


def _first(texts: list[str]) -> dict[str, str]:
    return next((parsed for text in texts if (parsed := _parsed(text))), {})


def _parsed(text: str) -> dict[str, str]:
    """Nothing of words that others wrote there."""
    try:
        content = json.loads(text)[KEY]
        return {str(name): str(value) for name, value in content.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _nifti_comments(path: Path) -> list[str]:
    import nibabel as nib

    image = nib.load(path)
    extensions = getattr(image.header, "extensions", ())
    return [
        bytes(each.get_content()).decode("utf-8", "replace").rstrip("\0 ")
        if isinstance(each.get_content(), bytes)
        else str(each.get_content())
        for each in extensions
        if each.get_code() == COMMENT_CODE
    ]


def _picture_texts(path: Path) -> list[str]:
    from PIL import Image

    with Image.open(path) as picture:
        texts = [str(value) for value in picture.info.values() if isinstance(value, str)]
        tags = getattr(picture, "tag_v2", {})
        return [*texts, str(tags.get(TIFF_DESCRIPTION, ""))]
