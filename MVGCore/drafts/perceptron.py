"""A small perceptron that learns to tell labels from features in a tenth of a second.

Three layers with their gradients written out, and Adam with decoupled weight decay (Loshchilov and Hutter,
2019) on one flat vector of all weights: so few numbers are multiplied in a step that the bookkeeping of
automatic gradients and of an optimiser takes as long, and the first use of `torch.optim` loads a compiler,
which takes longer than all steps together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Layers = tuple[tuple[Tensor, Tensor], ...]  # (out, in) weights and (out,) biases of each layer
WARMING = 0.3  # share of the steps in which the rate rises; it falls along a cosine afterwards
MEAN, SQUARE = 0.9, 0.999  # how much the running means of the gradient and of its square keep


@dataclass(frozen=True)
class Learning:
    """How a perceptron is fitted.

    Attributes:
        hidden: width of both hidden layers.
        steps: of Adam.
        batch: samples of a step.
        rate: at its highest.
        decay: of the weights.
        smoothing: share of every target that is spread over all classes.
    """

    hidden: int = 48
    steps: int = 180
    batch: int = 1024
    rate: float = 1e-2
    decay: float = 1e-3
    smoothing: float = 0.02


def answer(x: Tensor, layers: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """(C, n) logits of samples (n, F)."""
    for weight, bias in layers[:-1]:
        x = F.relu(F.linear(x, weight, bias))
    return _last(x, layers)


def _last(x: Tensor, layers: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """(C, n) logits of what the last layer sees (n, width). Few classes and many samples: the other way
    round, a softmax takes six times as long."""
    weight, bias = layers[-1]
    return torch.addmm(bias[:, None], weight, x.T)


def fit(seen: Tensor, labels: Tensor, classes: int, generator: torch.Generator, how: Learning) -> Layers:
    """The layers of a perceptron that tells labels (n,) from standardised features (n, F).

    Samples are taken in their order, which has to be a random one.
    """
    sizes = (seen.shape[1], how.hidden, how.hidden, classes)
    shapes = [shape for a, b in zip(sizes[:-1], sizes[1:], strict=True) for shape in ((b, a), (b,))]
    counts = [math.prod(shape) for shape in shapes]
    weights, gradient, mean, square = (torch.zeros(sum(counts)) for _ in range(4))
    layers, slopes = (_views(flat, shapes, counts) for flat in (weights, gradient))
    for matrix, _ in layers:
        matrix.copy_(torch.randn(matrix.shape, generator=generator) * (2 / matrix.shape[1]) ** 0.5)
    targets = torch.full((classes, classes), how.smoothing / classes)
    targets.fill_diagonal_(1 - how.smoothing + how.smoothing / classes)
    starts = range(0, max(1, len(seen) - how.batch + 1), how.batch)
    for step in range(how.steps):
        start = starts[step % len(starts)]
        batch = slice(start, start + how.batch)
        _slopes(seen[batch], targets[:, labels[batch]], layers, slopes)
        rate = how.rate * _share((step + 1) / how.steps)
        mean.lerp_(gradient, 1 - MEAN)
        square.lerp_(gradient.square(), 1 - SQUARE)
        spread = (square / (1 - SQUARE ** (step + 1))).sqrt_().add_(1e-8)
        weights.mul_(1 - rate * how.decay).addcdiv_(mean, spread, value=-rate / (1 - MEAN ** (step + 1)))
    return layers


def _views(flat: Tensor, shapes: Sequence[tuple[int, ...]], counts: Sequence[int]) -> Layers:
    """The layers that lie in one vector."""
    parts = [part.view(shape) for part, shape in zip(flat.split(list(counts)), shapes, strict=True)]
    return tuple(zip(parts[::2], parts[1::2], strict=True))


def _slopes(x: Tensor, targets: Tensor, layers: Layers, slopes: Layers) -> None:
    """Writes the gradient of the mean cross-entropy against targets (C, n) into `slopes`."""
    inputs = [x]
    for weight, bias in layers[:-1]:
        inputs.append(torch.addmm(bias, inputs[-1], weight.T).relu_())
    error = _last(inputs[-1], layers).softmax(0).sub_(targets).div_(len(x)).T
    for number in reversed(range(len(layers))):
        matrix, bias = slopes[number]
        torch.mm(error.T, inputs[number], out=matrix)
        torch.sum(error, 0, out=bias)
        if number:
            # The gradient of a rectifier; a product with a mask takes eight times as long.
            error = torch.ops.aten.threshold_backward(error.mm(layers[number][0]), inputs[number], 0)


def _share(done: float) -> float:
    """Of the highest rate, that of a step."""
    if done < WARMING:
        return done / WARMING
    return (1 + math.cos(math.pi * (done - WARMING) / (1 - WARMING))) / 2
