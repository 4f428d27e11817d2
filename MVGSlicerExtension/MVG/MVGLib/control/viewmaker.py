"""Makes the view out of the controller's state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from MVGCore.errors import MVGError
from MVGCore.prompts import AXIS_NAMES
from MVGLib.control.advice import blocked, examples_note, hint
from MVGLib.control.parameters import MASK
from MVGLib.control.state import ExampleRow, ListChoice, PanelState, RunProgress
from MVGLib.texts import _

if TYPE_CHECKING:
    from MVGLib.control.core import Core

MODELS = (("compact", "compact"),)


def make_view(core: Core) -> PanelState:
    """What a panel shows of a controller."""
    situation, workspace = core.situation(), core.workspace
    planes, depth = _planes(core)
    return PanelState(
        hint=hint(situation),
        message=core.message,
        phase=core.phase,
        settings=workspace.settings,
        volume_id=workspace.volume_id,
        partner_id=workspace.partner_id,
        mask_id=workspace.nodes[MASK],
        examples=_rows(core),
        segments=_segments(core),
        examples_note=examples_note(situation),
        plane_names=planes,
        depth=depth,
        frames=core.scene.frames(workspace.volume_id) if planes else 1,
        models=_models(workspace.settings.model),
        devices=_devices(core),
        memory=core.runner.worker.memory,
        progress=_progress(core),
        review=core.reviewer.review,
        surface=core.reviewer.review is not None and core.scene.shows_surface(core.reviewer.review.node_id),
        ended=core.reviewer.ended,
        preview=core.preview_place,
        install=core.missing,
        blocked=blocked(situation),
    )


def _progress(core: Core) -> RunProgress | None:
    if core.progress is None:
        return None
    return replace(core.progress, seconds=core.timing.seconds(), remaining=core.timing.remaining())


def _rows(core: Core) -> tuple[ExampleRow, ...]:
    workspace = core.workspace
    if not workspace.task.takes_examples:
        return ()
    rows = workspace.book.rows(workspace.task, workspace.volume_id)
    absent = workspace.absences.rows(workspace.volume_id) if workspace.task.makes_segments else ()
    return (*rows, *absent)


def _segments(core: Core) -> tuple[str, ...]:
    """Names of the segments that the examples are taken from."""
    partner_id = core.workspace.partner_id
    try:
        is_one = core.scene.is_segmentation(partner_id)
        return tuple(each.name for each in core.scene.classes(partner_id)) if is_one else ()
    except MVGError:
        return ()


def _planes(core: Core) -> tuple[tuple[str, ...], int]:
    """The names of the three axes, and the number of slices along that of the run."""
    volume_id = core.workspace.volume_id
    if not volume_id:
        return (), 0
    try:
        shape = core.scene.volume(volume_id).geometry.shape
        names = tuple(f"{core.scene.plane_name(volume_id, axis)} ({AXIS_NAMES[axis]})" for axis in range(3))
        return names, shape[core.orders.axis()]
    except MVGError:
        return (), 0


def _models(model: str) -> tuple[ListChoice, ...]:
    choices = [ListChoice(value, text) for value, text in MODELS]
    if model not in {choice.value for choice in choices}:
        choices.append(ListChoice(model, model.replace("\\", "/").rsplit("/", 1)[-1]))
    return tuple(choices)


def _devices(core: Core) -> tuple[ListChoice, ...]:
    choices = [ListChoice("auto", _("fastest")), ListChoice("cpu", "CPU")]
    ready = core.runner.ready
    for each in ready.devices if ready is not None else ():
        if each.name not in {choice.value for choice in choices}:
            choices.append(ListChoice(each.name, each.label))
    chosen = core.workspace.settings.device
    if chosen not in {choice.value for choice in choices}:
        choices.append(ListChoice(chosen, chosen))
    return tuple(choices)
