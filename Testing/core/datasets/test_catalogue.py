"""Which images of a folder, glob, CSV or BIDS tree are found, and how they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from MVGCore.datasets.catalogue import read_catalogue
from MVGCore.errors import InputError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def names(source: object, *args: object) -> list[str]:
    return [item.name for item in read_catalogue(str(source), *args)]  # type: ignore[arg-type]


def test_a_folder_gives_every_image_in_it_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "b.nii.gz", "a.nrrd", "sub/c.mha", "notes.txt", "b.seg.nrrd", ".hidden/d.nrrd", ".e.nrrd")
    assert names(tmp_path) == ["a", "b", "sub/c"]
    assert names(tmp_path, "*.nii.gz") == ["b"]


def test_two_images_of_one_name_keep_their_endings(tmp_path: Path) -> None:
    touch(tmp_path, "a.nrrd", "a.nii.gz", "b.nrrd")
    assert names(tmp_path) == ["a.nii.gz", "a.nrrd", "b"]


def test_what_is_left_out_is_no_image(tmp_path: Path) -> None:
    touch(tmp_path, "a.nrrd", "few/a.nrrd", "out/a.nrrd", "b.nrrd")
    assert names(tmp_path, "*", [tmp_path / "few", tmp_path / "out", tmp_path / "b.nrrd"]) == ["a"]


def test_a_dicom_series_is_one_image(tmp_path: Path) -> None:
    touch(tmp_path, "one/1.dcm", "one/2.dcm", "two/x")
    for path in ("one/1.dcm", "one/2.dcm", "two/x"):
        (tmp_path / path).write_bytes(b"\0" * 128 + b"DICM")
    assert names(tmp_path) == ["one", "two"]
    assert names(tmp_path / "one") == ["one"]


def test_names_of_a_glob_begin_where_it_varies(tmp_path: Path) -> None:
    touch(tmp_path, "x/p1/t1.nrrd", "x/p2/t1.nrrd", "x/p2/t2.nrrd")
    assert names(tmp_path / "x" / "*" / "t1.nrrd") == ["p1/t1", "p2/t1"]
    assert names(tmp_path / "x" / "**" / "*.nrrd") == ["p1/t1", "p2/t1", "p2/t2"]


def test_a_bids_tree_without_derivatives(tmp_path: Path) -> None:
    raw = "sub-01/anat/sub-01_T1w.nii.gz"
    touch(tmp_path, "dataset_description.json", raw, "sub-01/anat/sub-01_T2w.nii.gz", f"derivatives/x/{raw}")
    assert names(tmp_path, "*_T1w.nii.gz") == ["sub-01/anat/sub-01_T1w"]


def test_a_csv_says_what_belongs_to_an_image(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(
        "image,name,labels,truth\nz.nrrd,,,t.nrrd\nsub/a.nrrd,first,few.nrrd,\n"
    )
    last, first = read_catalogue(str(tmp_path / "set.csv"))
    assert (last.name, last.image, last.labels, last.truth) == (
        "z",
        tmp_path / "z.nrrd",
        None,
        tmp_path / "t.nrrd",
    )
    assert (first.name, first.image, first.labels) == (
        "first",
        tmp_path / "sub/a.nrrd",
        tmp_path / "few.nrrd",
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("path\na.nrrd\n", "no column 'image'"),
        ("image\n\n", "names no image"),
        ("image\nx/a.nrrd\ny/a.nrrd\n", "two images of the name 'a'"),
        ("image,name\na.nrrd,../../etc/a\n", "outside the output"),
        ("image,name\na.nrrd,/etc/a\n", "outside the output"),
    ],
)
def test_a_csv_that_cannot_be_used_says_why(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "set.csv").write_text(text)
    with pytest.raises(InputError, match=part):
        read_catalogue(str(tmp_path / "set.csv"))


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no data set"):
        read_catalogue(str(tmp_path / "missing"))
    with pytest.raises(InputError, match="There is no image in"):
        read_catalogue(str(tmp_path))
    with pytest.raises(InputError, match="There is no image in"):
        read_catalogue(str(tmp_path / "*.nrrd"))
