"""The same work on a Ray cluster, whose nodes share the file system of the data set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.manifest import FAILED, Record
from MVGCore.datasets.pool import ATTEMPTS, Label, one_of_many
from MVGCore.datasets.work import Work
from MVGCore.errors import InputError, MissingExtraError, MVGError


def label_on_cluster(
    work: Work,
    items: Iterable[Item],
    address: str,
    start: Callable[[Work], Label] = one_of_many,
) -> Iterator[Record]:
    """Label on the processors of a cluster, records in the order in which they are done.

    A volume whose worker dies is done anew by another one, so that nothing is lost; since results are written
    whole and only this process keeps account, nothing counts twice.

    Args:
        work: what there is to know; its paths hold on every node.
        items: the volumes.
        address: of the cluster, `host:port`, or `auto` for the one that runs on this machine.
        start: makes what labels one volume after the other.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: there is no cluster at the address, or the model or an example is unusable.
    """
    ray = _connected(address)
    try:
        label = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_label_one)
        shared = ray.put((work, start))
        waiting = {label.remote(shared, item): item for item in items}
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            yield _taken(ray, ready, waiting.pop(ready))
    finally:
        ray.shutdown()


def _label_one(shared: tuple[Work, Callable[[Work], Label]], item: Item) -> Record | MVGError:
    """In a worker of the cluster. What it loads is small beside the time that a volume takes."""
    work, start = shared
    try:
        label = start(work)
    except MVGError as error:
        return error
    return label(item)


def _taken(ray: Any, ready: Any, item: Item) -> Record:
    try:
        answer = ray.get(ready)
    except ray.exceptions.RayError as error:
        reason = f"The worker that labelled it died {ATTEMPTS} times ({type(error).__name__})."
        return Record(item.name, FAILED, str(item.image), reason=reason)
    if isinstance(answer, MVGError):
        raise answer
    record: Record = answer
    return record


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError('A cluster needs Ray: run pip install "mvg-slicer[ray]".') from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(
            f"There is no Ray cluster at '{address}'; start one (ray start --head) or check the address."
        ) from error
    return ray
