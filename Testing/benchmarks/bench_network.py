"""What other networks would take for a volume: the calls of a run, played again with networks of other sizes.

    MVG_DATA=/data python Testing/benchmarks/bench_network.py --volume hippocampus_228 --precision float32

A volume is labelled with the bundled weights, and every call of the network is kept. Untrained networks then
get the same calls: what they answer is worth nothing, what they take is what they would take if they had
learned to answer as well. Seconds are those of the processor, the least of four runs.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from bench_profile import Job, example, started
from torch import Tensor, nn

from MVGCore.evaluation.cases import labelled_prompts, labelled_slices
from MVGCore.evaluation.tables import table
from MVGCore.models.base import PromptBatch, PromptMemory
from MVGCore.models.blocks import ResidualBlock
from MVGCore.models.compact import Compact, CompactConfig
from MVGCore.models.device import Device, autocast, placed

LABELLED, RUNS = 5, 4
KINDS = ("encode_prompts", "generate_all", "textures")
Call = tuple[str, tuple[Any, ...]]
Change = Callable[[Compact], object]


class Separable(nn.Module):
    """A convolution of each channel by itself, then one of each pixel by itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.apart = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.together = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.together(self.apart(x))


def convolutions(make: Callable[[int], nn.Module], *widths: int) -> Change:
    """Replaces those of the residual blocks that have so many channels."""

    def change(model: Compact) -> None:
        for block in [each for each in model.modules() if isinstance(each, ResidualBlock)]:
            channels = block.conv1.in_channels
            if channels in widths:
                block.conv1, block.conv2 = make(channels), make(channels)  # type: ignore[assignment]

    return change


def grouped(channels: int) -> nn.Module:
    """A convolution in four groups."""
    return nn.Conv2d(channels, channels, 3, padding=1, groups=4)


def fewer_blocks(model: Compact) -> None:
    """One residual block at each level of the decoder."""
    for level in (model.decode4, model.decode2):
        level.refine = level.refine[:1]


NETWORKS: dict[str, tuple[CompactConfig, Change]] = {
    "as bundled": (CompactConfig(), lambda model: None),
    "16, 32, 128, 192 channels": (CompactConfig(widths=(16, 32, 128, 192)), lambda model: None),
    "24, 48, 96, 144 channels": (CompactConfig(widths=(24, 48, 96, 144)), lambda model: None),
    "16, 32, 64, 96 channels": (CompactConfig(widths=(16, 32, 64, 96)), lambda model: None),
    "separable at 32 and 64": (CompactConfig(), convolutions(Separable, 32, 64)),
    "four groups at 32 and 64": (CompactConfig(), convolutions(grouped, 32, 64)),
    "one block at each level": (CompactConfig(blocks=(1, 1, 1, 1)), fewer_blocks),
}


def recorded(job: Job) -> tuple[list[Call], float, Device]:
    """The calls of the network for a volume, the seconds of the whole run, and where it ran."""
    case = example(job.volume)
    slices = labelled_slices(case.truth, case.axis, job.labelled)
    calls: list[Call] = []
    seconds = math.inf
    for keep in (False, True):  # the first run loads what the second one has
        session = started(job)
        session.set_image(case.image)
        session.set_prompts(labelled_prompts(case, slices))
        for kind in KINDS if keep else ():
            _record(session.model.network, kind, calls)
        start = time.process_time()
        session.propagate()
        seconds = time.process_time() - start
    return calls, seconds, session.model.device


def _record(model: Any, kind: str, calls: list[Call]) -> None:
    method = getattr(model, kind)
    setattr(model, kind, lambda *given: calls.append((kind, given)) or method(*given))


def replayed(calls: Sequence[Call], model: Compact, device: Device) -> float:
    """Seconds of a network for some calls; it gets prompts of its own, of the same size."""
    with torch.no_grad(), autocast(device):
        jobs = [
            (kind, _own_prompts(model, given) if kind == "generate_all" else given) for kind, given in calls
        ]
        runs = []
        for _ in range(RUNS):
            start = time.process_time()
            for kind, given in jobs:
                getattr(model, kind)(*given)
            runs.append(time.process_time() - start)
    return min(runs)


def _own_prompts(model: Compact, given: tuple[Any, ...]) -> tuple[Any, ...]:
    (memory,), targets = given
    count, side = memory.distance.shape[1], 16 * math.isqrt(memory.content[-1][0].shape[3])
    images, labels = torch.rand(2, 1, count, 3, side, side)
    valid = torch.ones(1, count, dtype=torch.bool)
    own = model.encode_prompts(PromptBatch(images, labels, torch.zeros(1, count), valid))
    return [model.sparing(PromptMemory(own.content, memory.distance, memory.valid))], targets


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volume", default="hippocampus", help="kind, or training case by name")
    parser.add_argument("--precision", choices=("auto", "float32"), default="auto")
    options = parser.parse_args(argv)
    calls, whole, device = recorded(Job(options.volume, LABELLED, options.precision, 1))
    rows, usual = [], 0.0
    for name, (config, change) in NETWORKS.items():
        model = Compact(config)
        change(model)
        taken = replayed(calls, placed(model, device).eval(), device)
        usual = usual or taken
        less = whole / (whole - usual + taken)
        rows.append([name, f"{taken:.2f}", f"{usual / taken:.2f}", f"{less:.2f}"])
    print(f"{options.volume}: {whole:.2f} s in all\n")
    print(table(["network", "its seconds", "times less", "of the whole run"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
