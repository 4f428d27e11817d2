"""Makes what the panel shows out of the state of everything."""

from __future__ import annotations

from dataclasses import dataclass, field

from MVGCore.errors import MVGError
from MVGCore.prompts import AXIS_NAMES
from MVGLib.control.activity import Activity
from MVGLib.control.advice import Situation, blocked, examples_note, hint
from MVGLib.control.cases import Cases
from MVGLib.control.dialogue import Dialogue
from MVGLib.control.orders import OrderBook
from MVGLib.control.parameters import DRAFT, MASK
from MVGLib.control.permissions import Permissions
from MVGLib.control.previewing import ShownPreview
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.runner import RunCarrier
from MVGLib.control.state import ExampleRow, ListChoice, PanelState, Phase
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _

MODELS = (("compact", "compact"),)


@dataclass(eq=False, repr=False)
class ViewMaker:
    """Reads all, changes nothing."""

    _dialogue: Dialogue
    _permissions: Permissions
    _scene: SceneAccess
    _workspace: Workspace
    _orders: OrderBook
    _runner: RunCarrier
    _reviewer: Reviewer
    _activity: Activity
    _preview: ShownPreview
    _cases: Cases
    _made: tuple[int, PanelState] | None = field(default=None, init=False)

    def view(self) -> PanelState:
        """What a panel shows; made anew when the dialogue has another version."""
        if self._made is None or self._made[0] != self._dialogue.version:
            self._made = (self._dialogue.version, self._make())
        return self._made[1]

    def _make(self) -> PanelState:
        situation, workspace, review = self._permissions.situation(), self._workspace, self._reviewer.review
        planes, depth = self._planes()
        return PanelState(
            hint=self._hint(situation),
            message=self._dialogue.message,
            phase=self._activity.phase,
            settings=workspace.settings,
            volume_id=workspace.volume_id,
            partner_id=workspace.partner_id,
            mask_id=workspace.nodes[MASK],
            draft_id=workspace.nodes[DRAFT],
            examples=self._rows(),
            segments=self._segments(),
            examples_note=examples_note(situation),
            plane_names=planes,
            depth=depth,
            frames=self._scene.frames(workspace.volume_id) if planes else 1,
            models=_models(workspace.settings.model),
            devices=self._devices(),
            memory=self._runner.worker.memory,
            progress=self._activity.progress,
            review=review,
            question=situation.question,
            surface=review is not None and self._scene.shows_surface(review.node_id),
            ended=self._reviewer.ended,
            preview=self._preview.place,
            install=self._activity.missing,
            case=self._cases.text,
            blocked=blocked(situation),
        )

    def _hint(self, situation: Situation) -> str:
        """What to do next: of a list of cases, unless the user labels the volume as a whole."""
        alone = situation.phase is Phase.IDLE and situation.review is None and not situation.examples
        if self._cases.text and alone:
            return _("Correct this slice, then press Save slice, next case")
        return hint(situation)

    def _rows(self) -> tuple[ExampleRow, ...]:
        workspace = self._workspace
        if not workspace.task.takes_examples:
            return ()
        rows = workspace.book.rows(workspace.task, workspace.volume_id)
        claims = workspace.claims.rows(workspace.volume_id) if workspace.task.makes_segments else ()
        return (*rows, *claims)

    def _segments(self) -> tuple[str, ...]:
        """Names of the segments that the examples are taken from."""
        partner_id = self._workspace.partner_id
        try:
            is_one = self._scene.nodes.is_segmentation(partner_id)
            return tuple(each.name for each in self._scene.classes(partner_id)) if is_one else ()
        except MVGError:
            return ()

    def _planes(self) -> tuple[tuple[str, ...], int]:
        """The names of the three axes, and the number of slices along that of the run."""
        volume_id = self._workspace.volume_id
        if not volume_id:
            return (), 0
        try:
            shape = self._scene.volume(volume_id).geometry.shape
            names = tuple(
                f"{self._scene.plane_name(volume_id, axis)} ({AXIS_NAMES[axis]})" for axis in range(3)
            )
            return names, shape[self._orders.axis()]
        except MVGError:
            return (), 0

    def _devices(self) -> tuple[ListChoice, ...]:
        choices = [ListChoice("auto", _("fastest")), ListChoice("cpu", "CPU")]
        ready = self._runner.ready
        for each in ready.devices if ready is not None else ():
            if each.name not in {choice.value for choice in choices}:
                choices.append(ListChoice(each.name, each.label))
        chosen = self._workspace.settings.device
        if chosen not in {choice.value for choice in choices}:
            choices.append(ListChoice(chosen, chosen))
        return tuple(choices)


def _models(model: str) -> tuple[ListChoice, ...]:
    choices = [ListChoice(value, text) for value, text in MODELS]
    if model not in {choice.value for choice in choices}:
        choices.append(ListChoice(model, model.replace("\\", "/").rsplit("/", 1)[-1]))
    return tuple(choices)
