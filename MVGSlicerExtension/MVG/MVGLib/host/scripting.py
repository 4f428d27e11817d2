"""MVG without a panel: for scripts in Slicer's Python console, and for batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from MVGCore.errors import InputError
from MVGCore.prompts import passes_of
from MVGCore.session.requests import SegmentVolume
from MVGCore.session.results import Event, Progress, SliceDone
from MVGCore.volume import SegmentClass
from MVGCore.worker.host.client import Client

_BETWEEN_POLLS_S = 0.01


class Batch:
    """Runs one job after the other and waits for each; the application stays responsive meanwhile.

    Example:
        >>> batch = Batch(progress=lambda fraction, text: print(f"{fraction:.0%} {text}"))
        >>> result = batch.segment(volumeNode, segmentationNode)
        >>> batch.close()
    """

    def __init__(
        self,
        model: str = "compact",
        device: str = "auto",
        seed: int = 0,
        adapt_seconds: float = 0.0,
        progress: Callable[[float, str], object] | None = None,
        cancelled: Callable[[], bool] | None = None,
        python: str | None = None,
        scene: Any = None,
    ) -> None:
        """
        Args:
            model: name of a bundled model, or a weight file.
            device: "auto", "cpu", "cuda" or "mps".
            seed: the same seed gives the same result.
            adapt_seconds: how long the network may adapt to the examples first; 0 for not at all.
            progress: called with the fraction done and what is being done.
            cancelled: asked between slices; True stops the job.
            python: interpreter of the worker, by default the application's.
            scene: `MVGLib.scene.Scene`, by default of Slicer's scene.
        """
        if scene is None:
            from MVGLib.scene import Scene

            scene = Scene()
        self._scene = scene
        self._progress = progress or (lambda fraction, text: None)
        self._cancelled = cancelled or (lambda: False)
        self._adapt_seconds = adapt_seconds
        self._client = Client(python=python or _interpreter(), wait=_let_the_application_live)
        self._client.set_model(model, device=device, seed=seed)

    def close(self) -> None:
        """Ends the worker process."""
        self._client.close()

    def segment(self, volume_node: Any, segmentation_node: Any, axis: int | None = None) -> Any:
        """Segments a volume from its labelled slices.

        Args:
            volume_node: vtkMRMLScalarVolumeNode.
            segmentation_node: vtkMRMLSegmentationNode in which a few slices are filled; segments may overlap.
            axis: array axis (0 = k, 1 = j, 2 = i) of the labelled slices; None finds it.

        Returns:
            A new vtkMRMLSegmentationNode with the segments of the examples.

        Raises:
            InputError: the nodes cannot be used, as the sentence says.
            MVGError: the work failed.
            Cancelled: `cancelled` said so; the scene is as it was.
        """
        volume_id, labels_id = volume_node.GetID(), segmentation_node.GetID()
        image = self._scene.volume(volume_id)
        labels = self._scene.layered(labels_id, volume_id)
        if not any(layer.any() for layer in labels.layers):
            name = segmentation_node.GetName()
            raise InputError(f"Nothing is labelled in '{name}': fill a few slices of it first.")
        first, *overlapping = passes_of(image, labels, axis)
        request = SegmentVolume(
            image=image,
            prompts=first,
            axis=axis,
            adapt_seconds=self._adapt_seconds,
            overlapping=tuple(overlapping),
        )
        apart = {each.id for one in overlapping for each in one.classes}
        classes = [each.class_ for each in labels.segments if each.class_.id not in apart]
        return self._write(volume_node, classes, request)

    def _write(self, volume_node: Any, classes: Iterable[SegmentClass], request: SegmentVolume) -> Any:
        """A new segmentation with all slices that come of a request, those that were given among them."""
        writer: Any = None
        further = tuple(each.classes for each in request.overlapping)

        def take(event: Event) -> None:
            nonlocal writer
            if isinstance(event, Progress):
                self._progress(event.fraction, event.text)
            elif isinstance(event, SliceDone):
                if writer is None:
                    name = f"{volume_node.GetName()} MVG"
                    start = self._scene.start_segments
                    writer = start(volume_node.GetID(), event.axis, classes, name, overlapping=further)
                writer.put(event.index, event.values, event.confidence, event.layer)

        try:
            self._client.run(request, take, self._cancelled)
            writer.finish()
        except BaseException:
            if writer is not None:
                writer.discard()
            raise
        writer.accept()
        return self._scene.nodes.get(writer.id)


def _interpreter() -> str:
    from MVGLib.host.install import Install

    return Install().python()


def _let_the_application_live() -> None:
    import slicer

    slicer.app.processEvents()
    time.sleep(_BETWEEN_POLLS_S)
