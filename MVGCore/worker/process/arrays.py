"""Whether torch and numpy take each other's arrays, which not every pair of installed versions does."""

from __future__ import annotations

import numpy as np
import torch


def check_arrays() -> None:
    """Try what every job does first.

    A torch that was built for numpy 1 can be imported beside numpy 2, and fails at the first array; so it is
    on a Mac where Python is a program for Intel processors.

    Raises:
        ImportError: they do not work together.
    """
    try:
        back = torch.from_numpy(np.arange(3, dtype=np.float32)).numpy()
    except RuntimeError as error:
        raise ImportError(_misfit(str(error))) from error
    if back.tolist() != [0, 1, 2]:
        raise ImportError(_misfit("values are lost"))


def _misfit(why: str) -> str:
    return f"PyTorch {torch.__version__} does not work with numpy {np.__version__}: {why}"
