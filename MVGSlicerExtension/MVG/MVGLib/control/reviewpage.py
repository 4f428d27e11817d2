"""The review page of the result that waits, or of the labels that are chosen: one file for a browser."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from MVGCore.errors import InputError
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _


@dataclass(eq=False, repr=False)
class ReviewPage:
    """The action that writes it."""

    _dialogue: Dialogue
    _scene: SceneAccess
    _workspace: Workspace
    _reviewer: Reviewer

    @action
    def write(self) -> str:
        """Write the page to a folder of its own and give its path; it holds no name of a node or a file."""
        from MVGCore.datasets.qa import write_review_of  # with scipy, which may have to be installed

        review, workspace = self._reviewer.review, self._workspace
        nodes = (workspace.volume_id, workspace.partner_id)
        if review is not None and review.task.makes_segments:
            nodes = (review.volume_id, review.node_id)
        if not nodes[0] or not self._scene.nodes.is_segmentation(nodes[1]):
            raise InputError(_("There are no labels to review; open an image and label it first."))
        image = self._scene.volume(nodes[0])
        labels = self._scene.label_map(nodes[1], nodes[0])
        axis = review.axis if review is not None else image.geometry.coarsest_axis
        page = Path(tempfile.mkdtemp(prefix="mvg-review-")) / "review.html"
        write_review_of(image, labels, axis, page, _("Review of the labels"))
        self._dialogue.say(_("The review page is '{page}'; it holds no name.").format(page=page))
        return str(page)
