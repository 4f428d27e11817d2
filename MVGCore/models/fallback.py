"""What to do when a GPU is full: less at a time, then the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from MVGCore.models.base import InContextModel
from MVGCore.models.device import Device, placed, select_device

T = TypeVar("T")


def _never() -> bool:
    return False


@dataclass
class OnDevice:
    """Work with a model on a device, whose GPU is left for good once its memory is full.

    Attributes:
        model: in-context model on `device`.
        device: where it is; read it again after the work.
        notes: what the user should know of the work.
    """

    model: InContextModel
    device: Device
    notes: list[str] = field(default_factory=list, kw_only=True)

    def with_memory(self, work: Callable[[], T], smaller: Callable[[], bool] = _never) -> T:
        """What some work gives; on a full GPU it is done again.

        Args:
            work: reads `model` and `device` anew each time.
            smaller: lets it do less at a time; false if it already does as little as may be, and then the
                GPU is left.

        Raises:
            torch.cuda.OutOfMemoryError: on the CPU, too.
        """
        while True:
            try:
                return work()
            except torch.cuda.OutOfMemoryError:
                if self.device.name == "cpu":
                    raise
            # Only here, when the exception and with it the tensors of the failed attempt are gone.
            if not smaller():
                self.leave_gpu()

    def leave_gpu(self) -> None:
        """Go on with the CPU."""
        self.notes.append(f"{self.device.name} ran out of memory; the rest was computed on the CPU.")
        self.device = select_device("cpu")
        placed(self.model, self.device)
