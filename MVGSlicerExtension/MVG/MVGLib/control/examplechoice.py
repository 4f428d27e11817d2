"""Which slices are examples, and what is known of others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from MVGCore.errors import InputError
from MVGCore.volume import SliceKey
from MVGLib.control.claims import PanelClaim, beyond
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.examplecontents import check_same_grid, filled_slices
from MVGLib.control.examples import Example
from MVGLib.control.permissions import Permissions
from MVGLib.control.protocols import SceneAccess
from MVGLib.control.runsettings import PanelTask
from MVGLib.control.state import Level
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _

MOST_AT_ONCE = 60  # slices that "All labelled" adds


@dataclass(eq=False, repr=False)
class ExampleChoice:
    """The actions that choose the examples of a run."""

    _dialogue: Dialogue
    _permissions: Permissions
    _scene: SceneAccess
    _workspace: Workspace

    @action
    def add_current_slice(self) -> None:
        """Use the slice in view as an example."""
        self._permissions.require("add_current")
        place = self._workspace.slice_in_view()
        volume_id, partner_id = self._workspace.volume_id, self._workspace.partner_id
        self._add(place, partner_id)
        example = Example(volume_id, partner_id, place.axis, place.index)
        if len(self._workspace.book.cut(example).planes) > 1:
            self._dialogue.say(
                _("Segments overlap on this slice: each group that does not is a pass of its own.")
            )

    @action
    def add_all_labelled(self) -> None:
        """Use all labelled slices as examples."""
        self._permissions.require("add_all")
        self._add_all(self._workspace.volume_id, self._workspace.partner_id)

    @action
    def nothing_here(self, name: str = "") -> None:
        """A segment, or with an empty name any, is not on the slice in view."""
        self._permissions.require("not_here")
        place = self._workspace.slice_in_view()
        labelled_here = [each for each in self._labelled_as(name) if each == place]
        if labelled_here:
            text = _("{place} is labelled as '{name}'; erase it there first.")
            raise InputError(text.format(place=self._place_text(place), name=name or _("something")))
        self._know(PanelClaim(self._workspace.volume_id, place.axis, place.index, place.index, name))

    @action
    def ends_here(self, name: str = "") -> None:
        """A segment, or with an empty name any, goes no further than the slice in view.

        A named one is on that slice: that it is on none beyond makes it less probable there as well.
        """
        self._permissions.require("not_here")
        place = self._workspace.slice_in_view()
        volume_id = self._workspace.volume_id
        depth = self._scene.volume(volume_id).geometry.shape[place.axis]
        labelled = [each.index for each in self._labelled_as(name) if each.axis == place.axis]
        about = PanelClaim(volume_id, place.axis, place.index, place.index, name)
        on_it = [replace(about, present=True)] if name and place.index not in labelled else []
        self._know(beyond(about, place, labelled, depth), *on_it)

    @action
    def add_from(self, volume_id: str, partner_id: str) -> bool:
        """Use the labelled slices of another volume; tells whether there were any."""
        self._permissions.require("add_other")
        if not volume_id or not partner_id:
            raise InputError(_("Choose the other volume and what is labelled on it."))
        self._add_all(volume_id, partner_id)
        return True

    @action
    def remove(self, key: str) -> None:
        """Take an example out of the list; its labels stay."""
        self._permissions.require("edit")
        self._workspace.book.remove(self._workspace.task, key)
        self._workspace.claims.remove(key)

    @action
    def enable(self, key: str, on: bool) -> None:
        """Use an example, or leave it out."""
        self._permissions.require("edit")
        self._workspace.book.enable(self._workspace.task, key, on)
        self._workspace.claims.enable(key, on)

    @action
    def jump(self, key: str) -> None:
        """Show the slice of an example."""
        for each in self._workspace.book.of(self._workspace.task):
            if each.key == key and each.volume_id == self._workspace.volume_id:
                self._scene.jump(each.volume_id, each.place)
        claim = self._workspace.claims.find(key)
        if claim is not None and claim.volume_id == self._workspace.volume_id:
            self._scene.jump(claim.volume_id, SliceKey(claim.axis, claim.first))

    @action
    def load_prompts(self, path: str) -> None:
        """Use the examples of a prompt file."""
        self._permissions.require("edit")
        self._permissions.require("more_load")
        count = self._workspace.book.load(path)
        self._dialogue.say(_("{count} examples were loaded.").format(count=count))

    @action
    def save_prompts(self, path: str) -> None:
        """Write the examples that are switched on to a prompt file."""
        self._permissions.require("more_save")
        path = path if path.endswith(".mvgprompts") else f"{path}.mvgprompts"
        prompts = self._workspace.book.prompt_set()
        prompts.save(path)
        text = _("{count} examples were saved to {path}.").format(count=len(prompts.prompts), path=path)
        if self._workspace.book.overlaps():
            why = _("Where segments overlap the file has the last one only; keep the scene as well.")
            self._dialogue.say(f"{text} {why}", Level.WARNING)
            return
        self._dialogue.say(text)

    def _add_all(self, volume_id: str, partner_id: str) -> None:
        places = self._filled(volume_id, partner_id)
        name = self._scene.nodes.name(partner_id)
        if not places:
            raise InputError(_("'{name}' shows nothing on any slice; label one first.").format(name=name))
        if len(places) > MOST_AT_ONCE:
            text = _("'{name}' is filled on {count} slices, and a few are enough; add single slices with A.")
            raise InputError(text.format(name=name, count=len(places)))
        for place in places:
            self._add(place, partner_id, volume_id)
        self._dialogue.say(_("{count} slices of '{name}' are examples.").format(count=len(places), name=name))

    def _add(self, place: SliceKey, partner_id: str, volume_id: str = "") -> None:
        volume_id = volume_id or self._workspace.volume_id
        book, task = self._workspace.book, self._workspace.task
        example = Example(volume_id, partner_id, place.axis, place.index)
        cut = book.cut(example)
        if not cut.problem:
            book.add(task, example)
        elif cut.prompt is None or not any(each.slice_key == example.slice_key for each in book.used(task)):
            raise InputError(cut.problem)

    def _know(self, claim: PanelClaim, *others: PanelClaim) -> None:
        self._workspace.claims.add(claim, *others)
        where = self._place_text(SliceKey(claim.axis, claim.first))
        if claim.last > claim.first:
            where = _("{first} to {last}").format(first=where, last=claim.last)
        what = _("'{name}' is not on {where}.") if claim.name else _("Nothing is on {where}.")
        self._dialogue.say(what.format(name=claim.name, where=where))

    def _labelled_as(self, name: str) -> list[SliceKey]:
        """Where examples of the volume show a segment, or with an empty name any."""
        book, own = self._workspace.book, self._workspace.volume_id
        used = [each for each in book.of(PanelTask.SEGMENT) if each.enabled and each.volume_id == own]
        return [each.place for each in used if any(name in ("", label) for label, _c in book.cut(each).look)]

    def _place_text(self, place: SliceKey) -> str:
        return f"{self._scene.plane_name(self._workspace.volume_id, place.axis)} {place.index}"

    def _filled(self, volume_id: str, partner_id: str) -> list[SliceKey]:
        """The slices of a segmentation that are labelled, or of a wanted volume that are filled."""
        if self._scene.nodes.is_segmentation(partner_id):
            return self._workspace.generated.drawn(partner_id, volume_id)
        volume, target = self._scene.volume(volume_id), self._scene.volume(partner_id)
        check_same_grid(volume, target)
        return filled_slices(target)
