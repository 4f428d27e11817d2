"""Many runs in one worker: its memory and its open files stay what they were after the first tenth.

python -m Testing.campaign.soak FIRST LAST FOLDER
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from MVGCore.prompts import PromptSet
from MVGCore.session.results import Failed
from MVGCore.volume import Geometry, LabelMap, Volume
from MVGCore.worker.host.client import Client
from Testing.campaign.trials import serve

NAME = "runs in one worker"
MOST_GROWTH, MOST_FILES = 64 << 20, 4
_SHAPE = (6, 16, 16)


class Soak:
    """One client, whose worker is used again and again.

    Args:
        folder: For its logs.
        count: How many runs there will be: what a tenth of them took is the measure for the rest.
    """

    def __init__(self, folder: Path, count: int) -> None:
        k, j, i = np.ogrid[: _SHAPE[0], : _SHAPE[1], : _SHAPE[2]]
        ball = (k - 3) ** 2 * 9 + (j - 8) ** 2 + (i - 8) ** 2 <= 36
        image = Volume((ball * 100 + (j + i) % 7).astype(np.int16), Geometry.identity(_SHAPE))
        few = np.where(np.arange(_SHAPE[0])[:, None, None] == 3, ball, 0).astype(np.uint8)
        self._client = Client(log_folder=folder)
        self._client.set_image(image)
        self._client.set_prompts(PromptSet.from_labelmap(image, LabelMap.of(few, image.geometry)))
        self._warm = max(1, count // 10)
        self._done = 0
        self._before: tuple[int, int] | None = None

    def trial(self, number: int) -> tuple[str, str]:
        """Make one preview; gives what failed or grew."""
        self._client.preview(number % _SHAPE[0])
        failures = []
        while self._client.busy:
            failures += [event.message for event in self._client.poll() if isinstance(event, Failed)]
            time.sleep(0.001)
        self._done += 1
        worker = psutil.Process(self._client.worker_pid)
        now = worker.memory_info().rss, worker.num_fds()
        if self._done == self._warm:
            self._before = now
        grown = self._before and (
            now[0] > self._before[0] + MOST_GROWTH or now[1] > self._before[1] + MOST_FILES
        )
        return "run", f"from {self._before} to {now} bytes and files" if grown else " ".join(failures)


def main(words: list[str]) -> None:
    """Make the runs of a range."""
    first, last = int(words[0]), int(words[1])
    with tempfile.TemporaryDirectory() as folder:
        serve(NAME, Soak(Path(folder), last - first).trial, first, last, Path(words[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
