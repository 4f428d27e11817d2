"""The controller: puts together what is behind a panel. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from MVGCore.errors import MVGError
from MVGCore.worker.host.client import Worker
from MVGLib.control.activity import Activity
from MVGLib.control.asking import Asking
from MVGLib.control.cases import Cases
from MVGLib.control.choices import Choices
from MVGLib.control.computing import Computing
from MVGLib.control.corrections import Corrections
from MVGLib.control.dialogue import Dialogue, action
from MVGLib.control.examplechoice import ExampleChoice
from MVGLib.control.orders import OrderBook
from MVGLib.control.parameters import Parameters
from MVGLib.control.permissions import Permissions
from MVGLib.control.previewing import ShownPreview
from MVGLib.control.previews import Previews
from MVGLib.control.protocols import Clock, Installer, SceneAccess
from MVGLib.control.questions import Questions
from MVGLib.control.reviewer import Reviewer
from MVGLib.control.reviewpage import ReviewPage
from MVGLib.control.reviews import Reviews
from MVGLib.control.runner import RunCarrier
from MVGLib.control.runs import Runs
from MVGLib.control.scenefollower import SceneFollower
from MVGLib.control.setup import Setup
from MVGLib.control.state import PanelState, Phase, Remedy
from MVGLib.control.viewmaker import ViewMaker
from MVGLib.control.warmstart import WarmStart
from MVGLib.control.workspace import Workspace
from MVGLib.texts import _

BUDGET = 0.008  # seconds that one `poll` may work in the scene


class Controller:
    """Runs MVG for a panel.

    Every action may be called at any time: one that cannot be done now says why in `view().message`.

    Attributes:
        changed: Emitted when `view()` is a new one.
        scene: The MRML scene.
        runner: Carries out what the worker is asked for.
        setup: Actions: what has to be installed.
        choices: Actions: volume, task, settings.
        examples: Actions: which slices are examples.
        previews: Actions: the slice in view.
        runs: Actions: all slices.
        reviews: Actions: what becomes of a result.
        asking: Actions: what only the user can tell about it.
        cases: Actions: slices of a data set that are to be labelled next.
        page: Action: the review page.
        claims_changed: Emitted with what was known of other slices before and after the user changed it.
        following: What follows from changes of the scene.

    Example:
        >>> controller = Controller(Scene(), Client(), parameters, time.monotonic)
        >>> controller.choices.set_volume(volume.GetID())
        >>> controller.choices.set_partner(segmentation.GetID())
        >>> controller.examples.add_all_labelled()
        >>> controller.runs.apply()
        >>> while controller.view().progress:  # a host calls poll from a timer instead
        ...     controller.poll()
        >>> controller.reviews.accept()
    """

    def __init__(
        self,
        scene: SceneAccess,
        worker: Worker,
        parameters: Callable[[], Parameters],
        clock: Clock,
        installer: Installer | None = None,
    ) -> None:
        """
        Args:
            scene: The MRML scene.
            worker: Computes; it is started with the first run.
            parameters: Gives the parameters of the scene, which it makes if there are none.
            clock: Seconds.
            installer: Installs what a run needs; None takes it for granted.
        """
        workspace = Workspace(scene, parameters)
        dialogue = Dialogue(clock, workspace.save)
        activity, preview = Activity(clock), ShownPreview(scene)
        runner, orders = RunCarrier(worker, clock), OrderBook(scene, workspace)
        reviewer = Reviewer(scene, workspace)
        questions = Questions(scene, workspace, reviewer)
        permissions = Permissions(workspace, orders, reviewer, activity, preview, questions)
        setup = Setup(dialogue, permissions, activity, runner, installer)
        warm = WarmStart(permissions, scene, workspace, runner)
        corrections = Corrections(dialogue, workspace, reviewer, clock)
        computing = Computing(dialogue, activity, runner, warm, setup)
        may, known = (dialogue, permissions), (scene, workspace)
        self.changed = dialogue.changed
        self.scene = scene
        self.runner = runner
        self.setup = setup
        self.choices = Choices(*may, *known, orders, preview)
        self.examples = ExampleChoice(*may, *known)
        self.previews = Previews(*may, *known, orders, preview, computing)
        self.runs = Runs(*may, *known, orders, reviewer, preview, corrections, computing)
        self.reviews = Reviews(*may, *known, reviewer, corrections)
        self.asking = Asking(*may, workspace, reviewer, questions)
        self.cases = Cases(*may, *known, reviewer)
        self.page = ReviewPage(dialogue, *known, reviewer)
        self.claims_changed = workspace.claims.changed
        self.following = SceneFollower(dialogue, *known, reviewer, preview, corrections, computing, setup)
        self._maker = ViewMaker(*may, *known, orders, runner, reviewer, activity, preview, self.cases)
        self._questions = questions
        self._dialogue = dialogue
        self._activity = activity
        self._warm = warm
        self._corrections = corrections
        runner.trouble.connect(setup.failed)
        self.following.take_up(None)

    def view(self) -> PanelState:
        """All that a panel shows."""
        return self._maker.view()

    def poll(self) -> None:
        """Go on with what is going on, for some milliseconds; a timer calls this."""
        with self._dialogue.gathered():
            try:
                self._go_on()
            except MVGError as error:
                self.runs.break_off(str(error))
            except Exception:
                why = _("MVG made a mistake and has stopped; the Python console has the details.")
                self.runs.break_off(why)
                raise

    def _go_on(self) -> None:
        self._dialogue.let_go()
        worker = (self.runner.ready, self.runner.worker.memory)
        self.runner.poll(BUDGET)
        if self._activity.second_passed():
            self._dialogue.update()
        if not self.runner.busy:
            self._corrections.follow(BUDGET)
            self._warm.go_on()
        if (self.runner.ready, self.runner.worker.memory) != worker:
            self._dialogue.update()

    def set_parameter_node(self, node: Any) -> None:
        """Read the choices from another parameter node; None takes the scene's own."""
        self.following.take_up(Parameters(node) if node is not None else None)

    def escape(self) -> None:
        """Stop what is going on; else hide the preview; else hide the message."""
        view = self.view()
        if view.phase in (Phase.RUNNING, Phase.PREVIEWING):
            self.runs.cancel()
        elif view.preview is not None:
            self.previews.hide()
        else:
            self.dismiss()

    def end_of_asked(self) -> None:
        """Say that the segment that is asked about goes no further than the slice in view, which shows it."""
        question = self._questions.asked
        if question is not None and question in self._questions.open():
            self.examples.ends_here(question.name)

    def no_or_next(self) -> None:
        """Say No to the question that is in view; else go where the user helps most.

        That is the slice of a question where its answer helps more, for the time, than labelling a slice.
        """
        question = self._questions.asked_now()
        if self._questions.is_in_view():
            self.asking.answer(False)
        elif question is not None and question.first and not question.asked:
            self.asking.show()
        else:
            self.reviews.go_next()

    @action
    def dismiss(self) -> None:
        """Hide the message."""

    def remedy(self) -> None:
        """Do what the button beside the message says."""
        view = self.view()
        what = view.message.remedy if view.message else None
        if what is Remedy.ROTATE_VIEWS:
            self.choices.rotate_views()
        elif what is Remedy.UNDO:
            self.reviews.take_back(view.ended[-1].key)
        elif what is Remedy.MAKE_GRAY:
            self.choices.make_gray()

    def close(self) -> None:
        """The host goes away: no worker, no observer, no preview. May be called again."""
        if not self._dialogue.closed:
            self._dialogue.closed = True
            self.runner.abandon()
            self.following.detach()
            self.runner.worker.close()
