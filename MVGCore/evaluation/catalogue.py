"""All peers, and each by the name that tables give it."""

from __future__ import annotations

from MVGCore.errors import InputError
from MVGCore.evaluation.peers import ContourInterpolation, NearestSlice, Peer, SignedDistance
from MVGCore.evaluation.seeded_peers import GrowCut, RandomWalker


def default_peers() -> tuple[Peer, ...]:
    """The five peers, cheapest first."""
    return (NearestSlice(), SignedDistance(), ContourInterpolation(), GrowCut(), RandomWalker())


def peer_by_name(name: str) -> Peer:
    """The peer that tables call `name`.

    Raises:
        InputError: There is no such peer; the message lists them.
    """
    peers = {peer.name: peer for peer in default_peers()}
    if name not in peers:
        raise InputError(f"There is no peer called {name!r}: choose one of {', '.join(peers)}.")
    return peers[name]
