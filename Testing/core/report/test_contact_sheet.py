"""The contact sheet: which slices, what is drawn on them, and what is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import InputError
from MVGCore.report.contact_sheet import BACKGROUND, EXAMPLE, MAX_LEGEND_CLASSES, ContactSheet
from MVGCore.volume import Geometry, LabelMap, Volume

pytest.importorskip("matplotlib")

SHAPE = (30, 24, 20)


def sheet(**changes: object) -> ContactSheet:
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:26, 6:16, 5:12] = 1
    labels[8:20, 8:12, 7:10] = 2
    geometry = Geometry.identity(SHAPE, (1.0, 1.0, 2.5))
    image = np.random.default_rng(0).normal(100, 10, SHAPE) + 50 * labels
    settings: dict[str, object] = {
        "image": Volume(image.astype(np.float32), geometry, "a block"),
        "result": LabelMap.of(labels, geometry),
        "axis": 0,
        "count": 6,
    }
    return ContactSheet(**(settings | changes))  # type: ignore[arg-type]


def texts(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_chosen_slices_have_the_examples_and_fill_the_gaps() -> None:
    chosen = sheet(labelled=(10, 20)).chosen_slices()
    assert len(chosen) == 6 and {10, 20} <= set(chosen)
    assert chosen[0] >= 4 and chosen[-1] <= 25
    assert max(np.diff(chosen)) <= 6


def test_few_filled_slices_are_all_shown() -> None:
    assert len(sheet(count=100).chosen_slices()) == 22


def test_without_any_label_slices_of_the_whole_volume_are_shown() -> None:
    empty = LabelMap.of(np.zeros(SHAPE, np.uint8), Geometry.identity(SHAPE, (1.0, 1.0, 2.5)))
    assert len(sheet(result=empty).chosen_slices()) == 6


def test_panels_say_slice_dice_and_example() -> None:
    figure = sheet(slices=(5, 10, 15), labelled=(10,), scores={5: 0.912, 10: 1.0}).draw()
    written = texts(figure)
    assert "slice 5  Dice 0.91" in written
    assert "slice 10  example" in written
    assert "slice 15" in written
    assert {"R", "L", "A", "P"} <= set(written)


def test_truth_is_drawn_beside_the_result() -> None:
    without = sheet(slices=(10,)).draw()
    truth = sheet().result
    figure = sheet(slices=(10,), truth=truth).draw()
    assert len(figure.axes[0].collections) == 2 * len(without.axes[0].collections)
    assert "truth" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_pixels_keep_their_shape_in_millimetres() -> None:
    axes = sheet(axis=1, slices=(10,)).draw().axes[0]
    assert axes.get_aspect() == pytest.approx(2.5)


def test_the_legend_stays_readable_with_many_classes() -> None:
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE) % 40
    many = LabelMap.of(array.astype(np.uint8), Geometry.identity(SHAPE, (1.0, 1.0, 2.5)))
    legend = sheet(result=many, slices=(10,)).draw().legends[0]
    labels = [text.get_text() for text in legend.get_texts()]
    assert len(labels) == MAX_LEGEND_CLASSES + 1 and labels[-1] == f"and {39 - MAX_LEGEND_CLASSES} more"


def test_save_writes_a_picture_with_framed_examples(tmp_path: Path) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    path = tmp_path / "sheet.png"
    sheet(labelled=(10, 20)).save(path, dpi=40)
    pixels = imread(path)[..., :3]
    for colour in (BACKGROUND, EXAMPLE):
        assert np.abs(pixels - to_rgb(colour)).max(axis=-1).min() < 0.03
    assert [each.name for each in tmp_path.iterdir()] == ["sheet.png"]


def test_maps_on_another_grid_are_refused() -> None:
    other = LabelMap.of(np.ones((3, 4, 5), np.uint8), Geometry.identity((3, 4, 5)))
    with pytest.raises(InputError, match="truth"):
        sheet(truth=other).draw()


@pytest.mark.parametrize("slices", [(30,), (-1,), ()])
def test_slices_outside_the_volume_are_refused(slices: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="0 to 29"):
        sheet(slices=slices).draw()


def test_matplotlib_is_loaded_only_when_drawing() -> None:
    program = "import sys, MVGCore.report.contact_sheet; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
