"""`mvg info`: every kind of file, and models by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from MVGCore.models import names
from MVGCore.volume import write_labelmap

Mvg = Callable[..., tuple[int, str, str]]


def test_image(scene, mvg: Mvg) -> None:
    code, printed, _ = mvg("info", scene.image_path)
    assert code == 0
    assert "image, float32" in printed and "16 x 20 x 12 voxels" in printed


def test_label_map_counts_voxels_and_labelled_slices(scene, mvg: Mvg) -> None:
    path = scene.folder / "labels.nii.gz"
    write_labelmap(path, scene.truth)
    printed = mvg("info", path)[1]
    assert "label map of 2 classes" in printed
    assert f"{np.count_nonzero(scene.truth.array == 7)}" in printed
    assert "10 of 12 along k" in printed


def test_segmentation_names_its_segments(scene, mvg: Mvg) -> None:
    printed = mvg("info", scene.few_path)[1]
    assert "segmentation of 2 segments" in printed and "spleen" in printed
    assert "2 of 12 along k" in printed


def test_prompt_set_lists_its_examples(scene, mvg: Mvg) -> None:
    from MVGCore.prompts import PromptSet

    path = scene.folder / "examples.mvgprompts"
    PromptSet.from_labelmap(scene.image, scene.truth, axis=0, slices=[5], source="patient 1").save(path)
    printed = mvg("info", path)[1]
    assert "1 examples of 2 classes" in printed
    assert "slice 5 along k: liver, spleen from patient 1" in printed


@pytest.mark.parametrize("name", names())
def test_models_by_name(mvg: Mvg, name: str) -> None:
    code, printed, _ = mvg("info", name)
    assert code == 0
    assert printed.startswith(f"{name}: ") and "parameters" in printed


def test_neither_a_file_nor_a_model(mvg: Mvg) -> None:
    code, _, complaint = mvg("info", "enormous")
    assert code == 2 and "compact" in complaint
