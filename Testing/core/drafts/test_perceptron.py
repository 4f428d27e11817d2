"""The perceptron's written-out gradients, and that it learns."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from MVGCore.drafts.perceptron import Learning, _slopes, answer, fit


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 6), st.integers(2, 5), st.integers(0, 1000))
def test_gradients_are_those_that_torch_finds(features: int, classes: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sizes = (features, 7, 7, classes)
    layers = tuple(
        (torch.randn(b, a, generator=generator), torch.randn(b, generator=generator))
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    )
    x = torch.randn(20, features, generator=generator)
    targets = torch.rand(classes, 20, generator=generator).softmax(0)
    slopes = tuple((torch.zeros_like(w), torch.zeros_like(b)) for w, b in layers)
    _slopes(x, targets, layers, slopes)
    tracked = [tensor.clone().requires_grad_() for layer in layers for tensor in layer]
    pairs = tuple(zip(tracked[::2], tracked[1::2], strict=True))
    gradients = torch.autograd.grad(F.cross_entropy(answer(x, pairs).T, targets.T), tracked)
    for found, expected in zip([each for layer in slopes for each in layer], gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_rings_are_told_apart() -> None:
    """Which no line can do."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 2, generator=generator)
    labels = (x.norm(dim=1) > 1.2).long()
    layers = fit(x[:400], labels[:400], 2, generator, Learning(steps=120, batch=100))
    assert (answer(x[400:], layers).argmax(0) == labels[400:]).float().mean() > 0.93
