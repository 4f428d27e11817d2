from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from MVGCore import models
from MVGCore.errors import InputError, MissingExtraError
from MVGCore.models import registry
from MVGCore.models.base import InContextModel


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    models.save_weights(models.create("vit-tiny", width=12, depth=4), path, {"step": "7"})
    return path


@pytest.fixture
def no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("MVGCore.models.weights.bundled_weights", lambda name: None)


def test_names() -> None:
    assert set(models.names()) >= {"compact", "vit-tiny", "vit-small", "vit-base", "vit-large"}


def test_importing_models_does_not_import_torch() -> None:
    code = "import sys, MVGCore.models as m; m.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", models.names())
def test_every_model_is_built_under_its_name(name: str) -> None:
    with torch.device("meta"):
        model = models.create(name)
    assert isinstance(model, InContextModel)
    assert model.config.name == name
    assert model.canvas_sides and all(side % 16 == 0 for side in model.canvas_sides)


def test_create_takes_sizes() -> None:
    model = models.create("vit-tiny", width=12, depth=4)
    assert model.get_parameter("norm.weight").shape == (12,)


def test_unknown_names_and_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="use one of compact, vit-tiny"):
        models.create("vit-huge")
    with pytest.raises(InputError, match="colour"):
        models.create("vit-tiny", colour="red")


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered already"):
        models.register(models.ModelSpec("compact", "module", "Config", "Model", ""))


def test_registered_model_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_SPECS", {})
    vit = "MVGCore.models.vit"
    models.register(models.ModelSpec("small-one", vit, "ViTConfig", "ViT", "", {"width": 16, "depth": 4}))
    assert models.names() == ("small-one",)
    assert models.create("small-one").config.name == "small-one"


def test_a_model_whose_package_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "MVGCore.models.vit", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "timm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [WithoutTimm(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match="vit-tiny needs timm"):
        models.create("vit-tiny")


class WithoutTimm:
    """A finder that finds everything else."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] == "timm":
            raise ModuleNotFoundError(f"No module named {name!r}", name="timm")


def test_load_builds_what_the_file_says(weights_file: Path) -> None:
    model = models.load(weights_file, device="cpu")
    assert model.config == models.create("vit-tiny", width=12, depth=4).config
    assert not model.training


def test_load_by_name_takes_the_bundled_file(weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("MVGCore.models.weights.bundled_weights", lambda name: weights_file)
    assert models.load("vit-tiny").get_parameter("norm.weight").shape == (12,)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_bare_state_dict_is_recognised(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"foreign{suffix}"
    state = models.create("vit-tiny").state_dict()
    torch.save({"model": dict(state)}, path) if suffix == ".pth" else save_file(state, path)
    model = models.load(path)
    assert model.config.name == "vit-tiny"
    assert torch.equal(model.get_parameter("norm.weight"), state["norm.weight"])
    assert models.describe(path).name == "vit-tiny"


def test_foreign_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"conv.weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match="no model known"):
        models.load(path)


@pytest.mark.parametrize("config", ["{", "[1]", '{"width": "wide"}', '{"colour": 1}', '{"depth": 5}'])
def test_damaged_configuration_is_refused(tmp_path: Path, config: str) -> None:
    path = tmp_path / "model.safetensors"
    state = models.create("vit-tiny", width=12, depth=4).state_dict()
    save_file(state, path, {"model": "vit-tiny", "config": config})
    with pytest.raises(InputError):
        models.load(path)


@pytest.mark.usefixtures("no_bundle")
def test_nothing_to_load() -> None:
    with pytest.raises(InputError, match="No weights of vit-large are bundled"):
        models.load("vit-large")
    with pytest.raises(InputError, match="no model called 'nonsense'"):
        models.load("nonsense")
    with pytest.raises(InputError, match="no weight file"):
        models.load("absent.safetensors")


@pytest.mark.usefixtures("no_bundle")
def test_describe_without_weights() -> None:
    info = models.describe("vit-large")
    assert (info.parameters, info.weights, info.card) == (370_721_155, None, "")
    assert "24 blocks" in info.description


def test_describe_reads_header_and_card(weights_file: Path) -> None:
    weights_file.with_suffix(".md").write_text("# Card\n", encoding="utf-8")
    info = models.describe(weights_file)
    assert (info.name, info.weights, info.card) == ("vit-tiny", weights_file, "# Card\n")
    assert info.metadata["step"] == "7"
    assert info.parameters == sum(value.numel() for value in models.load(weights_file).parameters())


def test_describing_a_file_does_not_import_torch(weights_file: Path) -> None:
    code = "import sys, MVGCore.models as m; m.describe(sys.argv[1]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, str(weights_file)], check=False).returncode == 0


@dataclass(frozen=True)
class ListConfig:
    name: str
    widths: tuple[int, ...] = (1,)


class ListModel(InContextModel):
    def __init__(self, config: ListConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = torch.nn.ParameterList(torch.zeros(width) for width in config.widths)

    encode_prompts = generate = None


def test_tuples_survive_the_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_SPECS", {})
    monkeypatch.setitem(sys.modules, "list_model", sys.modules[__name__])
    models.register(models.ModelSpec("list", "list_model", "ListConfig", "ListModel", ""))
    path = tmp_path / "list.safetensors"
    models.save_weights(models.create("list", widths=(2, 3)), path, {})
    assert models.load(path).config == ListConfig("list", (2, 3))
