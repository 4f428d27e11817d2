"""A data set of pictures: labelled from some of them, in their own format, by the same command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from MVGCore.datasets.atlas.atlas import Atlas, label_by_atlases
from MVGCore.datasets.catalogue import read_catalogue
from MVGCore.datasets.examples import find_examples
from MVGCore.datasets.learning import learn
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.qa import ReviewRequest, write_review
from MVGCore.datasets.run import label_dataset
from MVGCore.datasets.work import Settings, Work
from MVGCore.errors import InputError
from MVGCore.metrics import dice_per_class
from MVGCore.prompts import PromptSet
from MVGCore.session import Session
from MVGCore.volume import LabelMap, Volume, read_labelmap, read_volume
from Testing.core.datasets.conftest import tiny_case

SIZE = (48, 56)


def disc(seed: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc in a grey one, and the bright one's labels."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(size) / np.array(size)[:, None, None] - 0.5
    place = rng.normal(0, 0.03, 2)
    inner = np.hypot(y - place[0], x - place[1]) < 0.2 + rng.normal(0, 0.01)
    image = 60 + 40 * (np.hypot(y, x) < 0.42) + 70 * inner + rng.normal(0, 5, size)
    return image.clip(0, 255).astype(np.uint8), inner.astype(np.uint8) * 3


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Pictures, labels of the first two, and a folder for results."""
    images, examples, results = (tmp_path / name for name in ("images", "examples", "results"))
    for folder in (images, examples, results):
        folder.mkdir()
    for n in range(4):
        image, labels = disc(n)
        Image.fromarray(image).save(images / f"c{n}.png")
        if n < 2:
            Image.fromarray(labels).save(examples / f"c{n}_labels.png")
    return images, examples, results


def test_pictures_are_labelled_in_their_own_format(
    folders: tuple[Path, Path, Path], small_weights: Path
) -> None:
    images, examples, results = folders
    items = read_catalogue(str(images))
    work = Work.of(results, find_examples([examples], items), Settings(str(small_weights), "cpu"))
    summary = label_dataset(learn(work, label_here), items, label_here)
    assert [each.output for each in summary.records] == [f"c{n}.png" for n in range(4)]
    for n, record in enumerate(summary.records):
        found, truth = np.asarray(Image.open(results / record.output)), disc(n)[1]
        assert found.shape == truth.shape
        if n < 2:
            assert np.array_equal(found, truth)  # what was drawn
        else:
            assert dice_per_class(truth, found, [3])[3] > 0.9
            assert record.report["expected_dice"]["value"] > 0.7
    assert write_review(ReviewRequest(results, {}), results / "review.html") == 4


def test_pictures_of_another_size_are_stretched(folders: tuple[Path, Path, Path]) -> None:
    images, examples, _ = folders
    atlases = [Atlas.read(images / f"c{n}.png", examples / f"c{n}_labels.png") for n in range(2)]
    image, truth = disc(5, (96, 112))
    Image.fromarray(image).save(images / "large.png")
    ids, probabilities = label_by_atlases(read_volume(images / "large.png"), atlases)
    found = np.array([0, *ids])[probabilities.argmax(0)][0]
    assert dice_per_class(truth, found, [3])[3] > 0.9


def test_slices_tell_nothing_of_volumes(folders: tuple[Path, Path, Path]) -> None:
    images, examples, _ = folders
    atlas = Atlas.read(images / "c0.png", examples / "c0_labels.png")
    with pytest.raises(InputError, match="the examples are single slices"):
        label_by_atlases(tiny_case(0)[0], [atlas])


def test_a_session_labels_a_picture_from_another(
    folders: tuple[Path, Path, Path], small_weights: Path
) -> None:
    images, examples, _ = folders
    example = read_volume(images / "c0.png")
    session = Session(small_weights, "cpu", threads=1)
    session.set_image(read_volume(images / "c2.png"))
    session.set_prompts(PromptSet.from_labelmap(example, read_labelmap(examples / "c0_labels.png")))
    result = session.propagate()
    assert result.labels.array.shape == (1, *SIZE) and result.axis == 0
    assert dice_per_class(disc(2)[1][None], result.labels.array, [3])[3] > 0.6
    assert np.array_equal(session.preview(0).labels, result.labels.array[0])


def test_a_labelled_picture_comes_back_as_it_is(
    folders: tuple[Path, Path, Path], small_weights: Path
) -> None:
    images, examples, _ = folders
    image, labels = read_volume(images / "c0.png"), read_labelmap(examples / "c0_labels.png")
    session = Session(small_weights, "cpu", threads=1)
    session.set_image(image)
    session.set_prompts(PromptSet.from_labelmap(image, labels))
    assert np.array_equal(session.propagate().labels.array, labels.array)


def test_a_slice_across_any_axis_is_labelled_along_it(small_weights: Path) -> None:
    session = Session(small_weights, "cpu", threads=1)
    prompts = PromptSet()
    for n in range(3):
        image, labels = (np.expand_dims(each, 2) for each in disc(n))
        geometry = tiny_case(0)[0].geometry.identity(image.shape)
        volume = Volume(image, geometry, f"c{n}")
        if n < 2:
            prompts.merge(PromptSet.from_labelmap(volume, LabelMap.of(labels, geometry)))
        else:
            session.set_image(volume)
    session.set_prompts(prompts)
    assert session.prompt_axis == 2 and session.propagate().labels.array.shape == (*SIZE, 1)


def test_pictures_beside_volumes_are_no_items(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    images, _, _ = folders
    assert len(read_catalogue(str(images))) == 4
    (images / "volume.nrrd").touch()
    assert [item.name for item in read_catalogue(str(images))] == ["volume"]
    assert len(read_catalogue(str(images), "*.png")) == 4
