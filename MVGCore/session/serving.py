"""What is done for each kind of request, in terms of a session; results are told slice by slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from MVGCore.adaptation import ModelInUse
from MVGCore.images import ImageExamples, ImageResult, ImageSlice
from MVGCore.outcomes import AdaptReport
from MVGCore.prompts import IntensityRange, PromptSet
from MVGCore.segmentation import Result, SliceResult
from MVGCore.session import requests, results, summaries
from MVGCore.session.hardware import info
from MVGCore.session.layers import check_layers, judged_together, part_of
from MVGCore.session.results import NO_JOB, Event, Summary
from MVGCore.volume import LabelMap, Volume

ADAPT_SHARE = 0.5  # of the progress, where a model is adapted first

Tell = Callable[[Event], object]
Cancelled = Callable[[], bool]
Report = Callable[[float, str], None]


class ServingSession(Protocol):
    """What requests need of `MVGCore.session.Session`, which says what each of these does."""

    @property
    def device(self) -> str: ...
    @property
    def model(self) -> ModelInUse: ...
    @property
    def image(self) -> Volume: ...
    @property
    def prompt_axis(self) -> int: ...
    @property
    def prompts(self) -> PromptSet: ...

    def set_prompts(self, prompts: PromptSet) -> None: ...

    def set_quality(self, quality: str) -> None: ...
    def propagate(
        self,
        progress: Callable[[float, str], None] | None = ...,
        cancelled: Cancelled | None = ...,
        slice_range: tuple[int, int] | None = ...,
        shown: Callable[[SliceResult], object] | None = ...,
        all_axes: bool = ...,
        axis: int | None = ...,
        draft: LabelMap | None = ...,
        ranges: Sequence[IntensityRange] = ...,
    ) -> Result: ...
    def preview(
        self,
        index: int,
        cancelled: Cancelled | None = ...,
        axis: int | None = ...,
        draft: LabelMap | None = ...,
        ranges: Sequence[IntensityRange] = ...,
    ) -> SliceResult: ...
    def adapt(
        self,
        seconds: float = ...,
        progress: Callable[[float, str], None] | None = ...,
        cancelled: Cancelled | None = ...,
        steps: int | None = ...,
    ) -> AdaptReport: ...
    def adaptation_name(self, seconds: float, steps: int | None = ...) -> str: ...
    def forget_adaptation(self) -> None: ...
    def save_model(self, path: str) -> None: ...
    def denoise(
        self, examples: ImageExamples | None = ..., axis: int | None = ..., **choices: Any
    ) -> ImageResult: ...
    def inpaint(self, mask: LabelMap, axis: int | None = ..., **choices: Any) -> ImageResult: ...
    def synthesize(
        self, examples: ImageExamples | Sequence[ImageExamples], **choices: Any
    ) -> ImageResult: ...


def serve(session: ServingSession, request: requests.Request, tell: Tell, cancelled: Cancelled) -> Summary:
    """Does what a request asks; its image and examples have been given to the session.

    Raises:
        MVGError, Cancelled: as the method of the session that does the work.
    """
    return _WORK[type(request)](session, request, tell, cancelled)


def _segment(
    session: ServingSession, request: requests.SegmentVolume, tell: Tell, cancelled: Cancelled
) -> Summary:
    if request.quality is not None:
        session.set_quality(request.quality)
    axis = session.prompt_axis if request.axis is None else request.axis
    told = [_layer(session, request, axis, place, tell, cancelled) for place in _passes(session, request)]
    return judged_together(told)


def _passes(
    session: ServingSession, request: requests.SegmentVolume | requests.PreviewSlice
) -> Iterator[tuple[int, int]]:
    """Give the session the examples of one pass after the other: its number, and how many there are."""
    first, count = session.prompts, 1 + len(request.overlapping)
    check_layers(count, request.draft)
    try:
        for number, prompts in enumerate((first, *request.overlapping)):
            session.set_prompts(prompts)
            yield number, count
    finally:
        session.set_prompts(first)


def _layer(
    session: ServingSession,
    request: requests.SegmentVolume,
    axis: int,
    place: tuple[int, int],
    tell: Tell,
    cancelled: Cancelled,
) -> results.Propagated:
    """One pass of a request: `place` is its number, and how many there are."""
    whole = part_of(_progress(tell), *place)
    adaptation, start = _adapt_first(session, request.adapt_seconds, whole, cancelled)
    result = session.propagate(
        _between(whole, start, 1.0),
        cancelled,
        request.slice_range,
        lambda done: tell(summaries.labelled_slice(axis, done, place[0])),
        request.all_axes,
        axis,
        request.draft,
        request.ranges,
    )
    return summaries.propagated(result, adaptation, _adapted_to(session))


def _adapt_first(
    session: ServingSession, seconds: float | None, progress: Report, cancelled: Cancelled
) -> tuple[AdaptReport | None, float]:
    """What came of the adaptation that a request needs, if it had to be made, and what fraction is done."""
    if seconds == 0:
        session.forget_adaptation()
    if not seconds or session.model.adapted_to == session.adaptation_name(seconds):
        return None, 0.0
    return session.adapt(seconds, _between(progress, 0.0, ADAPT_SHARE), cancelled), ADAPT_SHARE


def _adapted_to(session: ServingSession) -> str:
    """What the weights in use are adapted to; an adaptation that gained nothing was not kept."""
    return session.model.adapted_to if session.model.adapted else ""


def _preview(
    session: ServingSession, request: requests.PreviewSlice, tell: Tell, cancelled: Cancelled
) -> Summary:
    start = time.perf_counter()
    axis = session.prompt_axis if request.axis is None else request.axis
    for layer, _count in _passes(session, request):
        done = session.preview(request.index, cancelled, axis, request.draft, request.ranges)
        tell(summaries.labelled_slice(axis, done, layer))
    return results.Previewed(axis, request.index, time.perf_counter() - start, session.device)


def _adapt(session: ServingSession, request: requests.Adapt, tell: Tell, cancelled: Cancelled) -> Summary:
    report = session.adapt(request.seconds, _progress(tell), cancelled, request.steps)
    return results.Adapted(report, session.device, _adapted_to(session))


def _forget(
    session: ServingSession, request: requests.ForgetAdaptation, tell: Tell, cancelled: Cancelled
) -> Summary:
    session.forget_adaptation()
    return results.Forgotten()


def _save(session: ServingSession, request: requests.SaveModel, tell: Tell, cancelled: Cancelled) -> Summary:
    session.save_model(request.path)
    return results.ModelSaved(request.path)


def _image_examples(session: ServingSession, given: requests.TargetSlices | None) -> ImageExamples | None:
    """Examples as a request gives them; without an image they are of the present one."""
    if given is None:
        return None
    image = session.image if given.image is None else given.image
    return ImageExamples.from_volumes(image, given.target, given.axis, given.slices)


def _denoise(session: ServingSession, request: requests.Denoise, tell: Tell, cancelled: Cancelled) -> Summary:
    examples = _image_examples(session, request.examples)
    return _made(session.denoise, request, tell, cancelled, examples=examples, axis=request.axis)


def _inpaint(session: ServingSession, request: requests.Inpaint, tell: Tell, cancelled: Cancelled) -> Summary:
    return _made(session.inpaint, request, tell, cancelled, mask=request.mask, axis=request.axis)


def _synthesize(
    session: ServingSession, request: requests.Synthesize, tell: Tell, cancelled: Cancelled
) -> Summary:
    examples = [_image_examples(session, each) for each in request.examples]
    return _made(session.synthesize, request, tell, cancelled, examples=examples)


def _info(session: ServingSession, request: requests.AskInfo, tell: Tell, cancelled: Cancelled) -> Summary:
    return info(session.device, session.model.name)


def _made(
    work: Callable[..., ImageResult], request: Any, tell: Tell, cancelled: Cancelled, **given: Any
) -> Summary:
    def shown(done: ImageSlice) -> None:
        tell(summaries.image_slice(done))

    result = work(
        progress=_progress(tell),
        cancelled=cancelled,
        slice_range=request.slice_range,
        shown=shown,
        **given,
    )
    for done in summaries.kept_slices(result):
        tell(summaries.image_slice(done, given=True))
    return summaries.image_made(result)


def _progress(tell: Tell) -> Report:
    """Tells how much is done, and in words."""

    def progress(fraction: float, text: str) -> None:
        tell(results.Progress(NO_JOB, float(fraction), text))

    return progress


def _between(progress: Report, start: float, end: float) -> Report:
    """Tells the progress of a stage that goes from one fraction of the whole to another."""
    return lambda fraction, text: progress(start + (end - start) * float(fraction), text)


_WORK: Mapping[type, Callable[[ServingSession, Any, Tell, Cancelled], Summary]] = {
    requests.SegmentVolume: _segment,
    requests.PreviewSlice: _preview,
    requests.Adapt: _adapt,
    requests.ForgetAdaptation: _forget,
    requests.SaveModel: _save,
    requests.Denoise: _denoise,
    requests.Inpaint: _inpaint,
    requests.Synthesize: _synthesize,
    requests.AskInfo: _info,
}
