"""Slices to label next, one case after the other: the list that `mvg label --next` wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.errors import InputError
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.parameters import LABELS, VOLUME
from MVGLib.control.permissions import Permissions
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _

if TYPE_CHECKING:
    from MVGCore.datasets.next_cases import NextCase, NextCases

CaseNodes = tuple[str, str]  # volume and segmentation


@dataclass(eq=False, repr=False)
class Cases:
    """The actions that go through a list: open, correct, save, next.

    Attributes:
        place: Brings a case into the scene and gives its nodes; None if the user keeps what is there. It is
            told whether the case before was just saved. By default that goes then, if nothing else was drawn
            in it, and all else in the scene stays.
    """

    _dialogue: Dialogue
    _permissions: Permissions
    _scene: SceneAccess
    _workspace: Workspace
    _reviewer: Reviewer
    _list: NextCases | None = field(default=None, init=False)
    _case: NextCase | None = field(default=None, init=False)
    _nodes: CaseNodes = field(default=("", ""), init=False)

    def __post_init__(self) -> None:
        self.place: Callable[[NextCase, bool], CaseNodes | None] = self._place_in_scene

    @property
    def text(self) -> str:
        """Which slice is to be corrected, and how many are done; empty if no list is open."""
        if self._list is None or self._case is None:
            return ""
        plane = self._scene.plane_name(self._nodes[0], self._case.place.axis) if self.is_there() else ""
        where = f"{self._case.entry.volume}, {plane or self._case.entry.axis} {self._case.entry.index}"
        text = _("{where}: correct it, then save it. {progress}")
        return text.format(where=where, progress=self._list.text)

    def is_there(self) -> bool:
        """Whether the nodes of the case are in the scene."""
        return all(self._scene.nodes.exists(each) for each in self._nodes)

    @action
    def open(self, path: str) -> None:
        """Open the first case of a list that is not done.

        Args:
            path: The list, or the folder in which it lies.
        """
        from MVGCore.datasets.next_cases import NextCases  # what it reads files with may have to be installed

        self._permissions.require("edit")
        self._list = NextCases.open(Path(path))
        self._next(saved=False)

    @action
    def save_and_next(self) -> None:
        """Keep the slice as it is now, and open the next case."""
        self._permissions.require("edit")
        listed, case, workspace = self._list, self._case, self._workspace
        if listed is None or case is None:
            raise InputError(_("No list of cases is open; open one first: Cases to label next."))
        if not self.is_there() or workspace.volume_id != self._nodes[0] or not workspace.nodes[LABELS]:
            raise InputError(_("The volume of the case, or its labels, are not chosen; choose them again."))
        listed.save(case, self._scene.label_map(workspace.nodes[LABELS], workspace.volume_id))
        self._next(saved=True)

    @action
    def close(self) -> None:
        """Leave the list; what is in the scene stays, and what is done is found again."""
        self._list, self._case, self._nodes = None, None, ("", "")

    def _next(self, saved: bool) -> None:
        assert self._list is not None
        case = self._list.case()
        if case is None:
            done = self._list.text
            self._list, self._case = None, None
            self._dialogue.say(done, stays=True)
            return
        nodes = self.place(case, saved)
        if nodes is None:
            return
        self._case, self._nodes, workspace = case, nodes, self._workspace
        workspace.set(task=PanelTask.SEGMENT, limited=False, axis=-1, intensities=False)
        workspace.choose(VOLUME, nodes[0])
        workspace.choose(LABELS, nodes[1])
        self._scene.jump(nodes[0], case.place)

    def _place_in_scene(self, case: NextCase, saved: bool) -> CaseNodes:
        goes = self._nodes if saved and self._may_go(self._nodes) else ()
        nodes = self._scene.add_case(case.image, case.labels)
        self._scene.remove(goes)
        return nodes

    def _may_go(self, nodes: CaseNodes) -> bool:
        """Whether all that was drawn in a case is in its file: nothing on other slices, and no result."""
        volume_id, labels_id = nodes
        if not all(self._scene.nodes.exists(each) for each in nodes) or self._case is None:
            return False
        drawn = self._scene.labelled(labels_id, volume_id, self._case.place.axis)
        reviewed = self._reviewer.review is not None and self._reviewer.review.volume_id == volume_id
        return set(drawn) <= {self._case.place} and not reviewed
