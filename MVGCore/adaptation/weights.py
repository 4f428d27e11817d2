"""The model in use: where it computes, the weights that were loaded, and adapted ones in their place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from MVGCore.errors import InputError
from MVGCore.models.device import select_device
from MVGCore.models.registry import load
from MVGCore.models.weights import save_weights


class ModelInUse:
    """A model on a device, whose weights may be replaced by adapted ones, and go back.

    Attributes:
        name: what it was loaded as.
        seed: of the random colours.
        device: where it computes; a GPU whose memory was full is left for good.
        network: the model itself.
        adapted_to: `Session.adaptation_name` of the adaptation that was made last and still counts, or empty.
        version: another one after every change of the weights.
    """

    def __init__(
        self, name: str | Path, device: str = "auto", seed: int = 0, precision: str = "auto"
    ) -> None:
        """Load a model.

        Raises:
            InputError: no such model, weights that do not fit, no such device or precision.
        """
        self.name, self.seed = str(name), seed
        self.device = select_device(device, precision)
        self.network = load(name, self.device)
        self.adapted_to = ""
        self.version = 0
        self._loaded: dict[str, Tensor] | None = None

    @property
    def adapted(self) -> bool:
        """Whether adapted weights are in use."""
        return self._loaded is not None

    def weights(self) -> dict[str, Tensor]:
        """A copy of the weights in use."""
        return {key: value.detach().clone() for key, value in self.network.state_dict().items()}

    def use(self, weights: Mapping[str, Tensor] | None, adapted_to: str) -> None:
        """Put weights, if there are any, in place of those in use; the loaded ones are kept aside."""
        self.adapted_to = adapted_to
        if weights is None:
            return
        if self._loaded is None:
            self._loaded = self.weights()
        self.network.load_state_dict(weights)
        self.version += 1

    def use_file(self, path: str | Path, adapted_to: str) -> None:
        """Use weights of the same model from a file.

        Raises:
            InputError: the file is missing, damaged, or of another model.
        """
        other = load(path)
        if other.config != self.network.config:
            raise InputError(
                f"The weights {path} are of another model than the one in use; load them as such."
            )
        self.use(other.state_dict(), adapted_to)

    def forget(self) -> None:
        """Go back to the weights that were loaded."""
        self.adapted_to = ""
        if self._loaded is not None:
            self.network.load_state_dict(self._loaded)
            self._loaded = None
            self.version += 1

    def save(self, path: str | Path) -> None:
        """Write the weights in use as .safetensors; see `save_weights` for the errors."""
        about = {"licence": "Apache-2.0", "adapted": "yes" if self.adapted else "no"}
        save_weights(self.network, path, about)
