"""Previews and runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from MVGCore.errors import InputError, MVGError
from MVGCore.session.results import FailureKind, SliceDone
from MVGCore.volume import SliceKey
from MVGLib.control.advice import blocked
from MVGLib.control.core import SETTLE, Core, action
from MVGLib.control.examples import Example
from MVGLib.control.parameters import LABELS
from MVGLib.control.runner import Listener, Order
from MVGLib.control.state import Level, PanelTask, Phase, RunProgress
from MVGLib.control.timing import Timing
from MVGLib.texts import _

BUDGET = 0.008  # seconds that one `poll` may work in the scene


class Running(Core):
    """The actions that compute."""

    _told_second = 0  # of the run, for which the time was shown last
    _warm: tuple[object, ...] = ()  # what the worker was started with
    _frames: tuple[int, ...] = ()  # of the sequence, still to be made
    _first_frame: int | None = None  # the one that was in view when the run of all frames began

    @action
    def preview(self) -> None:
        """Show the result on the slice in view; nothing is written."""
        self._may("preview")
        place, axis = self._place_in_view(), self.orders.axis()
        if place is None:
            return
        if place.axis != axis:
            names = [self.scene.plane_name(self.workspace.volume_id, each) for each in (axis, place.axis)]
            text = _("The examples are {plane} and this view is {other}; point at the {plane} view.")
            raise InputError(text.format(plane=names[0], other=names[1]))
        self._hide_preview()
        order = self.orders.order(preview=place.index)
        self.phase = Phase.PREVIEWING
        plane = self.scene.plane_name(self.workspace.volume_id, axis)
        self._begin_progress(f"{plane} {place.index}")
        self._warm = self._worker_state()
        self.runner.start(order, _PreviewListener(self, order, place))

    @action
    def hide_preview(self) -> None:
        """Remove the preview from the views."""
        self._hide_preview()

    @action
    def apply(self) -> None:
        """Compute the result; slices fill in as they are done."""
        self._may("apply")
        self._hide_preview()
        self._finish_search()
        order = self.orders.order()
        self.phase = Phase.RUNNING
        self._begin_progress(_("Starting"))
        self.basis = self.versions()
        self._frames, self._first_frame = self._other_frames(), None
        self._warm = self._worker_state()
        self.runner.start(order, _RunListener(self, order))

    @action
    def cancel(self) -> None:
        """Stop what is being computed."""
        self._may("cancel")
        self.phase = Phase.CANCELLING
        self.runner.cancel()

    def poll(self) -> None:
        """Go on with what is going on, for some milliseconds; a timer calls this."""
        self._gathering, self._changed = True, False
        try:
            self._go_on()
        except MVGError as error:
            self._break_off(str(error))
        except Exception:
            self._break_off(_("MVG made a mistake and has stopped; the Python console has the details."))
            raise
        finally:
            self._gathering = False
            if self._changed:
                self.update()

    def _go_on(self) -> None:
        if self._message_until is not None and self._clock() >= self._message_until:
            self.say("")
            self.update()
        was = (self.runner.ready, self.runner.worker.memory)
        self.runner.poll(BUDGET)
        if self.progress is not None and int(self.timing.seconds()) != self._told_second:
            self._told_second = int(self.timing.seconds())
            self.update()
        if not self.runner.busy:
            self._follow_edits()
            self._warm_up()
        if (self.runner.ready, self.runner.worker.memory) != was:
            self.update()

    def _begin_progress(self, text: str) -> None:
        self.timing, self._told_second = Timing(self._clock), 0
        self.progress = RunProgress(0, text)

    def _other_frames(self) -> tuple[int, ...]:
        """The frames to be made after the one in view, if all are wanted."""
        volume_id = self.workspace.volume_id
        if not self.workspace.settings.all_frames:
            return ()
        shown = self.scene.frame(volume_id)
        return tuple(each for each in range(self.scene.frames(volume_id)) if each != shown)

    def _next_frame(self, order: Order) -> bool:
        """Keep the result of this frame and begin the next; False if there is none.

        The examples stay those of the frame in which they were read.
        """
        if not self._frames and self._first_frame is None:
            return False
        self.reviewer.record_frame()
        if not self._frames:
            return False
        if self._first_frame is None:
            self._first_frame = self.scene.frame(self.workspace.volume_id)
        self.reviewer.show_frame(self._frames[0])
        self._frames = self._frames[1:]
        volume = self.scene.volume(self.workspace.volume_id)
        # Adapted weights stay in use: adapting to the same examples again would give the same ones.
        order = replace(order, volume=volume, request=replace(order.request, image=volume))
        self.runner.start(order, _RunListener(self, order))
        return True

    def _back_to_first_frame(self) -> None:
        if self._first_frame is not None and self.reviewer.review is not None:
            self.reviewer.show_frame(self._first_frame)
        self._frames, self._first_frame = (), None

    def _warm_up(self) -> None:
        """Start the worker as soon as the user could want a run, so that its first slice comes at once."""
        now = self.situation()
        if "apply" in blocked(now):
            return
        if self._worker_state() != self._warm:
            self._warm = self._worker_state()
            self.runner.warm_up(self.workspace.settings, self.scene.volume(self.workspace.volume_id))

    def _worker_state(self) -> tuple[object, ...]:
        settings = self.workspace.settings
        stamp = self.scene.fingerprint(self.workspace.volume_id)
        return (settings.model, settings.device, settings.seed, stamp)

    def _follow_edits(self) -> None:
        """Read again what the user has edited, once the edit has settled."""
        if self._stale_since is not None and self._clock() - self._stale_since >= SETTLE:
            self._stale_since = None
            self._search = self.reviewer.corrected()
            self.update()
        if self._search is not None:
            until = self._clock() + BUDGET
            for index in self._search:
                if index is not None:
                    self._take_correction(index)
                if self._clock() >= until:
                    return
            self._search = None

    def _finish_search(self) -> None:
        """Know of every correction before the next run."""
        if self._stale_since is not None:
            self._stale_since, self._search = None, self.reviewer.corrected()
        for index in self._search or ():
            if index is not None:
                self._take_correction(index)
        self._search = None

    def _take_correction(self, index: int) -> None:
        """A slice of the result that the user has corrected is an example from now on."""
        review, book = self.reviewer.review, self.workspace.book
        assert review is not None
        drawn = Example(review.volume_id, review.node_id, review.axis, index)
        # Whatever else labels this slice was drawn before: looked at first, it counts as the older one.
        if self.workspace.nodes[LABELS]:
            book.cut(replace(drawn, partner_id=self.workspace.nodes[LABELS]))
        book.add(PanelTask.SEGMENT, drawn)
        book.cut(drawn)
        text = _("{plane} {index} was corrected and is an example now; press Apply to update its neighbours.")
        self.say(text.format(plane=review.plane.capitalize(), index=index))
        self.workspace.save()
        self.update()

    def _break_off(self, why: str) -> None:
        """Something in the scene cannot be done: the run ends here."""
        self.runner.abandon()
        self._search, self._stale_since, self._frames = None, None, ()
        if self.phase in (Phase.RUNNING, Phase.CANCELLING):
            self.reviewer.stop()
        self._ended()
        self.say(why, Level.ERROR)
        self.update()

    def _ended(self) -> None:
        self._back_to_first_frame()
        self.phase, self.progress = Phase.IDLE, None
        self.workspace.parameters.set_review(self.reviewer.review)


class _Listener(Listener):
    def __init__(self, controller: Running, order: Order) -> None:
        self._controller = controller
        self._order = order

    def progressed(self, fraction: float, text: str) -> None:
        self._controller.timing.reached(fraction)
        self._controller.progress = RunProgress(fraction, text)
        self._controller.update()


class _PreviewListener(_Listener):
    """Shows the slice of a preview."""

    def __init__(self, controller: Running, order: Order, place: SliceKey) -> None:
        super().__init__(controller, order)
        self._place = place

    def slice_done(self, done: SliceDone) -> None:
        controller, volume_id = self._controller, self._controller.workspace.volume_id
        if self._order.prompts is not None:
            classes = self._order.prompts.classes
            controller.scene.show_preview(volume_id, self._place, labels=done.values, classes=classes)
        else:
            controller.scene.show_preview(volume_id, self._place, values=done.values)
        controller.preview_place = self._place

    def finished(self, summary: Any) -> None:
        self._controller.phase, self._controller.progress = Phase.IDLE, None
        self._controller.update()

    def failed(self, message: str, kind: FailureKind) -> None:
        self._controller.phase, self._controller.progress = Phase.IDLE, None
        self._controller._failed(message, kind)

    def cancelled(self) -> None:
        self._controller.phase, self._controller.progress = Phase.IDLE, None
        self._controller._hide_preview()
        self._controller.update()


class _RunListener(_Listener):
    """Fills the result."""

    def __init__(self, controller: Running, order: Order) -> None:
        super().__init__(controller, order)
        self._begun = False
        self._volume_id = controller.workspace.volume_id

    def slice_done(self, done: SliceDone) -> None:
        controller = self._controller
        if not self._begun:  # the scene is not touched before there is something to show
            self._begun = True
            controller.reviewer.begin(self._order, self._volume_id, done.axis)
        controller.reviewer.put(done)
        controller.update()

    def finished(self, summary: Any) -> None:
        controller = self._controller
        adaptation = getattr(summary, "adaptation", None)
        notes = [adaptation.text] if adaptation is not None else []
        controller.reviewer.finish(summary, [*notes, *summary.notes])
        if controller._next_frame(self._order):
            return
        controller._ended()
        controller.say(notes[0] if notes else "")
        controller.update()

    def failed(self, message: str, kind: FailureKind) -> None:
        end = self._controller.reviewer.stop() if self._begun else ""
        self._controller._ended()
        self._controller._failed(f"{message} {end}".strip(), kind)

    def cancelled(self) -> None:
        end = self._controller.reviewer.stop() if self._begun else ""
        self._controller._ended()
        self._controller.say(_("Stopped. {end}").format(end=end or _("Nothing was changed.")))
        self._controller.update()
