"""Weight files: written as safetensors, read from safetensors or a .pth of tensors, always checked.

Nothing here imports torch before tensors are needed, so that a header can be shown at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from MVGCore.errors import InputError, OutputError
from MVGCore.version import __version__

if TYPE_CHECKING:
    from torch import Tensor

    from MVGCore.models.base import InContextModel

TORCH_SUFFIXES = (".pth", ".pt")
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class WeightsHeader:
    """What a weight file says about itself.

    Attributes:
        metadata: free text; files of ours have model, config (JSON), version, licence and step.
        shapes: shape of every tensor by its name.
    """

    metadata: dict[str, str]
    shapes: Shapes

    @property
    def parameters(self) -> int:
        """How many numbers the file holds."""
        return sum(prod(shape) for shape in self.shapes.values())


@dataclass(frozen=True)
class Checkpoint:
    """A weight file in memory."""

    path: Path
    metadata: dict[str, str]
    tensors: dict[str, Tensor]

    @property
    def header(self) -> WeightsHeader:
        """The same as `read_header` of the file."""
        return WeightsHeader(self.metadata, {key: tuple(value.shape) for key, value in self.tensors.items()})


def save_weights(
    model: InContextModel, path: str | Path, metadata: Mapping[str, str], half: bool = False
) -> None:
    """Write a model's weights as one safetensors file; an earlier file survives any failure.

    Args:
        model: its name, its configuration and the version of this package go into the header by themselves.
        path: must end in .safetensors.
        metadata: added to the header: licence, step, data, ...
        half: store 16-bit floats, half the size; they are read back as the model's own type.

    Raises:
        InputError: another suffix, or weights that are not finite (in 16 bits, if asked for).
        OutputError: the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    from MVGCore.volume.atomic import atomic_path

    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        raise InputError(f"Weights cannot be written to '{path.name}': use a name that ends in .safetensors.")
    tensors = {key: _stored(key, value, half) for key, value in model.state_dict().items()}
    own = {"model": model.config.name, "config": json.dumps(asdict(model.config)), "version": __version__}
    with atomic_path(path) as temporary:
        try:
            save_file(tensors, temporary, metadata={**own, **metadata})
        except SafetensorError as error:  # it wraps what the operating system said, a full disk for one
            message = f"'{path}' cannot be written ({error}); free some space or choose another folder."
            raise OutputError(message) from error


def _stored(key: str, tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu()
    if half and tensor.is_floating_point():
        tensor = tensor.half()
    if not bool(tensor.isfinite().all()):
        hint = "store them in full precision" if half else "the training diverged, use an earlier state"
        raise InputError(f"The weights '{key}' are not finite and were not saved: {hint}.")
    return tensor.contiguous()


def load_weights(model: InContextModel, path: str | Path) -> None:
    """Fill a model from a file (.safetensors, .pth, .pt); a .pth may nest its state dict under "model".

    Raises:
        InputError: the file is missing, unreadable, holds more than tensors, or does not fit the model.
    """
    apply_checkpoint(model, read_checkpoint(path))


def apply_checkpoint(model: InContextModel, checkpoint: Checkpoint) -> None:
    """Fill a model from a checkpoint in memory, after checking every name and shape.

    Raises:
        InputError: naming the first tensor that is missing, unknown or of another shape.
    """
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    problem = _first_difference(expected, checkpoint.header.shapes)
    if problem:
        raise InputError(
            f"The weights {checkpoint.path} do not fit the model {model.config.name}: {problem}; "
            "choose the model that they were trained for."
        )
    model.load_state_dict(checkpoint.tensors)


def _first_difference(expected: Shapes, actual: Shapes) -> str | None:
    for key, shape in expected.items():
        if key not in actual:
            return f"'{key}' is missing"
        if actual[key] != shape:
            return f"'{key}' has the shape {actual[key]} instead of {shape}"
    unknown = next((key for key in actual if key not in expected), None)
    return None if unknown is None else f"it does not know '{unknown}'"


def read_header(path: str | Path) -> WeightsHeader:
    """Read names, shapes and metadata; of a safetensors file without its tensors and without torch.

    Raises:
        InputError: the file is missing or unreadable.
    """
    path = _existing(path)
    if path.suffix.lower() in TORCH_SUFFIXES:
        return read_checkpoint(path).header
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
            return WeightsHeader(dict(file.metadata() or {}), shapes)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path) from error


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a whole weight file onto the CPU.

    Raises:
        InputError: the file is missing, unreadable, or holds anything but tensors.
    """
    path = _existing(path)
    if path.suffix.lower() in TORCH_SUFFIXES:
        return Checkpoint(path, {}, _read_torch(path))
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    header = read_header(path)
    try:
        return Checkpoint(path, header.metadata, load_file(path))
    except (SafetensorError, OSError) as error:
        raise _unreadable(path) from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    """State dict of a .pth; `weights_only` keeps the pickle from building, or running, anything else."""
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of a damaged file torch raises nearly anything
        raise InputError(
            f"The weights {path} were refused, they are damaged or hold more than tensors: "
            "save the bare state dict again, best as .safetensors."
        ) from error
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict) or not all(_is_entry(key, value) for key, value in content.items()):
        raise InputError(f"The weights {path} are not a state dict: save names and tensors, nothing else.")
    return dict(content)


def _is_entry(key: object, value: object) -> bool:
    import torch

    return isinstance(key, str) and isinstance(value, torch.Tensor)


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() not in (".safetensors", *TORCH_SUFFIXES):
        raise InputError(f"'{path}' is not a weight file: give a .safetensors or .pth file.")
    if not path.is_file():
        raise InputError(f"There is no weight file {path}: check the path.")
    return path


def _unreadable(path: Path) -> InputError:
    return InputError(f"The weights {path} are damaged or no safetensors file: get the file again.")


def bundled_weights(name: str) -> Path | None:
    """The weights of a model that ship with the package or lie in the source checkout, if there are any."""
    return next((path for path in _bundled_places(f"{name}.safetensors") if path.is_file()), None)


def _bundled_places(file_name: str) -> Iterator[Path]:
    package = Path(str(resources.files("MVGCore")))
    yield package / "resources" / "weights" / file_name  # installed
    yield package.parent / "Resources" / "Weights" / file_name  # checkout


def card_text(weights: Path) -> str:
    """The model card beside a weight file (same name, .md), or nothing."""
    card = weights.with_suffix(".md")
    return card.read_text(encoding="utf-8") if card.is_file() else ""
