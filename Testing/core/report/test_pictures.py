"""Pictures and outlines of slices."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from MVGCore.report.pictures import draw_pictures, informative_slices, outline_path
from MVGCore.volume import Geometry, LabelMap, Volume


def filled(path: str, shape: tuple[int, int]) -> np.ndarray:
    """The mask that horizontal and vertical lines enclose: pixels right of an odd number of lines."""
    crossings = np.zeros((shape[0], shape[1] + 1), int)
    for x, y, direction, length in re.findall(r"M(\d+) (\d+)([hv])(\d+)", path):
        if direction == "v":
            crossings[int(y) : int(y) + int(length), int(x)] += 1
    return np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_an_outline_encloses_its_mask_and_nothing_else(mask: np.ndarray) -> None:
    path = outline_path(mask)
    assert np.array_equal(filled(path, mask.shape), mask)
    # The horizontal lines alone tell the same, seen from above.
    turned = re.sub(r"M(\d+) (\d+)([hv])", lambda m: f"M{m[2]} {m[1]}{'v' if m[3] == 'h' else 'h'}", path)
    assert np.array_equal(filled(turned, mask.T.shape), mask.T)


def test_pictures_are_cropped_to_the_labels_and_keep_their_proportions() -> None:
    array = np.zeros((4, 100, 200), np.uint8)
    array[1, 40:60, 90:110] = 1
    geometry = Geometry(array.shape, (1.0, 2.0, 5.0))
    image = Volume(np.random.default_rng(0).normal(0, 1, array.shape).astype(np.float32), geometry)
    (picture,) = draw_pictures(image, [LabelMap.of(array, geometry)], 0, [1])
    assert picture.size == (20 + 2 * 12, 20 + 2 * 6)
    assert picture.aspect == 2.0
    jpeg = Image.open(io.BytesIO(base64.b64decode(picture.jpeg)))
    assert jpeg.format == "JPEG" and jpeg.size == (44, 32)
    ((class_id, path),) = picture.outlines[0]
    assert class_id == 1 and filled(path, (32, 44)).sum() == 400


def test_the_slices_to_look_at_hold_the_largest_and_the_least_sure() -> None:
    array = np.zeros((30, 8, 8), np.uint8)
    array[5:25, 2:4, 2:4] = 1
    array[9] = 1
    labels = LabelMap.of(array, Geometry(array.shape))
    chosen = informative_slices(labels, 0, {20: 0.2, 21: 0.3, 14: 0.5, 2: 0.0}, 5)
    assert {9, 20} <= set(chosen) and len(chosen) == 5
    assert all(5 <= index < 25 for index in chosen)
    assert informative_slices(labels, 0, {}, 100) == list(range(5, 25))
    empty = LabelMap.of(array * 0, Geometry(array.shape))
    assert informative_slices(empty, 0, {}, 5) == [15]
