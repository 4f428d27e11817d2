"""Every model by its name: `create` an untrained one, `load` a trained one, `describe` either."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.models import weights as weight_files

if TYPE_CHECKING:
    from MVGCore.models.base import InContextModel
    from MVGCore.models.device import Device
    from MVGCore.models.weights import Checkpoint, WeightsHeader


@dataclass(frozen=True)
class ModelSpec:
    """How to build one named model; its module is imported only then.

    Attributes:
        name: what the user says.
        module: module that has both classes.
        config_class: name of the frozen dataclass of sizes, which has a field `name`.
        model_class: name of the `InContextModel`; it is called with the configuration.
        description: one line.
        sizes: fields of the configuration that differ from its defaults.
    """

    name: str
    module: str
    config_class: str
    model_class: str
    description: str
    sizes: Mapping[str, Any] = field(default_factory=dict)

    def build(self, **overrides: Any) -> InContextModel:
        """The untrained model.

        Raises:
            InputError: a value that the configuration does not know or does not accept.
            MissingExtraError: a package that this model alone needs is not installed.
        """
        try:
            module = import_module(self.module)
        except ModuleNotFoundError as error:
            # Inside Slicer only what the bundled model needs is installed.
            if error.name != "timm":
                raise
            raise MissingExtraError(f"The model {self.name} needs timm: pip install timm") from error
        try:
            config = getattr(module, self.config_class)(**{"name": self.name, **self.sizes, **overrides})
        except TypeError as error:
            raise InputError(f"The model {self.name} cannot be set up like this: {error}.") from error
        model: InContextModel = getattr(module, self.model_class)(config)
        return model


@dataclass(frozen=True)
class ModelInfo:
    """A model as `mvg info` shows it.

    Attributes:
        name: the registered name.
        description: one line.
        parameters: how many numbers it has learned.
        weights: its file, None if none is bundled.
        metadata: what the file's header says.
        card: the model card's text, empty if there is none.
    """

    name: str
    description: str
    parameters: int
    weights: Path | None
    metadata: dict[str, str]
    card: str


_SPECS: dict[str, ModelSpec] = {}


def register(spec: ModelSpec) -> None:
    """Make a model known by its name.

    Raises:
        ValueError: the name is taken.
    """
    if spec.name in _SPECS:
        raise ValueError(f"A model called '{spec.name}' is registered already.")
    _SPECS[spec.name] = spec


def names() -> tuple[str, ...]:
    """The names of all models."""
    return tuple(_SPECS)


def create(name: str, **overrides: Any) -> InContextModel:
    """Build an untrained model.

    Args:
        name: one of `names()`.
        overrides: fields of its configuration, e.g. `depth=4`.

    Raises:
        InputError: unknown name or field.
    """
    return _spec(name).build(**overrides)


def load(name_or_path: str | Path, device: Device | str = "cpu") -> InContextModel:
    """Build a model with its weights, ready to run.

    Args:
        name_or_path: a registered name with bundled weights, or a .safetensors or .pth file.
        device: where to put it; a name goes through `select_device`.

    Raises:
        InputError: no such model, no weights, weights that do not fit, no such device.
    """
    from MVGCore.models.device import placed, select_device

    place = select_device(device) if isinstance(device, str) else device
    checkpoint = weight_files.read_checkpoint(_weights_path(name_or_path))
    model = _model_for(checkpoint)
    weight_files.apply_checkpoint(model, checkpoint)
    return placed(model, place).eval()


def describe(name_or_path: str | Path) -> ModelInfo:
    """Tell about a model or a weight file, from the file's header where it has one of ours.

    Raises:
        InputError: no such model or file.
    """
    spec = _SPECS.get(str(name_or_path))
    path = weight_files.bundled_weights(spec.name) if spec else _weights_path(name_or_path)
    if path is None:
        assert spec is not None
        return ModelInfo(spec.name, spec.description, _count_parameters(spec), None, {}, "")
    header = weight_files.read_header(path)
    spec = _spec_for(header, path)
    card = weight_files.card_text(path)
    return ModelInfo(spec.name, spec.description, header.parameters, path, header.metadata, card)


def _spec(name: str) -> ModelSpec:
    if name not in _SPECS:
        known = ", ".join(_SPECS)
        raise InputError(f"There is no model called '{name}': use one of {known}, or a weight file.")
    return _SPECS[name]


def _weights_path(name_or_path: str | Path) -> Path:
    name = str(name_or_path)
    if name not in _SPECS and Path(name).suffix:
        return Path(name)
    path = weight_files.bundled_weights(_spec(name).name)
    if path is None:
        raise InputError(f"No weights of {name} are bundled: give the path of a .safetensors or .pth file.")
    return path


def _model_for(checkpoint: Checkpoint) -> InContextModel:
    """Untrained model of the kind and sizes that a weight file names, or else resembles."""
    spec = _spec_for(checkpoint.header, checkpoint.path)
    try:
        config = json.loads(checkpoint.metadata.get("config", "{}"))
        return spec.build(**{key: _frozen(value) for key, value in config.items()})
    except (ValueError, AttributeError) as error:
        message = f"The configuration inside {checkpoint.path} is damaged: get the file again."
        raise InputError(message) from error


def _frozen(value: Any) -> Any:
    """JSON has lists where configurations have tuples."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _spec_for(header: WeightsHeader, path: Path) -> ModelSpec:
    if "model" in header.metadata:
        return _spec(header.metadata["model"])
    overlap = {name: _overlap(spec, header) for name, spec in _SPECS.items()}
    best = max(overlap, key=lambda name: overlap[name])
    if overlap[best] == 0:
        raise InputError(f"The weights {path} belong to no model known here: use one of {', '.join(_SPECS)}.")
    return _SPECS[best]


def _overlap(spec: ModelSpec, header: WeightsHeader) -> int:
    """How many tensors of the file have the name and shape that the model expects."""
    expected = {(key, tuple(value.shape)) for key, value in _skeleton(spec).state_dict().items()}
    return len(expected & set(header.shapes.items()))


def _count_parameters(spec: ModelSpec) -> int:
    return sum(parameter.numel() for parameter in _skeleton(spec).parameters())


def _skeleton(spec: ModelSpec) -> InContextModel:
    """The model without memory for its numbers."""
    import torch

    with torch.device("meta"):
        return spec.build()


def _register_vit(size: str, width: int, depth: int, heads: int) -> None:
    register(
        ModelSpec(
            name=f"vit-{size}",
            module="MVGCore.models.vit",
            config_class="ViTConfig",
            model_class="ViT",
            description=f"the paper's stitched transformer: {depth} blocks, width {width}, {heads} heads",
            sizes={"width": width, "depth": depth, "heads": heads},
        )
    )


register(
    ModelSpec(
        name="compact",
        module="MVGCore.models.compact",
        config_class="CompactConfig",
        model_class="Compact",
        description="small convolutional network with attention to cached prompts, made for CPUs",
    )
)
_register_vit("tiny", 192, 12, 3)
_register_vit("small", 384, 12, 6)
_register_vit("base", 768, 12, 12)
_register_vit("large", 1024, 24, 16)
