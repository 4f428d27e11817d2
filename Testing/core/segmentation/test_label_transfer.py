"""Examples of other volumes find their place, and their shape, in this one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from MVGCore.prompts import PromptSet
from MVGCore.segmentation.fuse.calibration import SHIPPED_CALIBRATION
from MVGCore.segmentation.transfer import label_transfer as carry
from MVGCore.segmentation.transfer.label_transfer import SIDE, transfer_labels
from MVGCore.volume import Geometry, LabelMap, Volume
from MVGCore.volume.canvas import Canvas


def body(depth: int = 20, shift: tuple[float, float, float] = (0, 0, 0), stretch: float = 1.0) -> tuple:
    """An egg in an egg and a ball that sits beside it, in noise-free grey: (image, labels)."""
    k, j, i = np.indices((depth, 60, 50), dtype=np.float64)
    k, j, i = ((x - s) for x, s in zip((k, j, i), shift, strict=True))
    outer = ((k - 10) / 9.5) ** 2 + ((j - 30) / (22 * stretch)) ** 2 + ((i - 25) / 18) ** 2 < 1
    inner = ((k - 9) / 7) ** 2 + ((j - 30) / (12 * stretch)) ** 2 + ((i - 22) / 8) ** 2 < 1
    ball = ((k - 13) / 4) ** 2 + ((j - 36) / 5) ** 2 + ((i - 36) / 4) ** 2 < 1
    array = 100.0 * outer + 150.0 * (inner & outer) + 60.0 * (ball & outer)
    array = ndimage.gaussian_filter(array, 0.7).astype(np.float32)
    geometry = Geometry(array.shape, (1.0, 1.0, 2.0))
    labels = np.where(ball & outer, 2, np.where(inner & outer, 1, 0)).astype(np.uint16)
    return Volume(array, geometry, f"body {shift} {stretch}"), LabelMap.of(labels, geometry)


def prompts(case: tuple, slices: list[int]) -> list:
    return list(PromptSet.from_labelmap(*case, axis=0, slices=slices).prompts)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.sum(a & b) / max(1, a.sum() + b.sum())


def test_slices_find_their_place_along_the_axis_and_in_the_plane() -> None:
    image, truth = body(26, (4, 6, -5))
    (transferred,) = transfer_labels(prompts(body(), [5, 9, 13]), image)
    assert [prompt.index for prompt in transferred] == [9, 13, 17]
    for prompt in transferred:
        for value in np.unique(truth.array[prompt.index])[1:]:
            assert dice(prompt.labels == value, truth.array[prompt.index] == value) > 0.9


def test_labels_are_bent_to_the_shape_of_this_volume() -> None:
    image, truth = body(stretch=1.3)
    (transferred,) = transfer_labels(prompts(body(), [5, 9, 13]), image)
    for prompt in transferred:
        here = truth.array[prompt.index] == 1
        as_it_was = dice(body()[1].array[prompt.index] == 1, here)
        assert as_it_was < 0.88 and dice(prompt.labels == 1, here) > 0.9


def test_another_grid_and_another_contrast_do_not_matter() -> None:
    image, truth = body()
    other, labels = body()
    geometry = Geometry((20, 120, 100), (0.5, 0.5, 2.0))
    fine = Volume(1000 - 2 * other.array.repeat(2, 1).repeat(2, 2) ** 1.1, geometry, "fine")
    fine = Volume(fine.array.max() - fine.array, geometry, "fine")  # brighter, on a curve
    example = fine, LabelMap.of(labels.array.repeat(2, 1).repeat(2, 2), geometry)
    ((transferred,),) = transfer_labels(prompts(example, [9]), image)
    assert transferred.labels.shape == (60, 50) and transferred.geometry == image.geometry
    assert dice(transferred.labels == 1, truth.array[transferred.index] == 1) > 0.95


def test_a_carried_slice_is_one_of_this_volume() -> None:
    image, _ = body(26, (4, 0, 0))
    (transferred,) = transfer_labels(prompts(body(), [5, 13]), image)
    for prompt in transferred:
        np.testing.assert_array_equal(prompt.image[1], image.array[prompt.index])
        assert prompt.source == image.name and not prompt.partial


def test_each_volume_is_carried_over_by_itself_most_similar_ones_first() -> None:
    image, truth = body()
    first, second = transfer_labels([*prompts(body(stretch=0.6), [5, 13]), *prompts(body(), [9])], image)
    assert [prompt.index for prompt in first] == [9]
    assert dice(first[0].labels == 1, truth.array[9] == 1) > 0.95
    assert len(second) == 2


def test_of_many_volumes_the_most_similar_ones_are_taken_but_no_class_is_lost(monkeypatch) -> None:
    monkeypatch.setattr(carry, "MOST_VOLUMES", 1)
    image, _ = body()
    twin, other = body(stretch=1.02), body(stretch=0.6)
    foreign = [*prompts(other, [9]), *prompts(twin, [9]), *prompts(body(), [9])]
    assert len(transfer_labels(foreign, image)) == 1
    renamed = other[0], LabelMap.of(np.where(other[1].array, 7, 0).astype(np.uint16), other[0].geometry)
    foreign = [*prompts(renamed, [9]), *prompts(twin, [9]), *prompts(body(), [9])]
    first, second = transfer_labels(foreign, image)
    assert 7 not in first[0].labels and 7 in second[0].labels


def test_examples_that_show_nothing_are_left_out() -> None:
    image, _ = body()
    empty = [replace(each, labels=np.zeros_like(each.labels)) for each in prompts(body(), [9])]
    assert transfer_labels(empty, image) == []


def test_a_volume_of_one_slice_takes_what_fits_best() -> None:
    image, truth = body()
    single = Volume(image.array[9:10], Geometry((1, 60, 50), (1.0, 1.0, 2.0)), "one")
    ((transferred,),) = transfer_labels(prompts(body(), [3, 9, 15]), single)
    assert transferred.index == 0 and dice(transferred.labels == 1, truth.array[9] == 1) > 0.9


@given(
    st.tuples(st.integers(1, 200), st.integers(1, 200)),
    st.tuples(st.floats(0.1, 8), st.floats(0.1, 8)),
    st.tuples(st.floats(-50, 200), st.floats(-50, 200)),
)
@settings(max_examples=50, deadline=None)
def test_places_go_there_and_back(shape: tuple, scale: tuple, point: tuple) -> None:
    middle = (np.array(shape, dtype=np.float64) - 1) / 2
    canvas = Canvas(shape, SIDE, tuple(middle), scale)
    places = np.array(point, dtype=np.float64)
    np.testing.assert_allclose(canvas.to_slice(canvas.to_canvas(places)), places, atol=1e-6)
    np.testing.assert_allclose(canvas.to_canvas(middle), (SIDE - 1) / 2)


def test_a_session_says_that_it_carried_and_does_not_adapt_to_a_guess(small_weights) -> None:
    pytest.importorskip("torch")
    from MVGCore.session import Session

    image, truth = body(26, (4, 6, -5))
    session = Session(small_weights, "cpu")
    session.set_image(image)
    session.set_prompts(PromptSet.from_labelmap(*body(), axis=0, slices=[5, 9, 13]))
    result = session.propagate()
    assert result.prompt_slices == () and set(np.unique(result.labels.array)) <= {0, 1, 2}
    assert "9, 13, 17" in result.notes[0] and "label a slice" in result.notes[0]
    two = PromptSet.from_labelmap(*body(), axis=0, slices=[5, 9, 13])
    two.merge(PromptSet.from_labelmap(*body(stretch=1.2), axis=0, slices=[5, 13]))
    session.set_prompts(two)
    both = session.propagate()
    assert "9, 10, 13, 16, 17" in both.notes[0]
    assert not np.array_equal(both.labels.array, result.labels.array)
    report = session.adapt(seconds=5, steps=1)
    assert not report.kept and "three labelled slices" in report.text


def test_what_was_carried_over_is_trusted_less() -> None:
    stated = np.full((4, 4), 0.9, np.float32)
    labels = np.ones((4, 4), np.uint16)
    usual, transferred = (
        SHIPPED_CALIBRATION.of(beyond=False),
        SHIPPED_CALIBRATION.of(beyond=False, transferred=True),
    )
    assert (transferred(stated, labels) < usual(stated, labels) - 0.2).all()
