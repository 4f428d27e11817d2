"""The frames of a sequence that a run makes one after the other."""

from __future__ import annotations

from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.workspace import Workspace


class Frames:
    """Goes through the frames, and back to the one that was in view."""

    def __init__(self, scene: SceneAccess, workspace: Workspace, reviewer: Reviewer) -> None:
        self._scene = scene
        self._workspace = workspace
        self._reviewer = reviewer
        self._left: tuple[int, ...] = ()
        self._first: int | None = None  # the one in view when the run began

    def begin(self) -> None:
        """A run begins with the frame in view; the others follow, if all are wanted."""
        volume_id = self._workspace.volume_id
        self._left, self._first = (), None
        if self._workspace.settings.all_frames:
            current = self._scene.frame(volume_id)
            self._left = tuple(each for each in range(self._scene.frames(volume_id)) if each != current)

    def go_on(self) -> bool:
        """Keep the result of this frame and show the next; False if there is none."""
        if not self._left and self._first is None:
            return False
        self._reviewer.record_frame()
        if not self._left:
            return False
        if self._first is None:
            self._first = self._scene.frame(self._workspace.volume_id)
        self._reviewer.show_frame(self._left[0])
        self._left = self._left[1:]
        return True

    def end(self) -> None:
        """Show the frame with which the run began."""
        if self._first is not None and self._reviewer.review is not None:
            self._reviewer.show_frame(self._first)
        self._left, self._first = (), None
