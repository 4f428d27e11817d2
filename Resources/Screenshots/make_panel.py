"""Takes pictures of the panel in its states, with the real worker on the brain image of `mvg demo`.

    python Resources/Screenshots/make_panel.py [--folder DIR] [--dark] [--scale 2] [STATE ...]

Needs `pip install ".[desktop,demo]"`. Without states, all are taken and written beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from MVGCore.volume import LabelMap, Volume

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 360  # the narrowest panel that has to work
PATIENCE = 600.0  # seconds for one run
COLORS = {1: (0.94, 0.47, 0.12), 2: (0.0, 0.72, 0.74)}


def brain() -> tuple[Volume, LabelMap, tuple[int, ...]]:
    """The brain image with fewer and coarser slices, which is soon computed; five are labelled, and which."""
    from MVGCore.evaluation.cases import demo_case, keep_slices, labelled_slices
    from MVGCore.volume import LabelMap, SegmentClass, Volume

    image, truth = demo_case()
    i, j, k = image.geometry.spacing
    array = np.ascontiguousarray(image.array[::5, ::2, ::2])
    geometry = replace(image.geometry, shape=array.shape, spacing=(2 * i, 2 * j, 5 * k))
    classes = [SegmentClass(each.id, each.name, COLORS[each.id]) for each in truth.classes]
    labels = LabelMap.of(truth.array[::5, ::2, ::2], geometry, classes)
    slices = labelled_slices(labels, 0, 5)
    return Volume(array, geometry, image.name), keep_slices(labels, 0, slices), slices


class Studio:
    """The panel on a scene with the brain image, and what the pictures show."""

    def __init__(self, installer: Any = None) -> None:
        from MVGDesktop import headless, qtcompat

        self.app = qtcompat.application()
        import slicer

        from MVGLib import build_panel
        from MVGLib.scene.placement import geometry_of

        self.slicer, self.headless = slicer, headless
        self.image, self.few, self.slices = brain()
        headless.add_slice_view("Red", "Axial")
        self.volume = self._add_volume(self.image.array, "MNI T1")
        assert geometry_of(self.volume).is_close(self.image.geometry)
        self.labels = self._add_labels("few slices", self.few.array)
        self.panel = build_panel(python=sys.executable, install=installer)
        self.controller = self.panel.controller
        self.panel.widget.show()
        self.panel.enter()

    def _add_volume(self, array: np.ndarray, name: str) -> Any:
        geometry = self.image.geometry
        direction = np.reshape(geometry.direction, (3, 3)) * geometry.spacing
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = direction, geometry.origin
        to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix
        util = self.slicer.util
        node = util.addVolumeFromArray(array, ijkToRAS=util.vtkMatrixFromArray(to_ras), name=name)
        node.CreateDefaultDisplayNodes()
        return node

    def _add_labels(self, name: str, array: np.ndarray) -> Any:
        node = self.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        for each in self.few.classes:
            segment = node.GetSegmentation().AddEmptySegment(each.name, each.name, each.color)
            mask = (array == each.id).astype(np.uint8)
            self.slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment, self.volume)
        return node

    def wait(self, until: Callable[[], bool]) -> None:
        """Let the event loop run until something has happened."""
        end = time.monotonic() + PATIENCE
        while not until():
            self.app.processEvents()
            time.sleep(0.005)
            if time.monotonic() > end:
                raise TimeoutError("The run did not end.")

    def idle(self) -> bool:
        """Whether nothing runs."""
        return not self.controller.runner.busy

    def shoot(self, path: Path) -> None:
        """Write a picture of the panel, as high as it needs to be."""
        widget = self.panel.widget
        for _round in range(3):  # labels that wrap have their height only after a layout
            widget.resize(WIDTH, widget.layout().totalHeightForWidth(WIDTH))
            self.app.processEvents()
        image = widget.grab().toImage()
        image.save(str(path), "PNG", 0)  # 0: as small as possible
        print(f"{path}  {image.width()} x {image.height()}")

    # The states

    def start(self) -> None:
        """A panel that was just opened."""

    def install(self) -> None:
        """PyTorch is not installed yet."""

    def chosen(self) -> None:
        """Volume and labels are chosen."""
        self.controller.choices.set_volume(self.volume.GetID())
        self.controller.choices.set_partner(self.labels.GetID())
        self.controller.dismiss()

    def examples(self) -> None:
        """The labelled slices are examples."""
        self.chosen()
        self.controller.examples.add_all_labelled()
        self.controller.examples.enable(self.controller.view().examples[1].key, False)

    def options(self) -> None:
        """The options are open."""
        self.examples()
        self.controller.choices.set(adapt=True)
        self.wait(lambda: self.controller.view().memory != "")
        self.panel.ui.optionsSection.setProperty("collapsed", False)

    def running(self) -> None:
        """A run goes on."""
        self.examples()
        self.controller.examples.enable(self.controller.view().examples[1].key, True)
        self.controller.runs.apply()
        self.wait(lambda: self.idle() or self.controller.view().progress.fraction > 0.4)

    def review(self) -> None:
        """A result waits for its review."""
        self.running()
        self.wait(self.idle)
        self.controller.dismiss()

    def error(self) -> None:
        """The worker has ended in the middle of a run."""
        self.running()
        os.kill(self.controller.runner.worker.worker_pid, 9)
        self.wait(self.idle)

    def denoise(self) -> None:
        """No examples are needed."""
        self.controller.choices.set_volume(self.volume.GetID())
        self.controller.choices.set_task("denoise")

    def inpaint(self) -> None:
        """A segmentation marks what to fill in."""
        self.denoise()
        self.controller.choices.set_task("inpaint")
        self.controller.choices.set_mask(self._add_labels("artefact", self.few.array).GetID())

    def synthesize(self) -> None:
        """Examples are slices beside the same slices of the wanted contrast."""
        wanted = np.zeros_like(self.image.array)
        for index in self.slices:
            plane = self.image.array[index]
            wanted[index] = np.where(plane > 0, self.image.array.max() - plane, 0)
        node = self._add_volume(wanted, "T2, five slices")
        self.controller.choices.set_volume(self.volume.GetID())
        self.controller.choices.set_task("synthesize")
        self.controller.choices.set_partner(node.GetID())
        self.controller.examples.add_all_labelled()
        self.controller.dismiss()

    def case(self) -> None:
        """A slice of a data set is to be corrected."""
        from MVGCore.datasets.next_slices import NextSlice
        from MVGCore.prompts import PromptSet
        from MVGCore.volume import write_volume

        folder = Path(tempfile.mkdtemp(prefix="mvg-cases-"))
        write_volume(folder / "brain.nrrd", self.image)
        entries = []
        for index in self.slices[1:]:
            prompts = PromptSet.from_labelmap(self.image, self.few, 0, [index])
            prompts.prompts[0].enabled = False
            prompts.save(folder / f"{index}.mvgprompts")
            entries.append(
                NextSlice("brain", str(folder / "brain.nrrd"), "k", index, f"{index}.mvgprompts", 0.1)
            )
        (folder / "list.json").write_text(json.dumps([asdict(each) for each in entries]))
        self.controller.cases.open(str(folder / "list.json"))
        self.controller.cases.save_and_next()


STATES = (
    "start",
    "install",
    "examples",
    "options",
    "running",
    "review",
    "error",
    "denoise",
    "inpaint",
    "synthesize",
    "case",
)


def _without_torch() -> Any:
    """The installer in an application that has nothing of what a run needs."""
    from types import SimpleNamespace

    from MVGLib.host.install import Install

    nothing = {"installed": lambda _name: None, "is_intel_mac": lambda: False, "remembered": lambda: ""}
    return Install(SimpleNamespace(**nothing))


def make_dark(app: Any) -> None:
    """Colours as of Slicer's dark style."""
    import qt

    palette = qt.QPalette()
    for role, color in (
        ("Window", "#323232"),
        ("WindowText", "#f0f0f0"),
        ("Base", "#262626"),
        ("AlternateBase", "#3a3a3a"),
        ("Text", "#f0f0f0"),
        ("Button", "#3f3f3f"),
        ("ButtonText", "#f0f0f0"),
        ("Highlight", "#2a82da"),
        ("HighlightedText", "#ffffff"),
    ):
        palette.setColor(getattr(qt.QPalette, role), qt.QColor(color))
    for role in ("WindowText", "Text", "ButtonText"):
        palette.setColor(qt.QPalette.Disabled, getattr(qt.QPalette, role), qt.QColor("#8c8c8c"))
    app.setPalette(palette)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("states", nargs="*", metavar="STATE", help=f"of {', '.join(STATES)}")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    parser.add_argument("--dark", action="store_true", help="light text on dark")
    parser.add_argument("--scale", default="1", help="of the screen, e.g. 2")
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ |= {"QT_SCALE_FACTOR": arguments.scale, "QT_FONT_DPI": "96"}
    sys.path[:0] = [str(ROOT / "MVGSlicerExtension"), str(ROOT / "MVGSlicerExtension" / "MVG"), str(ROOT)]
    from MVGDesktop import headless, qtcompat

    headless.start()
    qtcompat.install()
    app = qtcompat.application()
    app.setStyle("Fusion")
    font = app.font()
    font.setPixelSize(13)
    app.setFont(font)
    if arguments.dark:
        make_dark(app)
    suffix = ("-dark" if arguments.dark else "") + ("" if arguments.scale == "1" else f"-x{arguments.scale}")
    for state in arguments.states or STATES:
        headless.start().mrmlScene().Clear(False)
        studio = Studio(_without_torch() if state == "install" else None)
        getattr(studio, state)()
        studio.shoot(arguments.folder / f"panel-{state}{suffix}.png")
        studio.panel.cleanup()
        studio.panel.widget.deleteLater()


if __name__ == "__main__":
    main()
