"""torch and numpy have to take each other's arrays; a worker in which they do not says so at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from MVGCore.worker.process.arrays import check_arrays
from MVGCore.worker.wire.handshake import missing_package


def test_the_installed_ones_fit() -> None:
    check_arrays()


def test_a_torch_for_another_numpy_is_named_with_both_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_array: np.ndarray) -> torch.Tensor:
        raise RuntimeError("Numpy is not available")

    monkeypatch.setattr(torch, "from_numpy", refuse)
    with pytest.raises(ImportError, match="does not work with numpy") as caught:
        check_arrays()
    told = missing_package(caught.value)
    assert torch.__version__ in told and np.__version__ in told and "Numpy is not available" in told


def test_values_that_are_lost_on_the_way_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "from_numpy", lambda array: torch.zeros(len(array)))
    with pytest.raises(ImportError, match="values are lost"):
        check_arrays()
