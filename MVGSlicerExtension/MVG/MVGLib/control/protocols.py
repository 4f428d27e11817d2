"""What the controller needs of its collaborators; they are given to its constructor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from MVGCore.volume import LabelMap, Segmentation, SegmentClass, SliceKey, Volume


class Clock(Protocol):
    """Seconds that never go back."""

    def __call__(self) -> float: ...


class Installer(Protocol):
    """Installs what a run needs; see `MVGLib.host.install.Install`."""

    def missing(self) -> str: ...

    def run(self) -> None: ...

    def python(self) -> str: ...

    def version_text(self) -> str: ...


class ResultWriter(Protocol):
    """A result in the scene that fills slice by slice."""

    id: str

    def put(
        self,
        index: int,
        pixels: NDArray[Any],
        confidence: NDArray[np.float32] | None = None,
        layer: int = 0,
    ) -> None: ...

    def put_slices(self) -> list[int]: ...

    def finish(self) -> None: ...

    def accept(self, into: str = "", keep: Sequence[SliceKey] = (), protect: bool = False) -> None: ...

    def discard(self) -> None: ...

    def show(self, on: bool) -> None: ...

    def show_confidence(self, on: bool) -> None: ...


class NodeAccess(Protocol):
    """The nodes of the MRML scene, by their ids; see `MVGLib.scene.nodes.SceneNodes`."""

    def name(self, node_id: str) -> str: ...

    def exists(self, node_id: str) -> bool: ...

    def is_segmentation(self, node_id: str) -> bool: ...

    def is_volume(self, node_id: str) -> bool: ...

    def fingerprint(self, node_id: str) -> str: ...

    def watch(
        self,
        node_id: str,
        content: Callable[[], object] | None = None,
        renamed: Callable[[], object] | None = None,
        removed: Callable[[], object] | None = None,
    ) -> Any: ...

    def unwatch(self, token: Any) -> None: ...

    def on_scene(
        self,
        start_close: Callable[[], object] | None = None,
        end_close: Callable[[], object] | None = None,
        imported: Callable[[], object] | None = None,
    ) -> None: ...


class SceneAccess(Protocol):
    """The MRML scene, by node ids; see `MVGLib.scene.Scene`."""

    @property
    def nodes(self) -> NodeAccess: ...

    def volume(self, volume_id: str) -> Volume: ...

    def volume_notes(self, volume_id: str) -> tuple[str, ...]: ...

    def make_luminance(self, volume_id: str) -> str: ...

    def plane_name(self, volume_id: str, axis: int) -> str: ...

    def classes(self, segmentation_id: str) -> tuple[SegmentClass, ...]: ...

    def slice_planes(
        self, segmentation_id: str, volume_id: str, key: SliceKey
    ) -> tuple[NDArray[np.uint16], ...]: ...

    def label_map(self, segmentation_id: str, volume_id: str) -> LabelMap: ...

    def layered(self, segmentation_id: str, volume_id: str) -> Segmentation: ...

    def labelled(self, segmentation_id: str, volume_id: str, axis: int | None = None) -> list[SliceKey]: ...

    def slice_in_view(self, volume_id: str) -> SliceKey: ...

    def jump(self, volume_id: str, key: SliceKey) -> None: ...

    def shows(self, volume_id: str, key: SliceKey) -> bool: ...

    def show_preview(
        self,
        volume_id: str,
        key: SliceKey,
        labels: NDArray[np.uint16] | None = None,
        classes: Iterable[SegmentClass] | None = None,
        values: NDArray[Any] | None = None,
        adding: bool = False,
    ) -> None: ...

    def hide_preview(self) -> None: ...

    def fill_slice(
        self,
        segmentation_id: str,
        volume_id: str,
        key: SliceKey,
        parts: Sequence[tuple[NDArray[np.uint16], tuple[SegmentClass, ...]]],
    ) -> None: ...

    def start_segments(
        self,
        volume_id: str,
        axis: int,
        classes: Iterable[SegmentClass],
        name: str,
        onto: str = "",
        overlapping: Sequence[Iterable[SegmentClass]] = (),
    ) -> ResultWriter: ...

    def start_volume(
        self, volume_id: str, axis: int, name: str, onto: str = "", like: str = ""
    ) -> ResultWriter: ...

    def shows_surface(self, segmentation_id: str) -> bool: ...

    def show_surface(self, segmentation_id: str, on: bool) -> None: ...

    def protect_segments(self, on: bool) -> None: ...

    def add_case(self, image: Volume, labels: LabelMap) -> tuple[str, str]: ...

    def remove(self, node_ids: Iterable[str]) -> None: ...

    def snapshot(self, result_id: str) -> Any: ...

    def bring_back(self, kept: Any) -> None: ...

    def undo_accept(self) -> bool: ...

    def rotate_to_volume(self, volume_id: str) -> None: ...

    def open_result(self, node_id: str) -> ResultWriter: ...

    def frames(self, volume_id: str) -> int: ...

    def frame(self, volume_id: str) -> int: ...

    def set_frame(self, volume_id: str, number: int) -> None: ...

    def record_frame(self, volume_id: str, result_id: str) -> None: ...

    def detach(self) -> None: ...
