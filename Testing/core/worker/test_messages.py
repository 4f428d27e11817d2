"""Messages as lines: what is sent arrives, and whatever else arrives is refused without harm."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MVGCore.outcomes import AdaptReport, Estimate
from MVGCore.prompts import IntensityRange, PromptSet
from MVGCore.session import results as events
from MVGCore.session.requests import (
    ForgetAdaptation,
    Inpaint,
    PreviewSlice,
    SaveModel,
    SegmentVolume,
    Synthesize,
    TargetSlices,
)
from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume
from MVGCore.worker.wire import messages
from MVGCore.worker.wire.codec import from_plain, line_of, message_of, record_of, to_plain
from MVGCore.worker.wire.exchange import Exchange
from MVGCore.worker.wire.handshake import (
    Greeting,
    ProtocolError,
    greeting_line,
    misfit,
    own_greeting,
    read_greeting,
)
from MVGCore.worker.wire.messages import TO_HOST, TO_WORKER, decode, encode

ALL = {**TO_WORKER, **TO_HOST}
reals = st.floats(allow_nan=False, allow_infinity=False, width=64)
estimates = st.none() | st.builds(Estimate, reals, reals)
propagated = st.builds(
    events.Propagated,
    axis=st.integers(0, 2),
    prompt_slices=st.lists(st.integers(0, 9)).map(tuple),
    slice_confidence=st.dictionaries(st.integers(0, 999), reals),
    class_confidence=st.dictionaries(st.integers(1, 65535), reals),
    expected_dice=estimates,
    slice_dice=st.dictionaries(st.integers(0, 999), st.builds(Estimate, reals, reals)),
    class_dice=st.just({}),
    next_slice=st.none() | st.integers(0, 999),
    seconds=st.dictionaries(st.text(), reals),
    device=st.text(),
    notes=st.lists(st.text()).map(tuple),
)
reports = st.builds(
    AdaptReport, st.booleans(), st.none() | reals, st.none() | reals, st.integers(), reals, st.text()
)
summaries = (
    propagated | st.builds(events.Adapted, reports, st.text(), st.text()) | st.just(events.Forgotten())
)
plain_messages = (
    st.builds(events.Finished, st.integers(), summaries)
    | st.builds(events.Failed, st.none() | st.integers(), st.text(), st.sampled_from(events.FailureKind))
    | st.builds(messages.Run, st.integers(), st.just(ForgetAdaptation()) | st.builds(SaveModel, st.text()))
    | st.builds(messages.SetModel, st.text(), st.text(), st.integers(), st.none() | st.integers())
    | st.builds(events.Log, st.text(), st.text())
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("is"), inner),
    max_leaves=20,
)


@given(plain_messages)
def test_plain_messages_arrive_as_they_are(message: object) -> None:
    line = encode(message, None)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode(line, ALL, None) == message


def test_messages_with_arrays_arrive_as_they_are(
    tmp_path: Path, tube: tuple[Volume, LabelMap], prompts: PromptSet
) -> None:
    image, labels = tube
    target = TargetSlices(image, None, 0, (1, 2))
    sent = [
        messages.SetImage(image),
        messages.SetPrompts(prompts),
        messages.Run(2, SegmentVolume(slice_range=(1, 2), all_axes=False, adapt_seconds=3.0)),
        messages.Run(3, Inpaint(mask=labels, axis=1)),
        messages.Run(
            6, SegmentVolume(draft=labels, ranges=(IntensityRange(100.0), IntensityRange(0.0, 9.0, 3)))
        ),
        messages.Run(7, PreviewSlice(index=2, draft=labels)),
        messages.Run(4, Synthesize(examples=(target, TargetSlices(image, image)), slice_range=(0, 3))),
        events.SliceDone(5, 0, 7, labels.array[7], np.ones((40, 36), np.float32), Estimate(0.9, 0.1)),
        events.SliceDone(5, 0, 7, image.array[7], None, None),
    ]
    host, worker = Exchange([tmp_path], "h"), Exchange([tmp_path], "w")
    for message in sent:
        assert_equal(decode(encode(message, host), ALL, worker), message)
    assert list(tmp_path.iterdir()) == []


def assert_equal(one: Any, other: Any) -> None:
    """Check that two messages are the same, arrays bit for bit."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, list | tuple):
        for pair in zip(one, other, strict=True):
            assert_equal(*pair)
    elif hasattr(one, "__dataclass_fields__"):
        for field in fields(one):
            assert_equal(getattr(one, field.name), getattr(other, field.name))
    else:
        assert one == other


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_lines_of_anything_are_refused(line: bytes) -> None:
    for read in (lambda: decode(line, ALL, None), lambda: read_greeting(line)):
        with pytest.raises(ProtocolError):
            read()


@given(st.sampled_from(sorted(ALL)), st.data())
def test_messages_with_any_content_are_refused_or_sound(name: str, data: st.DataObject) -> None:
    """A message that is accepted says the same when it is sent on."""
    names = [field.name for field in fields(ALL[name])]
    record = {"is": name, **{each: data.draw(anything) for each in names}}
    try:
        message = message_of(ALL, record)
    except ProtocolError:
        return
    plain = to_plain(message, [])
    assert to_plain(message_of(ALL, plain), []) == plain or "nan" in repr(plain)


@pytest.mark.parametrize(
    "change",
    [
        {"is": "SetPrompts"},
        {"image": 1},
        {"image": {"is": "Volume"}},
        {"image": {"is": "Geometry"}},
        {"surplus": 1},
    ],
)
def test_changed_messages_are_refused(change: dict[str, Any], tube: tuple[Volume, LabelMap]) -> None:
    arrays: list[Any] = []
    plain = to_plain(messages.SetImage(tube[0]), arrays)
    assert_equal(message_of(TO_WORKER, plain, arrays), messages.SetImage(tube[0]))
    with pytest.raises(ProtocolError):
        message_of(TO_WORKER, {**plain, **change}, arrays)


def test_what_a_class_forbids_is_refused() -> None:
    arrays: list[Any] = []
    plain = to_plain(Geometry.identity((2, 3, 4)), arrays)
    with pytest.raises(ProtocolError, match="spacing"):
        from_plain(Geometry, {**plain, "spacing": [0, 1, 1]}, arrays)
    plain = to_plain(SegmentClass.default(3), arrays)
    for number in (0, True, 3.0, "3"):
        with pytest.raises(ProtocolError):
            from_plain(SegmentClass, {**plain, "id": number}, arrays)


def test_values_that_no_message_can_hold() -> None:
    @dataclass
    class Odd:
        value: object

    with pytest.raises(TypeError, match="object"):
        to_plain(Odd(object()), [])
    with pytest.raises(ProtocolError, match="deep|JSON"):
        record_of(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    with pytest.raises(ProtocolError):
        from_plain(float, 10**400, [])
    assert record_of(line_of({"a": "\udc80\n"})) == {"a": "\udc80\n"}


def test_greetings() -> None:
    mine = own_greeting()
    assert read_greeting(greeting_line(mine)) == mine and misfit(mine, mine) == ""
    older = Greeting(mine.protocol, "0.0.1", 1, "3.9")
    assert "MVG 0.0.1" in misfit(mine, older) and "install" in misfit(mine, older)
    assert misfit(mine, Greeting(mine.protocol + 1, mine.version, 1, "3.9"))
    with pytest.raises(ProtocolError):
        read_greeting(json.dumps({"greeting": {**vars(mine), "pid": "1"}}).encode())
