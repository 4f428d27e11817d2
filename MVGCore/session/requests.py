"""What a host can ask for: plain, frozen data that needs no torch.

`MVGCore.session.Session` (in this process) and `MVGCore.worker.host.client.Client` (in another one) take the
same requests in `run` and tell the same results. A request that names no image, or no examples, is about
those that were given last.

A new kind of request is written here, gets its work in `MVGCore.session.serving`, and its summary, if it has
one of its own, in `MVGCore.session.results`.
"""

from __future__ import annotations

from dataclasses import dataclass

from MVGCore.prompts import IntensityRange, PromptSet
from MVGCore.volume import LabelMap, Volume

SliceRange = tuple[int, int]


@dataclass(frozen=True, eq=False)
class TargetSlices:
    """Slices of one volume that are wanted of the same slices of another.

    Attributes:
        target: on the grid of `image`; only some of its slices need be filled.
        image: what they are wanted of; None stands for the image that was set.
        axis: array axis of the slices; None finds it.
        slices: which to take; None takes those that are filled.
    """

    target: Volume
    image: Volume | None = None
    axis: int | None = None
    slices: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class SegmentVolume:
    """Label all slices, or those of a range; tells a `Propagated`.

    The slices that are labelled already are among those that are told, as they were drawn.

    Attributes:
        image, prompts: what to label, and the examples.
        axis: array axis of the slices; None takes that of most examples (see `PromptSet.axis`).
        slice_range: first and last slice to label; None for all.
        all_axes: look along the other two axes too; more exact, and about twice the time.
        quality: how much work labels take from now on: "draft" or "standard"; None: as before.
        adapt_seconds: how long the model may adapt to the examples first, unless it has done so already; 0
            uses the model as it was loaded, None as it is.
        draft: an existing segmentation of the image, on any grid in the same patient coordinates, to be
            corrected by the examples; None: there is none. Its classes are those of the examples of the same
            name, or number; all others are kept as they are, except on labelled slices.
        ranges: intensities that classes have; nothing else is labelled as them, but what the user drew.
        overlapping: examples of classes that overlap those of `prompts`, and each other's: each set is a pass
            and a layer of its own (see `MVGCore.prompts.passes_of`). Not together with a draft.
    """

    image: Volume | None = None
    prompts: PromptSet | None = None
    axis: int | None = None
    slice_range: SliceRange | None = None
    all_axes: bool = True
    quality: str | None = None
    adapt_seconds: float | None = None
    draft: LabelMap | None = None
    ranges: tuple[IntensityRange, ...] = ()
    overlapping: tuple[PromptSet, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class PreviewSlice:
    """Label one slice, or complete it where a part of it is drawn; tells a `Previewed`.

    Attributes:
        image, prompts, axis, draft, ranges, overlapping: as of `SegmentVolume`.
        index: which slice.
    """

    index: int
    image: Volume | None = None
    prompts: PromptSet | None = None
    axis: int | None = None
    draft: LabelMap | None = None
    ranges: tuple[IntensityRange, ...] = ()
    overlapping: tuple[PromptSet, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Adapt:
    """Fine-tune the model on the examples, for this and the following requests; tells an `Adapted`.

    Attributes:
        image, prompts: as of `SegmentVolume`.
        seconds: the longest it may take, preparation not counted.
        steps: training steps at most; None: the usual number.
    """

    image: Volume | None = None
    prompts: PromptSet | None = None
    seconds: float = 20.0
    steps: int | None = None


@dataclass(frozen=True)
class ForgetAdaptation:
    """Use the model as it was loaded; tells a `Forgotten`."""


@dataclass(frozen=True)
class SaveModel:
    """Write the weights in use to a .safetensors file; tells a `ModelSaved`."""

    path: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Denoise:
    """Take the noise out of an image; tells an `ImageMade`.

    Attributes:
        image: with noise.
        examples: clean slices of it, or of another image; None for none.
        axis: array axis of the slices; None finds it.
        slice_range: first and last slice; None for all.
    """

    image: Volume | None = None
    examples: TargetSlices | None = None
    axis: int | None = None
    slice_range: SliceRange | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Inpaint:
    """Fill the marked part of an image; tells an `ImageMade`.

    Attributes:
        mask: marks what to fill, on the image's grid.
        image, axis, slice_range: as of `Denoise`.
    """

    mask: LabelMap
    image: Volume | None = None
    axis: int | None = None
    slice_range: SliceRange | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Synthesize:
    """Make another contrast of an image; tells an `ImageMade`.

    Attributes:
        examples: slices of the wanted contrast, of this image or of others.
        image, slice_range: as of `Denoise`.
    """

    examples: tuple[TargetSlices, ...]
    image: Volume | None = None
    slice_range: SliceRange | None = None


@dataclass(frozen=True)
class AskInfo:
    """Say what computes, and where; tells an `Info`."""


AllSlices = SegmentVolume | Denoise | Inpaint | Synthesize
Request = AllSlices | PreviewSlice | Adapt | ForgetAdaptation | SaveModel | AskInfo
