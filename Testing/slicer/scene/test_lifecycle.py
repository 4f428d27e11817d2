"""Random actions of a user and of runs, against a model in plain arrays: nothing else may ever change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from numpy.typing import NDArray

from MVGCore.volume import SegmentClass, SliceKey
from MVGDesktop.headless import add_slice_view
from MVGLib.scene import Scene
from MVGLib.scene.voxels import array_of
from Testing.slicer.nodes import (
    SHAPE,
    make_image,
    make_labels,
    make_segmentation,
    make_volume,
    put_segment,
)

CLASSES = (SegmentClass(2, "liver", (1.0, 0.0, 0.0)), SegmentClass(6, "spleen", (0.0, 1.0, 0.0)))
planes = st.integers(0, SHAPE[0] - 1)
numbers = st.integers(0, 5)


def picture(number: int) -> NDArray[np.uint16]:
    """One of a few slices with blocks of both classes."""
    labels = np.zeros(SHAPE[1:], np.uint16)
    labels[number : number + 9, 2:9] = 2
    labels[12 - number :, 10 - number :] = 6 if number else 0
    return labels


def stored_mask(segment: Any) -> NDArray[np.bool_]:
    """The voxels of a segment whose image has the voxels of the volume (the quickest reading there is)."""
    image = segment.GetRepresentation("Binary labelmap")
    mask = np.zeros(SHAPE, bool)
    i, last_i, j, last_j, k, last_k = image.GetExtent()
    mask[k : last_k + 1, j : last_j + 1, i : last_i + 1] = array_of(image) == segment.GetLabelValue()
    return mask


@dataclass
class Step:
    """The segments before and after a result was accepted, and whether they were painted on since."""

    before: dict[str, NDArray[np.bool_]]
    after: dict[str, NDArray[np.bool_]]
    painted: bool = False


class Lifecycle(RuleBasedStateMachine):
    """A user paints liver and vessel; results come, are shown, taken over, thrown away."""

    def __init__(self) -> None:
        super().__init__()
        slicer.mrmlScene.Clear(False)
        self.scene = Scene()
        self.volume = make_volume(make_image())
        self.node = make_segmentation(self.volume, make_labels(), ("liver", "vessel"))
        add_slice_view("Red").GetSliceCompositeNode().SetBackgroundVolumeID(self.volume.GetID())
        self.own = {"liver": make_labels() == 1, "vessel": make_labels() == 2}
        self.steps: list[Step] = []  # what was accepted, the last one at the end
        self.result: Any = None
        self.filled = np.zeros(SHAPE, np.uint16)
        self.put_slices: set[int] = set()
        slicer.mrmlScene.GetSubjectHierarchyNode()  # made when it is asked for first
        self.nodes = self.count_nodes()

    def teardown(self) -> None:
        self.scene.detach()
        slicer.mrmlScene.Clear(False)

    @staticmethod
    def count_nodes() -> int:
        # Label maps of the test's own means leave display nodes behind.
        nodes = slicer.util.getNodesByClass("vtkMRMLNode")
        return sum(not node.IsA("vtkMRMLLabelMapVolumeDisplayNode") for node in nodes)

    @rule(name=st.sampled_from(("liver", "vessel")), k=planes, number=numbers)
    def paint(self, name: str, k: int, number: int) -> None:
        self.own = {**self.own, name: self.own[name].copy()}
        self.own[name][k] = picture(number) > 0
        put_segment(self.node, name, self.own[name], self.volume)
        if self.steps:
            self.steps[-1].painted = True

    @rule()
    def start(self) -> None:
        onto = self.result.id if self.result else ""
        result = self.scene.start_segments(self.volume.GetID(), 0, CLASSES, "result", onto)
        assert result.id == onto or not self.result
        self.result = result

    @precondition(lambda self: self.result)
    @rule(k=planes, number=numbers, sure=st.booleans())
    def put(self, k: int, number: int, sure: bool) -> None:
        self.result.put(k, picture(number), np.full(SHAPE[1:], 0.4, np.float32) if sure else None)
        self.filled[k] = picture(number)
        self.put_slices.add(k)

    @precondition(lambda self: self.result)
    @rule(on=st.booleans())
    def show(self, on: bool) -> None:
        self.result.show(on)

    @precondition(lambda self: self.result)
    @rule(on=st.booleans())
    def show_confidence(self, on: bool) -> None:
        self.result.show_confidence(on)

    @precondition(lambda self: self.result)
    @rule()
    def open_again(self) -> None:
        self.result.finish()
        self.result = self.scene.open_result(self.result.id)

    @rule(k=planes, number=numbers)
    def preview(self, k: int, number: int) -> None:
        self.scene.show_preview(self.volume.GetID(), SliceKey(0, k), labels=picture(number), classes=CLASSES)
        self.scene.hide_preview()

    @precondition(lambda self: self.result)
    @rule(keep=st.sets(planes))
    def accept_into(self, keep: set[int]) -> None:
        before = self.own
        self.result.accept(self.node.GetID(), [SliceKey(0, k) for k in keep])
        self.own = {**self.own, "liver": self.own["liver"].copy()}
        spleen = self.own.get("spleen", np.zeros(SHAPE, bool)).copy()
        for k in self.put_slices - keep:
            self.own["liver"][k] = self.filled[k] == 2
            spleen[k] = self.filled[k] == 6
        self.own["spleen"] = spleen
        self.steps = [*self.steps, Step(before, self.own)][-3:]
        self.forget()

    @rule()
    def undo(self) -> None:
        if self.scene.undo_accept():
            step = self.steps.pop()
            assert step.after.keys() == self.own.keys()  # who paints what is there already can still undo
            assert all(np.array_equal(mask, self.own[name]) for name, mask in step.after.items())
            self.own = step.before
        else:
            assert not self.steps or self.steps[-1].painted

    @precondition(lambda self: self.result)
    @rule()
    def discard(self) -> None:
        self.result.discard()
        self.forget()

    def forget(self) -> None:
        self.result, self.filled, self.put_slices = None, np.zeros(SHAPE, np.uint16), set()

    @invariant()
    def segments_are_as_in_the_model(self) -> None:
        segmentation = self.node.GetSegmentation()
        names = {segmentation.GetSegment(each).GetName(): each for each in segmentation.GetSegmentIDs()}
        assert set(names) == set(self.own)
        for name, mask in self.own.items():
            found = stored_mask(segmentation.GetSegment(names[name]))
            np.testing.assert_array_equal(found, mask, err_msg=name)

    @invariant()
    def results_are_as_in_the_model(self) -> None:
        if self.result is None:
            assert self.count_nodes() == self.nodes
            return
        ids = np.array([0, *(each.id for each in CLASSES)], np.uint16)
        labels = self.scene.label_map(self.result.id, self.volume.GetID()).array
        np.testing.assert_array_equal(ids[labels], self.filled)
        assert set(self.result.put_slices()) == self.put_slices


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(deadline=None, max_examples=20, stateful_step_count=30)
