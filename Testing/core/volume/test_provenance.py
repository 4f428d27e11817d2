"""What labels were made of is kept in their file, wherever there is room, and changes nothing else."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from MVGCore.volume import Geometry, LabelMap, read_labelmap, write_segmentation
from MVGCore.volume.provenance import read_made_of

MADE_OF = {"version": "1.2", "weights": "ab12", "settings": "seed=0, größe=ß", "examples": "x"}


def labels(flat: bool) -> LabelMap:
    array = np.random.default_rng(0).integers(0, 3, (1 if flat else 4, 5, 6)).astype(np.uint8)
    return LabelMap.of(array, Geometry.identity(array.shape))


@pytest.mark.parametrize("ending", [".seg.nrrd", ".nrrd", ".nhdr", ".nii", ".nii.gz", ".png", ".tif"])
def test_a_file_says_what_it_was_made_of(tmp_path: Path, ending: str) -> None:
    given = labels(ending in (".png", ".tif"))
    path = tmp_path / f"x{ending}"
    write_segmentation(path, given, made_of=MADE_OF)
    assert read_made_of(path) == MADE_OF
    assert np.array_equal(read_labelmap(path).array, given.array)
    first = path.read_bytes()
    write_segmentation(path, given, made_of=dict(reversed(MADE_OF.items())))
    assert path.read_bytes() == first
    write_segmentation(path, given)
    assert read_made_of(path) == {} and np.array_equal(read_labelmap(path).array, given.array)


def test_other_programs_read_such_nifti_files(tmp_path: Path) -> None:
    given = labels(False)
    write_segmentation(tmp_path / "x.nii.gz", given, made_of=MADE_OF)
    assert np.array_equal(np.asarray(nib.load(tmp_path / "x.nii.gz").dataobj).T, given.array)


def test_a_format_without_room_is_written_all_the_same(tmp_path: Path) -> None:
    write_segmentation(tmp_path / "x.mha", labels(False), made_of=MADE_OF)
    assert read_made_of(tmp_path / "x.mha") == {}
