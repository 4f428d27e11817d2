"""The panel on Slicer's real scene, in a real Qt, with a worker that the test decides or the real one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

from MVGDesktop import qtcompat
from MVGLib.control.controller import Controller
from MVGLib.control.parameters import Parameters
from MVGLib.scene import Scene
from Testing.slicer.panel.fakes import FakeClock, FakeWorker
from Testing.slicer.panel.steps import finish, problem

qtcompat.install()


@pytest.fixture(scope="session", autouse=True)
def application() -> Any:
    """The one QApplication."""
    return qtcompat.application()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def make_controller(scene: Scene, red_view: Any, clock: FakeClock) -> Iterator[Callable[..., Controller]]:
    """Makes controllers on the scene; all are closed at the end."""

    made = []

    def make(worker: Any, **choices: Any) -> Controller:
        parameters = choices.pop("parameters", lambda: Parameters.of_scene(scene.mrml))
        made.append(Controller(scene, worker, parameters, choices.pop("clock", clock), **choices))
        return made[-1]

    yield make
    for controller in made:
        controller.close()


@pytest.fixture
def controller(
    make_controller: Any, worker: FakeWorker, a_segmentation_node: Any, a_volume_node: Any
) -> Controller:
    """A controller with the volume and the segmentation chosen, and no example yet."""
    made = make_controller(worker)
    made.choices.set_volume(a_volume_node.GetID())
    made.choices.set_partner(a_segmentation_node.GetID())
    assert problem(made) == ""
    return made


@pytest.fixture
def ready(controller: Controller) -> Controller:
    """A controller with the three labelled slices as examples."""
    controller.examples.add_all_labelled()
    assert len(controller.view().examples) == 3
    return controller


@pytest.fixture
def make_panel(application: Any) -> Iterator[Any]:
    from MVGLib.panel.panel import Panel  # needs the application

    made = []

    def make(controller: Any, width: int = 360) -> Any:
        panel = Panel(None, controller)
        panel.widget.resize(width, 900)
        panel.widget.show()
        panel.enter()
        application.processEvents()
        made.append(panel)
        return panel

    yield make
    for panel in made:
        panel.cleanup()
        panel.widget.deleteLater()


@pytest.fixture
def panel(make_panel: Any, ready: Any) -> Any:
    """The panel with three examples."""
    return make_panel(ready)


@pytest.fixture
def reviewed(panel: Any) -> Any:
    """The panel with a result."""
    panel.controller.runs.apply()
    finish(panel.controller)
    return panel
