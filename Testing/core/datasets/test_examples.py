"""Which image a label map belongs to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.examples import ExampleSource, find_examples, merged_prompts
from MVGCore.datasets.manifest import DONE, NAME, Manifest, Record
from MVGCore.errors import InputError
from MVGCore.volume import Segment, Segmentation, SegmentClass, read_volume, write_segmentation

ITEMS = tuple(Item(name, Path(f"images/{name}.nrrd")) for name in ("case_1", "case_10", "p1/t1", "p2/t1"))


@pytest.mark.parametrize(
    ("labels", "image"),
    [
        ("case_1.nrrd", "case_1"),
        ("case_10_few.seg.nrrd", "case_10"),
        ("p1/t1.nii.gz", "p1/t1"),
        ("p2/t1-labels.mha", "p2/t1"),
    ],
)
def test_labels_belong_to_the_image_that_is_called_alike(tmp_path: Path, labels: str, image: str) -> None:
    path = tmp_path / labels
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    assert find_examples([tmp_path], ITEMS) == (ExampleSource(path, Path(f"images/{image}.nrrd")),)


@pytest.mark.parametrize(
    ("labels", "part"),
    [("other.nrrd", "No image of the data set"), ("t1.nrrd", "may belong to 'p1/t1' or 'p2/t1'")],
)
def test_labels_of_no_or_several_images_are_refused(tmp_path: Path, labels: str, part: str) -> None:
    (tmp_path / labels).write_bytes(b"")
    with pytest.raises(InputError, match=part):
        find_examples([tmp_path / labels], ITEMS)


def test_nnunet_calls_images_longer_than_labels(tmp_path: Path) -> None:
    (tmp_path / "la_003.nii.gz").write_bytes(b"")
    (found,) = find_examples([tmp_path], [Item("la_003_0000", Path("imagesTr/la_003_0000.nii.gz"))])
    assert found.image == Path("imagesTr/la_003_0000.nii.gz")


def test_results_csv_and_the_data_set_itself_give_examples(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / NAME)
    manifest.add(Record("a", DONE, "x/a.nrrd", "a.seg.nrrd"))
    manifest.add(Record("b", "failed", "x/b.nrrd", reason="It is broken."))
    (tmp_path / "list.csv").write_text("image,labels\ni.nrrd,l.nrrd\n")
    item = Item("c", Path("x/c.nrrd"), labels=Path("few/c.nrrd"))
    assert find_examples([tmp_path, tmp_path / "list.csv"], [item]) == (
        ExampleSource(Path("few/c.nrrd"), Path("x/c.nrrd")),
        ExampleSource(tmp_path / "a.seg.nrrd", Path("x/a.nrrd")),
        ExampleSource(tmp_path / "l.nrrd", tmp_path / "i.nrrd"),
    )


def test_no_example_is_said() -> None:
    with pytest.raises(InputError, match="There is no example"):
        find_examples([], ITEMS)
    with pytest.raises(InputError, match="check the name"):
        find_examples([Path("missing.nrrd")], ITEMS)


def test_saved_prompts_and_label_maps_give_the_same_slices(make_tiny, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tiny = make_tiny(2)
    drawn = merged_prompts(find_examples([tiny.examples], tiny.items))
    drawn.save(tmp_path / "saved.mvgprompts")
    saved = merged_prompts(find_examples([tmp_path / "saved.mvgprompts"], tiny.items))
    assert [each.fingerprint for each in saved.prompts] == [each.fingerprint for each in drawn.prompts]
    assert [each.index for each in saved.prompts] == [1, 4]


def test_overlapping_segments_are_refused_with_a_way_out(make_tiny, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Flattened, one of two classes would be taught as absent where it is."""
    item = make_tiny(1).items[0]
    image = read_volume(item.image)
    both = np.zeros(image.array.shape, np.uint8)
    both[1, 1:4, 1:4] = 1
    classes = (SegmentClass(1, "organ", (1, 0, 0)), SegmentClass(2, "lesion", (0, 1, 0)))
    segments = tuple(Segment(each, layer, 1) for layer, each in enumerate(classes))
    path = tmp_path / "both.seg.nrrd"
    write_segmentation(path, Segmentation((both, both.copy()), image.geometry, segments))
    with pytest.raises(InputError, match=r"overlap.*mvg segment"):
        ExampleSource(path, item.image).prompts()
