"""What the user chooses: volume, task, settings, examples."""

from __future__ import annotations

from typing import Any

from MVGCore.errors import InputError, MVGError
from MVGCore.volume import SliceKey
from MVGLib.control.absences import Absent, beyond
from MVGLib.control.core import Core, action
from MVGLib.control.examplebook import check_same_grid, filled_slices
from MVGLib.control.examples import Example
from MVGLib.control.parameters import LABELS, MASK, VOLUME
from MVGLib.control.state import Level, PanelTask, Remedy
from MVGLib.texts import _

MOST_AT_ONCE = 60  # slices that "All labelled" adds


class Choosing(Core):
    """The actions that choose; nothing is computed."""

    # What the user chooses

    @action
    def set_volume(self, node_id: str) -> None:
        """Choose the input volume; an empty id chooses none."""
        self._may("edit")
        self._hide_preview()
        self.workspace.choose(VOLUME, node_id or "")
        self.workspace.set(limited=False, first=0, last=0, axis=-1)
        if not node_id:
            return
        try:
            self.scene.volume(node_id)  # says what is wrong with it, if anything
        except MVGError as error:
            self.say(str(error), Level.ERROR, None if self.scene.is_volume(node_id) else Remedy.MAKE_GRAY)
            return
        self.say(" ".join(self.scene.volume_notes(node_id)), Level.WARNING)

    @action
    def set_partner(self, node_id: str) -> None:
        """Choose what examples are taken from: a segmentation, or the wanted volume."""
        self._may("edit")
        self.workspace.choose_partner(node_id or "")

    @action
    def set_mask(self, node_id: str) -> None:
        """Choose the segmentation that marks what to fill in."""
        self._may("edit")
        self.workspace.choose(MASK, node_id or "")

    @action
    def set_task(self, task: PanelTask | str) -> None:
        """Choose what to do."""
        self._may("edit")
        self._hide_preview()
        self.workspace.set(task=PanelTask(task))
        if self.workspace.task is PanelTask.INPAINT and not self.workspace.nodes[MASK]:
            self.workspace.choose(MASK, self.workspace.nodes[LABELS])

    @action
    def set(self, **settings: Any) -> None:
        """Change settings, see `state.Settings`."""
        if set(settings) - {"into_own", "protect"}:
            self._may("edit")
        if settings.get("limited") and not self.workspace.settings.limited and self.workspace.volume_id:
            shape = self.scene.volume(self.workspace.volume_id).geometry.shape
            settings = {"first": 0, "last": shape[self.orders.axis()] - 1, **settings}
        self.workspace.set(**settings)

    @action
    def dismiss(self) -> None:
        """Hide the message."""

    @action
    def about(self, keys: str = "") -> None:
        """Show versions, licence and, if they are told, shortcuts."""
        versions = self.installer.version_text() if self.installer else ""
        log = _("Log: {path}").format(path=self.runner.worker.log_path)
        lines = filter(None, (versions, keys, log, _("For research; not a medical device.")))
        self.say("\n".join(lines), stays=True)

    @action
    def install(self) -> None:
        """Install what is missing; the installer asks first."""
        self._may("install")
        assert self.installer is not None
        self.installer.run()
        self.refresh()

    # Examples

    @action
    def add_current_slice(self) -> None:
        """Use the slice in view as an example."""
        self._may("add_current")
        place = self._place_in_view()
        if place is None:
            return
        volume_id, partner_id = self.workspace.volume_id, self.workspace.partner_id
        self._add(place, partner_id)
        if self.scene.is_segmentation(partner_id):
            self.say(self.scene.overlap_note(partner_id, volume_id, place), Level.WARNING)

    @action
    def add_all_labelled(self) -> None:
        """Use all labelled slices as examples."""
        self._may("add_all")
        self._add_all(self.workspace.volume_id, self.workspace.partner_id)

    @action
    def nothing_here(self, name: str = "") -> None:
        """A segment, or with an empty name any, is not on the slice in view."""
        self._may("not_here")
        place = self._place_in_view()
        if place is None:
            return
        shown = [each for each in self._labelled_as(name) if each == place]
        if shown:
            text = _("{place} is labelled as '{name}'; erase it there first.")
            raise InputError(text.format(place=self._place_text(place), name=name or _("something")))
        self._know(Absent(self.workspace.volume_id, place.axis, place.index, place.index, name))

    @action
    def ends_here(self, name: str = "") -> None:
        """A segment, or with an empty name any, goes no further than the slice in view."""
        self._may("not_here")
        place = self._place_in_view()
        if place is None:
            return
        volume_id = self.workspace.volume_id
        depth = self.scene.volume(volume_id).geometry.shape[place.axis]
        labelled = [each.index for each in self._labelled_as(name) if each.axis == place.axis]
        about = Absent(volume_id, place.axis, place.index, place.index, name)
        self._know(beyond(about, place, labelled, depth))

    @action
    def add_from(self, volume_id: str, partner_id: str) -> bool:
        """Use the labelled slices of another volume; tells whether there were any."""
        self._may("add_other")
        if not volume_id or not partner_id:
            raise InputError(_("Choose the other volume and what is labelled on it."))
        self._add_all(volume_id, partner_id)
        return True

    @action
    def remove(self, key: str) -> None:
        """Take an example out of the list; its labels stay."""
        self._may("edit")
        self.workspace.book.remove(self.workspace.task, key)
        self.workspace.absences.remove(key)

    @action
    def enable(self, key: str, on: bool) -> None:
        """Use an example, or leave it out."""
        self._may("edit")
        self.workspace.book.enable(self.workspace.task, key, on)
        self.workspace.absences.enable(key, on)

    @action
    def jump(self, key: str) -> None:
        """Show the slice of an example."""
        for each in self.workspace.book.of(self.workspace.task):
            if each.key == key and each.volume_id == self.workspace.volume_id:
                self.scene.jump(each.volume_id, each.place)
        absent = self.workspace.absences.find(key)
        if absent is not None and absent.volume_id == self.workspace.volume_id:
            self.scene.jump(absent.volume_id, SliceKey(absent.axis, absent.first))

    @action
    def load_prompts(self, path: str) -> None:
        """Use the examples of a prompt file."""
        self._may("edit")
        self._may("more_load")
        count = self.workspace.book.load(path)
        self.say(_("{count} examples were loaded.").format(count=count))

    @action
    def save_prompts(self, path: str) -> None:
        """Write the examples that are switched on to a prompt file."""
        self._may("more_save")
        path = path if path.endswith(".mvgprompts") else f"{path}.mvgprompts"
        prompts = self.workspace.book.prompt_set()
        prompts.save(path)
        self.say(_("{count} examples were saved to {path}.").format(count=len(prompts.prompts), path=path))

    def _add_all(self, volume_id: str, partner_id: str) -> None:
        places = self._filled(volume_id, partner_id)
        name = self.scene.name(partner_id)
        if not places:
            raise InputError(_("'{name}' shows nothing on any slice; label one first.").format(name=name))
        if len(places) > MOST_AT_ONCE:
            text = _("'{name}' is filled on {count} slices, and a few are enough; add single slices with A.")
            raise InputError(text.format(name=name, count=len(places)))
        for place in places:
            self._add(place, partner_id, volume_id)
        self.say(_("{count} slices of '{name}' are examples.").format(count=len(places), name=name))

    def _add(self, place: SliceKey, partner_id: str, volume_id: str = "") -> None:
        volume_id = volume_id or self.workspace.volume_id
        book, task = self.workspace.book, self.workspace.task
        example = Example(volume_id, partner_id, place.axis, place.index)
        cut = book.cut(example)
        if not cut.problem:
            book.add(task, example)
        elif cut.prompt is None or not any(each.slice_key == example.slice_key for each in book.used(task)):
            raise InputError(cut.problem)

    def _know(self, absent: Absent) -> None:
        self.workspace.absences.add(absent)
        where = self._place_text(SliceKey(absent.axis, absent.first))
        if absent.last > absent.first:
            where = _("{first} to {last}").format(first=where, last=absent.last)
        what = _("'{name}' is not on {where}.") if absent.name else _("Nothing is on {where}.")
        self.say(what.format(name=absent.name, where=where))

    def _labelled_as(self, name: str) -> list[SliceKey]:
        """Where examples of the volume show a segment, or with an empty name any."""
        book, own = self.workspace.book, self.workspace.volume_id
        used = [each for each in book.of(PanelTask.SEGMENT) if each.enabled and each.volume_id == own]
        return [each.place for each in used if any(name in ("", shown) for shown, _c in book.cut(each).look)]

    def _place_text(self, place: SliceKey) -> str:
        return f"{self.scene.plane_name(self.workspace.volume_id, place.axis)} {place.index}"

    def _filled(self, volume_id: str, partner_id: str) -> list[SliceKey]:
        """The slices of a segmentation that are labelled, or of a wanted volume that are filled."""
        if self.scene.is_segmentation(partner_id):
            return self.workspace.generated.drawn(partner_id, volume_id)
        volume, wanted = self.scene.volume(volume_id), self.scene.volume(partner_id)
        check_same_grid(volume, wanted)
        return filled_slices(wanted)
