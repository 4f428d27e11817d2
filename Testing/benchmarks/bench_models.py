"""Seconds for a slice by the bundled compact network and by the paper's ViT-L, on one canvas.

    python Testing/benchmarks/bench_models.py

Both have random weights, which cost the same as trained ones, see one labelled slice and a canvas of 448
pixels, the paper's. The compact network encodes the labelled slice once; the ViT reads it anew with every
slice.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import torch

from MVGCore.evaluation.tables import table
from MVGCore.models.base import PromptBatch, TargetBatch
from MVGCore.models.device import autocast, select_device
from MVGCore.models.registry import create

SIDE = 448


def seconds_per_slice(name: str, slices: int, repeats: int) -> tuple[float, float, int]:
    """Seconds for the example and for each slice (the fastest of some runs), and millions of parameters."""
    device = select_device("cpu")
    model = create(name).eval()
    images = torch.rand(1, 1, 3, SIDE, SIDE)
    prompts = PromptBatch(images, images, torch.ones(slices, 1), torch.ones(slices, 1, dtype=torch.bool))
    target = TargetBatch.empty(torch.rand(slices, 3, SIDE, SIDE))
    encoding, generating = [], []
    with torch.inference_mode(), autocast(device):
        for _ in range(repeats):
            start = time.perf_counter()
            memory = model.encode_prompts(prompts)
            encoded = time.perf_counter()
            model.generate(memory, target)
            encoding.append(encoded - start)
            generating.append((time.perf_counter() - encoded) / slices)
    return min(encoding), min(generating), round(sum(p.numel() for p in model.parameters()) / 1e6)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=["compact", "vit-large"])
    parser.add_argument("--slices", type=int, default=2, help="generated together")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    found = {name: seconds_per_slice(name, options.slices, options.repeats) for name in options.models}
    first = found[options.models[0]][1]
    rows = [
        [name, str(millions), f"{once:.2f}", f"{each:.3f}", f"{each / first:.1f}"]
        for name, (once, each, millions) in found.items()
    ]
    print(table(["model", "M parameters", "example, s", "slice, s", "ratio"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
