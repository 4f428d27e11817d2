"""Volumes that are frames of a sequence (4D data)."""

from __future__ import annotations

from typing import Any

import slicer

from MVGCore.errors import InputError
from MVGLib.texts import _


def browser_of(volume_node: Any) -> Any:
    """The sequence browser that plays a volume, or None."""
    return slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(volume_node)


def frame_count(volume_node: Any) -> int:
    """Number of frames; 1 for a volume that is no sequence."""
    browser = browser_of(volume_node)
    return max(1, browser.GetNumberOfItems()) if browser is not None else 1


def frame(volume_node: Any) -> int:
    """The frame that is shown, from 0."""
    browser = browser_of(volume_node)
    return max(0, browser.GetSelectedItemNumber()) if browser is not None else 0


def set_frame(volume_node: Any, number: int) -> None:
    """Show a frame: the volume node has its voxels then.

    Raises:
        InputError: There is no such frame.
    """
    count = frame_count(volume_node)
    if not 0 <= number < count:
        raise InputError(
            _("'{name}' has no frame {number}; choose 0 to {last}.").format(
                name=volume_node.GetName(), number=number, last=count - 1
            )
        )
    browser = browser_of(volume_node)
    if browser is not None:
        browser.SetSelectedItemNumber(number)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)


def record_frame(volume_node: Any, result_node: Any) -> None:
    """Keep what a result holds now as its frame beside the volume's frame that is shown.

    The result becomes part of the volume's sequence browser: scrolling through the frames shows its frames.
    """
    browser = browser_of(volume_node)
    if browser is None:
        return
    master = browser.GetSequenceNode(volume_node)
    own = browser.GetSequenceNode(result_node)
    if own is None:
        own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", result_node.GetName())
        own.SetIndexName(master.GetIndexName())
        own.SetIndexUnit(master.GetIndexUnit())
        own.SetIndexType(master.GetIndexType())
        own.SetDataNodeAtValue(result_node, _index(master, browser))
        browser.AddSynchronizedSequenceNode(own)
        browser.AddProxyNode(result_node, own, False)
        return
    own.SetDataNodeAtValue(result_node, _index(master, browser))


def _index(master: Any, browser: Any) -> str:
    return str(master.GetNthIndexValue(browser.GetSelectedItemNumber()))
