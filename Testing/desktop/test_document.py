"""Segments, voxels and undo on real nodes, without a window."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import slicer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from MVGCore.errors import InputError
from MVGCore.volume import Geometry, LabelMap, Segment, Segmentation, SegmentClass, Volume
from MVGDesktop.document import Document
from MVGDesktop.editing.history import Command
from MVGDesktop.editing.segments import Look
from MVGDesktop.editing.shapes import Region
from MVGDesktop.editing.strokes import apply_region
from MVGDesktop.editing.voxels import Mode, Others
from MVGDesktop.files.nodes import segmentation_node, segmentation_of, volume_node
from MVGDesktop.files.opening import looks_like_labels

SHAPE = (4, 6, 5)


@pytest.fixture
def document(application) -> Iterator[Document]:
    rng = np.random.default_rng(1)
    volume = Volume(rng.normal(0, 9, SHAPE).astype(np.float32), Geometry(SHAPE, (1, 2, 3), (4, 5, 6)), "v")
    document = Document()
    document.set_volume(volume_node(volume).GetID())
    yield document
    document.close()
    slicer.mrmlScene.Clear(False)


def state(document: Document) -> list[tuple[str, bytes]]:
    """All that undo has to bring back: names and voxels."""
    if document.segmentation is None:
        return []
    segmentation, voxels = document.segmentation.GetSegmentation(), document.voxels()
    return [
        (segmentation.GetSegment(each).GetName(), voxels.mask(each).tobytes())
        for each in document.segment_ids()
    ]


class Stuck(Command):
    """Cannot be taken back."""

    def take_back(self) -> None:
        raise InputError("Accept cannot be taken back any more.")


def paint(document: Document, seed: int, erase: bool = False) -> None:
    rng = np.random.default_rng(seed)
    low = [int(rng.integers(0, size - 1)) for size in SHAPE]
    box = tuple(slice(a, int(rng.integers(a + 1, size + 1))) for a, size in zip(low, SHAPE, strict=True))
    mask = rng.random([each.stop - each.start for each in box]) > 0.3
    ids = document.segment_ids() or [document.need_segment()]
    chosen = ids[int(rng.integers(len(ids)))]
    mode = Mode(erase, list(Others)[rng.integers(3)])
    apply_region(document, chosen, "Paint", lambda _grid: Region(box, mask), mode)


actions = st.lists(
    st.tuples(st.sampled_from(["paint", "erase", "add", "remove"]), st.integers(0, 999)), max_size=9
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([("paint", 0), ("add", 0), ("paint", 298), ("remove", 0)])  # it had a layer of its own
@example([("paint", 0), ("add", 0), ("paint", 1), ("remove", 0)])
@example([("paint", 1), ("add", 0), ("paint", 1)])  # the second changes nothing
@given(actions)
def test_undo_and_redo_go_through_the_same_states(document: Document, todo) -> None:
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        slicer.mrmlScene.RemoveNode(node)
    document.add_segmentation()
    states = [state(document)]
    for action, seed in todo:
        if action == "add":
            document.add_segment()
        elif action == "remove" and document.segment_ids():
            document.remove_segment(document.segment_ids()[seed % len(document.segment_ids())])
        elif action in ("paint", "erase"):
            if not document.segment_ids():
                document.add_segment()
                states.append(state(document))
            paint(document, seed, action == "erase")
        if state(document) != states[-1]:
            states.append(state(document))
    for expected in reversed(states[:-1]):
        document.undo()
        assert state(document) == expected
    for expected in states[1:]:
        document.redo()
        assert state(document) == expected


def test_other_layers_give_way_to_the_brush_unless_spared(document: Document) -> None:
    """Segments that overlap lie in layers of their own."""
    geometry = Geometry(SHAPE, (1, 2, 3), (4, 5, 6))
    both = np.ones(SHAPE, np.uint8)
    classes = [SegmentClass(number, name, (1, 0, 0)) for number, name in ((1, "a"), (2, "b"))]
    segments = tuple(Segment(each, place, 1) for place, each in enumerate(classes))
    node = segmentation_node(
        Segmentation((both, both.copy()), geometry, segments), "overlap", document.volume
    )
    document.set_segmentation(node.GetID())
    first, second = document.segment_ids()
    box = (slice(0, 1), slice(0, 6), slice(0, 5))
    whole = Region(box, np.ones((1, 6, 5), bool))
    apply_region(document, first, "Paint", lambda _grid: whole, Mode(others=Others.STAY))
    assert document.voxels().mask(second).all()
    apply_region(document, first, "Paint", lambda _grid: whole, Mode())
    assert not document.voxels().mask(second)[0].any() and document.voxels().mask(second)[1:].all()
    document.undo()
    assert document.voxels().mask(second).all() and document.voxels().mask(first).all()


def test_a_cropped_layer_is_spread_over_the_grid(document: Document) -> None:
    """Slicer keeps only the box of what is labelled."""
    document.need_segment()
    labels = np.zeros(SHAPE, np.uint8)
    labels[2, 1:3, 2:4] = 1
    node, segment_id = document.segmentation, document.segment_id
    slicer.util.updateSegmentBinaryLabelmapFromArray(labels, node, segment_id, document.volume)
    image = node.GetSegmentation().GetSegment(segment_id).GetRepresentation("Binary labelmap")
    cropped = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.CopyImage(image, cropped, [2, 3, 1, 2, 2, 2])
    image.DeepCopy(cropped)
    assert np.array_equal(document.voxels().mask(segment_id), labels > 0)


def test_nodes_keep_all_of_a_segmentation(document: Document) -> None:
    rng = np.random.default_rng(3)
    geometry = Geometry(SHAPE, (0.7, 1.1, 2.3), (-3, 8, 1), (0.6, -0.8, 0, 0.8, 0.6, 0, 0, 0, 1))
    terms = "Segmentation category and type~SCT^85756007^Tissue~SCT^10200004^Liver~^^~~^^~^^"
    classes = (
        SegmentClass(2, "Leber, größer", (0.5, 0.25, 0.125), terms),
        SegmentClass(7, "b|c", (0, 1, 0.2)),
    )
    labels = LabelMap.of(rng.choice([0, 2, 7], SHAPE).astype(np.uint8), geometry, classes)
    again = segmentation_of(segmentation_node(Segmentation.from_labelmap(labels), "s")).to_labelmap()
    assert np.array_equal(again.array, labels.array) and again.geometry.is_close(geometry)
    for new, old in zip(again.classes, classes, strict=True):
        assert (new.id, new.name) == (old.id, old.name)
        assert new.terminology == old.terminology or "Tissue" in new.terminology  # Slicer's own default
        assert new.color == pytest.approx(old.color)


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32, np.float64, np.int64, np.uint16])
def test_volumes_of_all_types_become_nodes(application, kind: type) -> None:
    array = (np.arange(np.prod(SHAPE)) % 100).reshape(SHAPE).astype(kind)
    node = volume_node(Volume(array, Geometry(SHAPE), "x"))
    assert np.array_equal(slicer.util.arrayFromVolume(node), array)
    slicer.mrmlScene.RemoveNode(node)


def test_labels_are_told_from_images(document: Document) -> None:
    geometry = Geometry(SHAPE, (1, 2, 3), (4, 5, 6))
    few = np.zeros(SHAPE, np.int16)
    few[1, 2, 3] = 4
    assert looks_like_labels(Volume(few, geometry), document.volume)
    assert not looks_like_labels(Volume(few - 1, geometry), document.volume)
    assert not looks_like_labels(Volume(few.astype(np.float32), geometry), document.volume)
    assert not looks_like_labels(Volume(few, Geometry(SHAPE)), document.volume)
    many = np.arange(few.size, dtype=np.int16).reshape(SHAPE)
    assert not looks_like_labels(Volume(many, geometry), document.volume)


def test_editing_without_a_volume_is_refused(application) -> None:
    document = Document()
    with pytest.raises(InputError, match="open one first"):
        document.need_segment()
    document.close()


def test_what_somebody_else_writes_ends_the_history(document: Document) -> None:
    document.need_segment()
    paint(document, 5)
    assert document.history.undo_name
    node = document.segmentation
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        np.ones(SHAPE, np.uint8), node, document.segment_id, document.volume
    )
    assert not document.history.undo_name and document.unsaved.ids()


def test_names_and_tags_that_others_write_keep_the_history(document: Document) -> None:
    document.need_segment()
    paint(document, 5)
    segment = document.segmentation.GetSegmentation().GetSegment(document.segment_id)
    segment.SetName("renamed")
    segment.SetTag("x", "y")
    assert document.history.undo_name == "Paint"
    document.undo()
    assert not document.voxels().mask(document.segment_id).any()


def test_what_cannot_be_taken_back_says_so_and_is_forgotten(document: Document) -> None:
    document.need_segment()
    paint(document, 5)
    document.history.add(Stuck("Accept", document.segmentation_id, done=True))
    with pytest.raises(InputError, match="Accept cannot be taken back"):
        document.undo()
    assert document.history.undo_name == "Paint" and not document.history.redo_name


def test_undo_goes_to_the_segmentation_that_it_changes(document: Document) -> None:
    document.need_segment()
    paint(document, 5)
    first, painted = document.segmentation_id, state(document)
    document.add_segmentation("other")
    assert document.history.undo_name == "Paint"
    document.undo()
    assert document.segmentation_id == first and state(document) != painted
    document.redo()
    assert state(document) == painted


def test_names_and_colours_can_be_taken_back(document: Document) -> None:
    document.need_segment()
    segment = document.segment()
    before = Look(segment.GetName(), segment.GetColor())
    document.change_look(document.segment_id, Look("liver", (1.0, 0.0, 0.0)))
    assert (segment.GetName(), segment.GetColor()) == ("liver", (1.0, 0.0, 0.0))
    document.undo()
    assert (segment.GetName(), segment.GetColor()) == (before.name, before.color)
    document.redo()
    assert segment.GetName() == "liver"


def test_a_segment_is_copied_to_another_segmentation(document: Document) -> None:
    document.need_segment()
    paint(document, 5)
    first, painted = document.segmentation_id, document.voxels().mask(document.segment_id).copy()
    document.add_segmentation("other")
    document.add_segment("own")
    paint(document, 6)
    other, before = document.segmentation_id, state(document)
    document.set_segmentation(first)
    assert [each.GetID() for each in document.copy_targets()] == [other]
    document.copy_segment(other)
    document.set_segmentation(other)
    (own, mask), (copied, voxels) = state(document)
    assert (own, mask) == before[0] and (copied, voxels) == ("Segment 1", painted.tobytes())
    document.undo()
    assert state(document) == before
    document.redo()
    assert state(document)[1] == ("Segment 1", painted.tobytes())


def test_a_segmentation_that_was_removed_comes_back(document: Document) -> None:
    document.need_segment()
    paint(document, 5)
    first, painted = document.segmentation_id, state(document)
    document.remove_segmentation()
    assert document.segmentation is None
    document.undo()
    assert document.segmentation_id == first and state(document) == painted
    document.undo()
    assert state(document) != painted


def test_the_segmentation_that_is_removed_is_not_edited_any_more(document: Document) -> None:
    document.need_segment()
    first = document.segmentation_id
    document.add_segmentation("other")
    slicer.mrmlScene.RemoveNode(document.segmentation)
    assert document.segmentation_id == first and document.segment_id
    slicer.mrmlScene.RemoveNode(document.segmentation)
    assert (document.segmentation_id, document.segment_id) == ("", "")
