"""What the user chose: settings, nodes and examples, kept in the scene's parameter node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from MVGCore.errors import MVGError
from MVGCore.volume import SliceKey
from MVGLib.control.claims import ClaimBook
from MVGLib.control.dialogue import RemediableError
from MVGLib.control.examplebook import ExampleBook
from MVGLib.control.examples import ClassTable
from MVGLib.control.generated import Generated
from MVGLib.control.parameters import DRAFT, LABELS, MASK, TARGET, VOLUME, Parameters
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.runsettings import PanelTask, RunSettings
from MVGLib.control.state import Remedy

_ONE_OF_EACH = (PanelTask.SEGMENT, PanelTask.SYNTHESIZE)  # tasks of a kind share their examples


class Workspace:
    """The choices, and where they are kept.

    Attributes:
        settings: The user's settings.
        nodes: Role (`parameters.VOLUME`, ...) -> node id, empty if none is chosen.
        classes: The numbers of the classes.
        book: The examples.
        claims: What the user knows of slices that nobody has drawn.
        generated: Slices of the user's segmentations that accepted results have left.
    """

    def __init__(self, scene: SceneAccess, parameters: Callable[[], Parameters]) -> None:
        """
        Args:
            scene: The scene.
            parameters: Gives the parameters of the scene, which it makes if there are none.
        """
        self._scene = scene
        self._find_parameters = parameters
        self._parameters: Parameters | None = None
        self.settings = RunSettings()
        self.nodes = dict.fromkeys((VOLUME, LABELS, TARGET, MASK, DRAFT), "")
        self.classes = ClassTable()
        self.book = ExampleBook(scene, self.classes)
        self.claims = ClaimBook(scene)
        self.generated = Generated(scene, self.classes, {})

    @property
    def task(self) -> PanelTask:
        """The task that is chosen."""
        return self.settings.task

    @property
    def volume_id(self) -> str:
        """The input volume, or empty."""
        return self.nodes[VOLUME]

    @property
    def partner_id(self) -> str:
        """What examples of the task are taken from: a segmentation or the wanted volume, or empty."""
        return self.nodes[LABELS if self.task.makes_segments else TARGET]

    @property
    def parameters(self) -> Parameters:
        """The parameters of the scene."""
        if self._parameters is None:
            self._parameters = self._find_parameters()
        return self._parameters

    def slice_in_view(self) -> SliceKey:
        """The slice of the input volume that is in view.

        Raises:
            RemediableError: The view is oblique or elsewhere.
        """
        try:
            return self._scene.slice_in_view(self.volume_id)
        except MVGError as error:
            raise RemediableError(str(error), Remedy.ROTATE_VIEWS) from error

    def versions(self) -> tuple[object, ...]:
        """Differs whenever a run would be told something else of its labels."""
        draft = self._scene.nodes.fingerprint(self.nodes[DRAFT]) if self.nodes[DRAFT] else ""
        limits = (self.settings.low, self.settings.high) if self.settings.intensities else ()
        return (*self.book.versions(self.task), *self.claims.versions(), draft, limits)

    def use(self, parameters: Parameters | None) -> None:
        """Read the choices from other parameters; None finds those of the scene when they are needed."""
        self._parameters = parameters
        self.load()

    def set(self, **changes: Any) -> None:
        """Change some settings."""
        self.settings = replace(self.settings, **changes)

    def choose(self, role: str, node_id: str) -> None:
        """Choose a node."""
        self.nodes[role] = node_id

    def choose_partner(self, node_id: str) -> None:
        """Choose what examples of the task are taken from."""
        self.nodes[LABELS if self.task.makes_segments else TARGET] = node_id

    def forget_node(self, node_id: str) -> None:
        """A node is gone: it is not chosen any more, and its examples are none."""
        self.nodes = {role: "" if known == node_id else known for role, known in self.nodes.items()}
        self.book.forget_node(node_id)
        self.claims.forget_node(node_id)
        self.generated.forget_node(node_id)

    def load(self) -> None:
        """Read everything from the scene."""
        parameters = self.parameters
        self.settings = parameters.settings()
        self.nodes = {role: parameters.node_id(role) for role in self.nodes}
        self.classes = ClassTable(parameters.class_names())
        self.book = ExampleBook(self._scene, self.classes)
        self.claims = ClaimBook(self._scene, parameters.claims(), self.claims.changed)
        self.generated = Generated(self._scene, self.classes, parameters.generated())
        for task in _ONE_OF_EACH:
            self.book.replace_all(task, parameters.examples(task))

    def save(self) -> None:
        """Write everything to the scene; what is there already is not written again."""
        parameters = self.parameters
        parameters.set_settings(self.settings)
        for role, node_id in self.nodes.items():
            parameters.set_node_id(role, node_id)
        parameters.set_class_names(self.classes.numbers)
        parameters.set_generated(self.generated.sums)
        parameters.set_claims(self.claims.all)
        for task in _ONE_OF_EACH:
            parameters.set_examples(task, self.book.of(task))

    def is_kept(self) -> bool:
        """Whether the scene has these very choices, so that there is nothing to read."""
        parameters = self.parameters
        return (
            parameters.settings() == self.settings
            and all(parameters.node_id(role) == node_id for role, node_id in self.nodes.items())
            and parameters.claims() == self.claims.all
            and all(parameters.examples(task) == self.book.of(task) for task in _ONE_OF_EACH)
        )

    def clear(self) -> None:
        """Forget everything, as when the scene is closed."""
        told = self.claims.changed
        self.__init__(self._scene, self._find_parameters)  # type: ignore[misc]
        self.claims = ClaimBook(self._scene, changed=told)
