"""Jobs on several threads.

Much of a batch's time goes to operations too small to be shared between cores, so several batches, each on
cores of its own, take less time than one after the other on all of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from MVGCore.errors import stop_if
from MVGCore.models.device import Device, torch_threads

MOST_JOBS = 4  # jobs at a time: each takes memory

T = TypeVar("T")


def workers(device: Device) -> int:
    """How many jobs run at a time: one per thread of torch, up to four; one on a GPU, which has its own
    order of work."""
    return min(MOST_JOBS, torch.get_num_threads()) if device.name == "cpu" else 1


def batch_size(size: int, device: Device) -> int:
    """Slices of each batch where `size` of them fit in memory: all batches at a time hold that many."""
    return max(1, size // workers(device))


def side_by_side(
    jobs: Iterable[Callable[[], T]], count: int, cancelled: Callable[[], bool]
) -> Generator[T, None, None]:
    """What some jobs give, in their order, up to `count` of them at a time.

    While they run, they share the threads of torch. A caller who stops early closes this iterator
    (`contextlib.closing`): jobs that have begun are waited for, the others are left.

    Args:
        jobs: what is done.
        count: how many run at a time.
        cancelled: asked before each answer; true ends the work.

    Raises:
        Cancelled: `cancelled()` was true.
    """
    if count < 2:
        for job in jobs:
            stop_if(cancelled)
            yield job()
        return
    waiting = deque[Future[T]]()
    share = max(1, torch.get_num_threads() // count)
    # Each thread is told by itself: the libraries of a new one would take as many as the process began with,
    # and where others are at work these wait for each other, four times as long as they compute.
    pool = ThreadPoolExecutor(count, "MVG", torch.set_num_threads, (share,))
    with torch_threads(share):
        try:
            for job in jobs:
                waiting.append(pool.submit(job))
                if len(waiting) > count:  # one waits, so that nobody does
                    stop_if(cancelled)
                    yield waiting.popleft().result()
            while waiting:
                stop_if(cancelled)
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
