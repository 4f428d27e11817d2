"""Many runs in one worker: its memory and its open files stay what they were after the first tenth.

python -m Testing.campaign.soak FIRST LAST FOLDER
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

from MVGCore.errors import MVGError
from MVGCore.prompts import PromptSet
from MVGCore.session.requests import PreviewSlice, Request, SegmentVolume
from MVGCore.volume import Geometry, LabelMap, Volume
from MVGCore.worker.host.client import Client
from Testing.campaign.trials import serve
from Testing.core.conftest import SMALL

NAME = "runs in one worker"
MOST_GROWTH, MOST_FILES = 64 << 20, 4
_SHAPE = (5, 16, 16)
_OF_ONE, _WHOLE = 10, 20  # runs on one image; each so manieth is of all slices, the others are previews


class Soak:
    """One client, whose worker is used again and again.

    Args:
        folder: For its logs and weights.
        count: How many runs there will be: what a tenth of them took is the measure for the rest.
    """

    def __init__(self, folder: Path, count: int) -> None:
        from MVGCore.models import create, save_weights

        save_weights(create("compact", **SMALL), folder / "w.safetensors", {})
        self._client = Client(log_folder=folder)
        self._client.set_model(folder / "w.safetensors", "cpu", threads=1)
        self._warm = max(1, count // 10)
        self._done = 0
        self._before: tuple[int, int] | None = None

    def trial(self, number: int) -> tuple[str, str]:
        """Make one run; gives its kind, and what failed or grew."""
        image, prompts = _case(number // _OF_ONE)
        whole = number % _WHOLE == 0
        kind = "volume" if whole else "preview"
        request: Request = PreviewSlice(index=number % _SHAPE[0], image=image, prompts=prompts)
        if whole:
            request = SegmentVolume(image=image, prompts=prompts, all_axes=False)
        try:
            self._client.run(request)
        except MVGError as error:
            return kind, str(error)
        self._done += 1
        worker = psutil.Process(self._client.worker_pid)
        now = worker.memory_info().rss, worker.num_fds()
        if self._done == self._warm:
            self._before = now
        grown = self._before and (
            now[0] > self._before[0] + MOST_GROWTH or now[1] > self._before[1] + MOST_FILES
        )
        return kind, f"from {self._before} to {now} bytes and files" if grown else ""

    def close(self) -> None:
        """End the worker."""
        self._client.close()


def _case(number: int) -> tuple[Volume, PromptSet]:
    k, j, i = np.ogrid[: _SHAPE[0], : _SHAPE[1], : _SHAPE[2]]
    ball = (k - 2) ** 2 * 9 + (j - 8) ** 2 + (i - 8) ** 2 <= 36
    noise = np.random.default_rng(number).integers(0, 7, _SHAPE)
    image = Volume((ball * 100 + noise).astype(np.int16), Geometry.identity(_SHAPE))
    few = np.where(np.arange(_SHAPE[0])[:, None, None] == 2, ball, 0).astype(np.uint8)
    return image, PromptSet.from_labelmap(image, LabelMap.of(few, image.geometry))


def main(words: list[str]) -> None:
    """Make the runs of a range."""
    first, last = int(words[0]), int(words[1])
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), last - first)
        serve(NAME, soak.trial, first, last, Path(words[2]))
        soak.close()


if __name__ == "__main__":
    main(sys.argv[1:])
