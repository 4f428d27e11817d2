"""The model in use: the weights that were loaded, and adapted ones in their place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from MVGCore.errors import InputError
from MVGCore.models.base import InContextModel
from MVGCore.models.registry import load
from MVGCore.models.weights import save_weights


class ModelInUse:
    """A model whose weights may be replaced by adapted ones, and go back."""

    def __init__(self, model: InContextModel) -> None:
        """Takes the model with the weights that were loaded."""
        self.model = model
        self._loaded: dict[str, Tensor] | None = None

    @property
    def adapted(self) -> bool:
        """Whether adapted weights are in use."""
        return self._loaded is not None

    def weights(self) -> dict[str, Tensor]:
        """A copy of the weights in use."""
        return {key: value.detach().clone() for key, value in self.model.state_dict().items()}

    def use(self, weights: Mapping[str, Tensor]) -> None:
        """Put weights in place of those in use; the loaded ones are kept aside."""
        if self._loaded is None:
            self._loaded = self.weights()
        self.model.load_state_dict(weights)

    def use_file(self, path: str | Path) -> None:
        """Use weights of the same model from a file.

        Raises:
            InputError: the file is missing, damaged, or of another model.
        """
        other = load(path)
        if other.config != self.model.config:
            raise InputError(
                f"The weights {path} are of another model than the one in use; load them as such."
            )
        self.use(other.state_dict())

    def forget(self) -> None:
        """Go back to the weights that were loaded."""
        if self._loaded is not None:
            self.model.load_state_dict(self._loaded)
            self._loaded = None

    def save(self, path: str | Path) -> None:
        """Write the weights in use as .safetensors; see `save_weights` for the errors."""
        save_weights(self.model, path, {"licence": "Apache-2.0", "adapted": "yes" if self.adapted else "no"})
