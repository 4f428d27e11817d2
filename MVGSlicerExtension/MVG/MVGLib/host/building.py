"""Builds the panel with all that is behind it, for a host."""

from __future__ import annotations

import time
from typing import Any

import slicer

from MVGCore.worker.host.client import Client
from MVGLib.control.controller import Controller
from MVGLib.control.parameters import Parameters
from MVGLib.control.protocols import Installer
from MVGLib.panel.panel import Panel
from MVGLib.panel.shortcuts import DESKTOP_KEYS
from MVGLib.scene import Scene


def build_panel(
    parent: Any = None,
    scene: Any = None,
    python: str | None = None,
    parameter_node: Any = None,
    install: Installer | None = None,
    keys: dict[str, tuple[str, ...]] = DESKTOP_KEYS,
) -> Panel:
    """Build the panel.

    Args:
        parent: A QWidget, or None.
        scene: `vtkMRMLScene`; None takes `slicer.mrmlScene`.
        python: Interpreter of the worker; None takes the installer's, or without one this interpreter.
        parameter_node: `vtkMRMLScriptedModuleNode` that keeps the choices; None takes the scene's own.
        install: `MVGLib.host.install.Install`; None takes what a run needs for granted.
        keys: Action -> keys (see `MVGLib.panel.shortcuts`).
    """
    scene = scene or slicer.mrmlScene
    if python is None and install is not None:
        python = install.python()
    controller = Controller(
        Scene(scene),
        Client(python=python),
        lambda: Parameters.of_scene(scene),
        time.monotonic,
        install,
    )
    panel = Panel(parent, controller, keys=keys)
    if parameter_node is not None:
        panel.set_parameter_node(parameter_node)
    return panel
