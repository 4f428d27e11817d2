"""MVG itself in the shape of a peer, so that the benchmark treats all methods alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from MVGCore.volume import LabelMap, Volume

if TYPE_CHECKING:
    from MVGCore.session import Session


@dataclass
class SessionMethod:
    """Propagates through a `Session`, which loads its weights at the first call and keeps them.

    Attributes:
        model: Name or path of the model.
        device: "auto", "cpu", "cuda" or "mps".
        precision: "auto", "float32" or "bfloat16".
        threads: CPU threads; the session's own choice when None.
        name: What tables call it.
        extra: None: the plain install is enough.
    """

    model: str = "compact"
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    name: str = "MVG"
    extra: str | None = None
    _session: Session | None = field(default=None, init=False, repr=False, compare=False)

    def __call__(
        self, image: Volume, few: LabelMap, axis: int, slices: Sequence[int], seed: int = 0
    ) -> np.ndarray:
        """See `MVGCore.evaluation.peers.Peer`; `seed` counts at the first call only."""
        from MVGCore.prompts import PromptSet
        from MVGCore.session import Session

        if self._session is None:
            self._session = Session(
                self.model, self.device, seed=seed, threads=self.threads, precision=self.precision
            )
        self._session.set_image(image)
        self._session.set_prompts(PromptSet.from_labelmap(image, few, axis=axis, slices=slices))
        return self._session.propagate().labels.array
