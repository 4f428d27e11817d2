"""Steps that many tests of the panel take."""

from __future__ import annotations

from typing import Any

import numpy as np

from MVGLib.control.controller import Controller
from MVGLib.control.state import Level, Phase
from Testing.slicer.nodes import segment_array
from Testing.slicer.panel.fakes import FakeClock


def problem(controller: Controller) -> str:
    """What has gone wrong, or empty."""
    message = controller.view().message
    return message.text if message is not None and message.level is Level.ERROR else ""


def finish(controller: Controller) -> None:
    """Let a fake worker do all that it was asked."""
    for _round in range(1000):
        if not controller.runner.busy:
            return
        controller.runner.worker.finish()
        controller.poll()
    raise AssertionError("The run does not end.")


def settle(controller: Controller, clock: FakeClock) -> None:
    """Let an edit of the user settle."""
    clock.now += 1.0
    for _round in range(200):
        controller.poll()
    assert controller.view().phase in (Phase.IDLE, Phase.SETUP)


def segments_of(node: Any, volume_node: Any) -> dict[str, np.ndarray]:
    """Name -> (K, J, I) mask."""
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(number) for number in range(segmentation.GetNumberOfSegments())]
    return {segmentation.GetSegment(each).GetName(): segment_array(node, each, volume_node) for each in ids}


def node_names(mrml: Any) -> list[str]:
    """The ids of all nodes of the scene but the parameters, in order."""
    count = mrml.GetNumberOfNodes()
    nodes = [mrml.GetNthNode(number) for number in range(count)]
    return sorted(node.GetID() for node in nodes if not node.IsA("vtkMRMLScriptedModuleNode"))
