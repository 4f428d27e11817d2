"""Image tasks in a worker: slices and summary make up the image that a session here makes, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MVGCore.images import ImageExamples, ImageResult
from MVGCore.session import Session
from MVGCore.session.requests import Denoise, Inpaint, Synthesize, TargetSlices
from MVGCore.session.results import Failed, FailureKind, Finished, ImageMade
from MVGCore.volume import LabelMap, Volume
from MVGCore.worker.host.client import Client
from Testing.core.worker.waiting import end_of, fail, slices_of, until_end


@pytest.fixture
def session(small_weights: Path, tube: tuple[Volume, LabelMap]) -> Session:
    """The same session in this process."""
    session = Session(small_weights, "cpu", threads=1)
    session.set_image(tube[0])
    return session


@pytest.fixture
def target(tube: tuple[Volume, LabelMap]) -> Volume:
    """Three slices of the tube in another contrast, as whole numbers; the others are empty."""
    image = tube[0]
    array = np.zeros(image.array.shape, np.int16)
    for index in (2, 6, 11):
        array[index] = np.rint(400 - 3 * image.array[index])
    return Volume(array, image.geometry, "wanted")


def check_same_image(client: Client, job: int, image: Volume, expected: ImageResult) -> ImageMade:
    """Check the image that slices and summary make up."""
    events = until_end(client, job)
    end = end_of(events, job)
    assert isinstance(end, Finished) and isinstance(end.summary, ImageMade), end
    made = end.summary
    array = np.array(image.array, dtype=made.dtype)
    if made.fill is not None:
        array[...] = made.fill
    for done in slices_of(events, job):
        assert done.axis == made.axis == expected.axis and done.confidence is None
        assert done.values.dtype == array.dtype
        np.moveaxis(array, done.axis, 0)[done.index] = done.values
    np.testing.assert_array_equal(array, expected.image.array)
    assert array.dtype == expected.image.array.dtype
    for name in ("generated", "kept", "weight", "device", "notes"):
        assert getattr(made, name) == getattr(expected, name)
    return made


def test_image_tasks(client: Client, session: Session, tube: tuple[Volume, LabelMap], target: Volume) -> None:
    image = tube[0]
    check_same_image(
        client, client.submit(Denoise(slice_range=(3, 8))), image, session.denoise(slice_range=(3, 8))
    )

    hole = np.zeros(image.array.shape, np.uint8)
    hole[5:7, 10:20, 8:18] = 1
    mask = LabelMap.of(hole, image.geometry)
    check_same_image(client, client.submit(Inpaint(mask=mask)), image, session.inpaint(mask))

    examples = ImageExamples.from_volumes(image, target, 0)
    given = (TargetSlices(target, axis=0),)
    made = check_same_image(
        client, client.submit(Synthesize(examples=given)), image, session.synthesize([examples])
    )
    assert made.kept == (2, 6, 11) and made.dtype == "<i2"
    foreign = Volume(image.array[:, ::-1].copy(), image.geometry, "another")
    examples = ImageExamples.from_volumes(foreign, target, 0, (2, 6))
    given = (TargetSlices(target, foreign, 0, (2, 6)),)
    made = check_same_image(
        client,
        client.submit(Synthesize(examples=given, slice_range=(4, 5))),
        image,
        session.synthesize([examples], slice_range=(4, 5)),
    )
    assert made.generated == (4, 5) and made.fill is not None


def test_image_tasks_that_cannot_be_done(client: Client, tube: tuple[Volume, LabelMap]) -> None:
    image = tube[0]
    empty = Volume(np.zeros(image.array.shape), image.geometry, "empty")
    odd = Volume(np.full(image.array.shape, None), image.geometry, "odd")
    for job in (
        client.submit(Synthesize(examples=(TargetSlices(empty),))),
        client.submit(Synthesize(examples=(TargetSlices(odd),))),
        client.submit(Synthesize(examples=())),
        client.submit(Inpaint(mask=LabelMap(np.zeros(image.array.shape, np.uint8), image.geometry))),
        client.submit(Denoise(slice_range=(5, 99))),
    ):
        failed = fail(client, job)
        assert isinstance(failed, Failed) and failed.kind is FailureKind.INPUT and failed.message
