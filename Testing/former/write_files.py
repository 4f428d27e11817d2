"""Writes the files of this folder; runs in a checkout of the version that they come from (see README.md)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from MVGDesktop.app import prepare

APPLICATION = prepare()

import numpy as np  # noqa: E402
from PyQt5 import QtCore  # noqa: E402

from MVGCore.prompts import PromptSet  # noqa: E402
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume, write_volume  # noqa: E402
from MVGDesktop.editing.tools import Tool  # noqa: E402
from MVGDesktop.files.saving import save_scene  # noqa: E402
from MVGDesktop.window import MainWindow  # noqa: E402
from Testing.desktop.conftest import settle, wait_until  # noqa: E402
from Testing.desktop.mouse import click, place_of  # noqa: E402

SHAPE = (10, 24, 20)
CLASSES = (
    SegmentClass(4, "Größe", (1.0, 0.5, 0.0)),
    SegmentClass(8, "back", (0.25, 0.5, 1.0), "SCT^1^x~SCT^2^y"),
)


def ball() -> tuple[Volume, np.ndarray]:
    """A bright ball in a dark box, and where it is."""
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    inside = (2.0 * (k - 5)) ** 2 + (1.5 * (j - 12.0)) ** 2 + (i - 10.0) ** 2 <= 8**2
    array = np.where(inside, 200, 50).astype(np.int16)
    array += (np.arange(inside.size).reshape(SHAPE) % 7).astype(np.int16)
    return Volume(array, Geometry(SHAPE, (1.0, 1.5, 2.0), (-30.0, 40.0, 5.0)), "ball", "CT"), inside


def core_examples(image: Volume, inside: np.ndarray) -> PromptSet:
    """Two axes, one example known in part, one switched off, a class with terminology."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[3], labels[6] = inside[3] * 4, inside[6] * 4
    labels[3, 12:] *= 2
    prompts = PromptSet.from_labelmap(image, LabelMap(labels, image.geometry, CLASSES), 0, source="case 1")
    across = np.zeros(SHAPE, np.uint8)
    across[:, :, 9] = inside[:, :, 9] * 4
    for each in PromptSet.from_labelmap(image, LabelMap(across, image.geometry, CLASSES), 2).prompts:
        prompts.add(each, CLASSES)
    known = np.zeros(SHAPE[1:], bool)
    known[4:20] = True
    prompts.prompts[0] = replace(prompts.prompts[0], known=known)
    prompts.prompts[1] = replace(prompts.prompts[1], enabled=False)
    return prompts


def paint(window: MainWindow) -> None:
    """Three discs, as a hand would."""
    axial = window.views.panels[0]
    for index, radius in ((2, 4.0), (5, 7.0), (8, 4.0)):
        axial.go_to(index)
        window.editor.use(Tool.PAINT)
        window.editor.set_radius(radius)
        click(axial.view, place_of(axial, (10, 12, index)))
    settle(APPLICATION, 100)


def autosaved(window: MainWindow, to: Path, out: Path) -> None:
    """Keep what the window would leave behind if it crashed now; the record names the image by "FOLDER"."""
    window.autosave.save()
    wait_until(lambda: not window.autosave.writing)
    shutil.copytree(window.autosave.folder, to)
    text = (to / "record.json").read_text().replace(str(window.autosave.folder), "FOLDER")
    (to / "record.json").write_text(text.replace(str(out), "FOLDER"))


def expected(window: MainWindow, own: np.ndarray) -> dict[str, Any]:
    """What the scene has to say."""
    view = window.panel.controller.view()
    return {
        "own": own.astype(int).ravel().nonzero()[0].tolist(),
        "result": window.document.voxels()
        .mask(window.document.segment_ids()[0])
        .ravel()
        .nonzero()[0]
        .tolist(),
        "examples": [[each.place, each.enabled, each.segments] for each in view.examples],
        "slices": {index: [score.value, score.error] for index, score in view.review.slices.items()},
        "expected": [view.review.expected.value, view.review.expected.error],
        "known": view.review.known,
        "next": view.review.next_slice,
    }


def main(out: Path, work: Path) -> None:
    """Write all files to `out`; `work` is left behind."""
    image, inside = ball()
    write_volume(out / "ball.nrrd", image)
    core_examples(image, inside).save(out / "core.mvgprompts")
    settings = QtCore.QSettings(str(work / "s.ini"), QtCore.QSettings.IniFormat)
    window = MainWindow(settings, work / "recovery")
    window.show()
    window.filing.open(str(out / "ball.nrrd"))
    settle(APPLICATION, 200)
    paint(window)
    controller = window.panel.controller
    controller.add_all_labelled()
    controller.enable(controller.view().examples[2].key, False)
    controller.set(all_axes=False, seed=7, limited=True, first=1, last=8, adapt_seconds=33)
    controller.save_prompts(str(out / "panel.mvgprompts"))
    own = window.document.voxels().mask(window.document.segment_id)
    autosaved(window, out / "autosave", out)
    controller.apply()
    wait_until(lambda: controller.view().review is not None and controller.view().progress is None, 240)
    save_scene(out / "scene.mrb")
    (out / "expected.json").write_text(json.dumps(expected(window, own)))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
    sys.stdout.flush()
    os._exit(0)  # without the questions of a window that is closed
