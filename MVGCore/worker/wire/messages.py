"""What the two processes say to each other, and how it becomes lines.

A line is {"message": ..., "parcel": ... or null}; arrays lie in the parcel (see `exchange`), all else in the
message (see `codec`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from MVGCore.prompts import PromptSet
from MVGCore.session import results as events
from MVGCore.session.requests import Request
from MVGCore.session.results import NO_JOB
from MVGCore.volume import Volume
from MVGCore.worker.wire.codec import Array, from_plain, line_of, message_of, record_of, to_plain
from MVGCore.worker.wire.exchange import Exchange, Parcel
from MVGCore.worker.wire.handshake import ProtocolError


@dataclass(frozen=True)
class Folders:
    """The first message after the greeting.

    Attributes:
        folders: where arrays are exchanged.
        keep: folder for what has to outlive the process.
        host: the host's process.
    """

    folders: tuple[str, ...]
    keep: str
    host: int


@dataclass(frozen=True)
class SetModel:
    """The model to use; the arguments of `Session`."""

    model: str
    device: str
    seed: int
    threads: int | None


@dataclass(frozen=True, eq=False)
class SetImage:
    """The image to work on."""

    image: Volume


@dataclass(frozen=True, eq=False)
class SetPrompts:
    """The labelled slices to use."""

    prompts: PromptSet


@dataclass(frozen=True)
class UseAdapted:
    """Weights that a former process kept after an adaptation, and what they are adapted to."""

    path: str
    adapted_to: str


@dataclass(frozen=True)
class Unusable:
    """In place of a `SetImage` or `SetPrompts` that could not be sent: why the next job has to fail."""

    what: str
    reason: str


@dataclass(frozen=True)
class WarmUp:
    """Say what is wrong with model, image or examples before a job needs them."""

    job: int = NO_JOB


@dataclass(frozen=True)
class Run:
    """A request; its image and examples went before it, as `SetImage` and `SetPrompts`."""

    job: int
    request: Request


@dataclass(frozen=True)
class Cancel:
    """Stop this job as soon as possible."""

    job: int


@dataclass(frozen=True)
class Quit:
    """End the process."""


@dataclass(frozen=True)
class Alive:
    """Sent regularly by a worker that is well, whatever else it does."""


Job = WarmUp | Run
State = SetModel | UseAdapted | SetImage | SetPrompts | Unusable


def _by_name(*kinds: type) -> dict[str, type]:
    return {kind.__name__: kind for kind in kinds}


TO_WORKER = _by_name(
    Folders,
    SetModel,
    UseAdapted,
    SetImage,
    SetPrompts,
    Unusable,
    WarmUp,
    Run,
    Cancel,
    Quit,
)
TO_HOST = _by_name(
    Alive,
    events.Ready,
    events.Progress,
    events.SliceDone,
    events.Finished,
    events.Failed,
    events.Cancelled,
    events.Log,
)


def encode(message: object, exchange: Exchange | None) -> bytes:
    """The line of a message; its arrays are put into the exchange.

    Raises:
        InputError, OutputError: as `Exchange.put`.
    """
    arrays: list[Array] = []
    plain = to_plain(message, arrays)
    parcel = None
    if arrays:
        assert exchange is not None
        parcel = to_plain(exchange.put(arrays), [])
    return line_of({"message": plain, "parcel": parcel})


def decode(line: bytes, kinds: dict[str, type], exchange: Exchange | None) -> Any:
    """The message of a line; its arrays are taken out of the exchange.

    Raises:
        ProtocolError: it is not a sound message of one of the kinds.
    """
    record = record_of(line)
    if record.keys() != {"message", "parcel"}:
        raise ProtocolError(f"{line[:80]!r} is not a message with a parcel.")
    arrays: list[Array] = []
    if record["parcel"] is not None:
        parcel = from_plain(Parcel, record["parcel"], [])
        if exchange is None:
            raise ProtocolError("Arrays came before the folders to exchange them in.")
        arrays = exchange.take(parcel)
    return message_of(kinds, record["message"], arrays)
