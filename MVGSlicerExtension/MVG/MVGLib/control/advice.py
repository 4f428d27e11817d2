"""What to do next, and why something cannot be done now: sentences with a remedy."""

from __future__ import annotations

from dataclasses import dataclass

from MVGLib.control.reviewstate import Review, ShownQuestion
from MVGLib.control.runsettings import PanelTask, RunSettings
from MVGLib.control.state import Phase
from MVGLib.texts import _

NAMED = 3  # segments that a note names at most


@dataclass(frozen=True)
class Situation:
    """All that advice depends on.

    Attributes:
        phase: What is going on.
        settings: The user's choices.
        install: What has to be installed, or empty.
        volume: Whether a volume is chosen.
        partner: Whether a segmentation (or the wanted volume) is chosen.
        mask: Whether it is chosen what to fill in.
        examples: Number of examples.
        usable: Number of those that are switched on and sound.
        review: A result that waits.
        same_result: Whether another run would fill that result again.
        changed: Whether the examples have changed since the result was made.
        previewing: Whether a preview is shown.
        unshown: Names of segments that no usable example shows.
        question: What is asked about the result.
    """

    phase: Phase
    settings: RunSettings
    install: str = ""
    volume: bool = False
    partner: bool = False
    mask: bool = False
    examples: int = 0
    usable: int = 0
    review: Review | None = None
    same_result: bool = True
    changed: bool = False
    previewing: bool = False
    unshown: tuple[str, ...] = ()
    question: ShownQuestion | None = None

    @property
    def busy(self) -> bool:
        """Whether the worker is at work for the user."""
        return self.phase in (Phase.PREVIEWING, Phase.RUNNING, Phase.CANCELLING)


def hint(now: Situation) -> str:
    """What to do next, one line."""
    if now.install:
        return _("Install what MVG needs, once")
    if now.phase is Phase.CANCELLING:
        return _("Stopping…")
    if now.phase is Phase.RUNNING:
        return _("Slices fill in, nearest first; scroll as you like")
    if not now.volume:
        return _("Choose a volume")
    if now.review is not None:
        return _review_hint(now, now.review)
    if now.phase is Phase.PREVIEWING:
        return _("Computing the slice in view…")
    missing = _missing_input(now)
    if missing:
        return missing.rstrip(".")
    if now.previewing:
        return _("This is a preview: Apply for all slices, Esc to hide it")
    if now.settings.task is PanelTask.SEGMENT and now.usable == 1:
        return _("One example works; two or three are better. Press Apply")
    return _("Press Apply, or Preview one slice first")


def blocked(now: Situation) -> dict[str, str]:
    """Action -> why it cannot be done now; what can be done is left out."""
    why = {
        "install": "" if now.install else _("Everything is installed."),
        "edit": _busy(now),
        "add_current": _busy(now) or _source(now),
        "add_all": _busy(now) or _source(now),
        "add_other": _busy(now),
        "not_here": _busy(now) or _not_segments(now) or _source(now),
        "more": _busy(now)
        or ("" if now.settings.task.takes_examples else _("Inpainting needs no examples.")),
        "more_other": "",
        "more_load": _no_files(now),
        "more_save": _saving(now),
        "preview": now.install or _busy(now) or _missing_input(now),
        "complete": now.install or _busy(now) or _not_drawn(now) or _source(now),
        "apply": now.install or _busy(now) or _missing_input(now) or _other_result(now),
        "cancel": "" if now.phase in (Phase.RUNNING, Phase.PREVIEWING) else _("Nothing is running."),
    }
    for action in ("accept", "discard", "compare", "overlay", "surface", "next"):
        why[action] = _("There is no result yet; press Apply.") if now.review is None else ""
    for action in ("accept", "discard", "compare"):
        why[action] = why[action] or _busy(now)
    why["question"] = _busy(now) or ("" if now.question else _("Nothing is asked now."))
    if now.review is not None and now.review.next_slice is None:
        why["next"] = _("No slice stands out; look through the result.")
    return {action: reason for action, reason in why.items() if reason}


def examples_note(now: Situation) -> str:
    """One line about the examples."""
    task = now.settings.task
    if not task.takes_examples:
        return _("No examples needed: what is around continues. Voxels that are not marked stay as they are.")
    if not now.examples:
        if task is PanelTask.SEGMENT:
            return _("Label a slice, then add it here.")
        if task is PanelTask.SYNTHESIZE:
            return _("Choose a volume that shows the wanted contrast on a few slices, then add them.")
        return _("No examples needed. Slices of a cleaner volume can be added.")
    return _count(now) + _unshown(now)


def _count(now: Situation) -> str:
    if now.usable == now.examples:
        return _("1 slice") if now.examples == 1 else _("{count} slices").format(count=now.examples)
    return _("{used} of {count} slices are used").format(used=now.usable, count=now.examples)


def _unshown(now: Situation) -> str:
    """What cannot be found, for no example shows it: MVG would neither find it nor propose where to label."""
    if not now.unshown or not now.usable:
        return ""
    names = ", ".join(f"'{name}'" for name in now.unshown[:NAMED])
    if len(now.unshown) > NAMED:
        names = _("{names} and {count} more").format(names=names, count=len(now.unshown) - NAMED)
    return _("; none shows {names} yet").format(names=names)


def _busy(now: Situation) -> str:
    return _("A run is going on; wait for it, or press Cancel.") if now.busy else ""


def _source(now: Situation) -> str:
    if not now.settings.task.takes_examples:
        return _("Inpainting needs no examples.")
    if not now.volume:
        return _("Choose a volume first.")
    if now.partner:
        return ""
    if now.settings.task.makes_segments:
        return _("Choose the segmentation in which slices are labelled.")
    return _("Choose the volume that shows how the result should look.")


def _missing_input(now: Situation) -> str:
    """What the run still needs."""
    task = now.settings.task
    if not now.volume:
        return _("Choose a volume first.")
    if task is PanelTask.INPAINT and not now.mask:
        return _("Choose the segmentation that marks what to fill in.")
    if task.needs_examples and not now.usable:
        if not now.examples and not now.partner:
            return _("Label two or three slices.") if task is PanelTask.SEGMENT else _source(now)
        if now.examples:
            return _("Switch on an example.")
        if task is PanelTask.SEGMENT:
            return _("Label two or three slices and add each with A.")
        return _("Add slices that show the wanted contrast with A.")
    if now.settings.limited and now.settings.first > now.settings.last:
        return _("The range of slices is empty; set its first slice before its last.")
    return ""


def _other_result(now: Situation) -> str:
    if now.review is None or now.same_result:
        return ""
    return _("Another result waits for its review; accept or discard it first.")


def _no_files(now: Situation) -> str:
    return "" if now.settings.task.makes_segments else _("Files hold labelled slices; choose Segment.")


def _not_segments(now: Situation) -> str:
    return "" if now.settings.task.makes_segments else _("Only segments can be absent; choose Segment.")


def _not_drawn(now: Situation) -> str:
    return "" if now.settings.task.makes_segments else _("Only segments are completed; choose Segment.")


def _saving(now: Situation) -> str:
    return _no_files(now) or ("" if now.examples else _("There is no example yet."))


def _review_hint(now: Situation, review: Review) -> str:
    if now.changed:
        return _("The examples have changed; press Apply again")
    if not review.visible:
        return _("This is the scene before; press Show the result to see the result")
    if now.question is not None and now.question.asked:
        return _("{question} Answer Yes or No").format(question=now.question.text)
    if now.question is not None and now.question.first:
        return _("Answer the question below (N shows it), or look through the result and Accept it")
    if review.next_slice is None:
        return _("Look through the result, then Accept or Discard")
    text = _("Look through the result and Accept it, or correct {place} (N) and Apply again")
    return text.format(place=f"{review.plane} {review.next_slice}")
