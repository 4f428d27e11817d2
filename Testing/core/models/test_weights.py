from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from MVGCore.errors import InputError, OutputError
from MVGCore.models import create, load_weights, save_weights, weights
from MVGCore.models.base import InContextModel
from MVGCore.models.weights import read_checkpoint


@pytest.fixture
def model() -> InContextModel:
    return create("vit-tiny", width=12, depth=4)


@pytest.fixture
def other() -> InContextModel:
    return create("vit-tiny", width=12, depth=4)


def same(first: InContextModel, second: InContextModel) -> bool:
    states = first.state_dict(), second.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(value, states[1][key]) for key, value in states[0].items()
    )


class Bomb:
    """Runs code when unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.victim,)


def test_round_trip(model: InContextModel, other: InContextModel, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(model, path, {"licence": "Apache-2.0", "step": "7"})
    assert not same(model, other)
    load_weights(other, path)
    assert same(model, other)


def test_header_tells_the_model(model: InContextModel, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(model, path, {"licence": "Apache-2.0", "step": "7"})
    header = weights.read_header(path)
    assert header.metadata["model"] == "vit-tiny"
    assert json.loads(header.metadata["config"])["width"] == 12
    assert (header.metadata["licence"], header.metadata["step"]) == ("Apache-2.0", "7")
    assert header.parameters == sum(value.numel() for value in model.state_dict().values())


def test_half_is_half_the_size(model: InContextModel, other: InContextModel, tmp_path: Path) -> None:
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    save_weights(model, full, {})
    save_weights(model, half, {}, half=True)
    assert half.stat().st_size < 0.55 * full.stat().st_size
    load_weights(other, half)
    for key, value in model.state_dict().items():
        assert other.state_dict()[key].dtype == torch.float32
        torch.testing.assert_close(other.state_dict()[key], value, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("value", "half"), [(float("nan"), False), (1e6, True)])
def test_weights_that_are_not_finite_are_not_saved(
    model: InContextModel, tmp_path: Path, value: float, half: bool
) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(model, path, {})
    earlier = path.read_bytes()
    torch.nn.init.constant_(model.get_parameter("norm.bias"), value)
    with pytest.raises(InputError, match=r"'norm\.bias' are not finite"):
        save_weights(model, path, {}, half=half)
    assert path.read_bytes() == earlier


def test_full_disk_leaves_the_earlier_file(
    model: InContextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import SafetensorError

    path = tmp_path / "model.safetensors"
    path.write_text("earlier")

    def fail(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", fail)
    with pytest.raises(OutputError, match="No space left"):
        save_weights(model, path, {})
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    assert path.read_text() == "earlier"


def test_only_safetensors_are_written(model: InContextModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ends in .safetensors"):
        save_weights(model, tmp_path / "model.pth", {})


@pytest.mark.parametrize("nested", [False, True])
def test_torch_file(model: InContextModel, other: InContextModel, tmp_path: Path, nested: bool) -> None:
    path = tmp_path / "model.pth"
    state = dict(model.state_dict())
    torch.save({"model": state, "epoch": 3} if nested else state, path)
    load_weights(other, path)
    assert same(model, other)


def test_torch_file_with_an_object_is_refused(model: InContextModel, tmp_path: Path) -> None:
    path, victim = tmp_path / "model.pth", tmp_path / "victim"
    torch.save({"model": dict(model.state_dict()), "args": Bomb(victim)}, path)
    with pytest.raises(InputError, match="more than tensors"):
        load_weights(model, path)
    assert not victim.exists()


def test_plain_pickle_is_refused(model: InContextModel, tmp_path: Path) -> None:
    path, victim = tmp_path / "model.pth", tmp_path / "victim"
    path.write_bytes(pickle.dumps(Bomb(victim), protocol=2))
    with pytest.raises(InputError, match="refused"):
        load_weights(model, path)
    assert not victim.exists()


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"epoch": 3}, {3: torch.zeros(1)}])
def test_torch_file_without_state_dict_is_refused(
    model: InContextModel, tmp_path: Path, content: object
) -> None:
    path = tmp_path / "model.pth"
    torch.save(content, path)
    with pytest.raises(InputError, match="not a state dict"):
        load_weights(model, path)


def test_first_wrong_shape_is_named(model: InContextModel, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    state = model.state_dict()
    state["blocks.1.norm1.weight"] = torch.zeros(13)
    save_file(state, path)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(
        InputError, match=r"'blocks\.1\.norm1\.weight' has the shape \(13,\) instead of \(12,\)"
    ):
        load_weights(model, path)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_missing_and_unknown_tensors_are_named(model: InContextModel, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    state = model.state_dict()
    token = state.pop("mask_token")
    save_file(state, path)
    with pytest.raises(InputError, match="'mask_token' is missing"):
        load_weights(model, path)
    save_file({**state, "mask_token": token, "extra": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="does not know 'extra'"):
        load_weights(model, path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_truncated_file_is_refused(model: InContextModel, tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"model{suffix}"
    if suffix == ".pth":
        torch.save(model.state_dict(), path)
    else:
        save_weights(model, path, {})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="damaged"):
        load_weights(model, path)


def test_missing_file_and_unknown_suffix(model: InContextModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weight file"):
        load_weights(model, tmp_path / "absent.pth")
    with pytest.raises(InputError, match="not a weight file"):
        load_weights(model, tmp_path / "volume.nrrd")


@pytest.mark.parametrize("place", ["MVGCore/resources/weights", "Resources/Weights"])
def test_bundled_weights_are_found_installed_and_in_a_checkout(
    model: InContextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "MVGCore").mkdir()
    monkeypatch.setattr(weights.resources, "files", lambda _: tmp_path / "MVGCore")
    assert weights.bundled_weights("vit-tiny") is None
    folder = tmp_path / place
    folder.mkdir(parents=True)
    save_weights(model, folder / "vit-tiny.safetensors", {})
    found = weights.bundled_weights("vit-tiny")
    assert found == folder / "vit-tiny.safetensors"
    assert load_file(found).keys() == model.state_dict().keys()


def test_a_damaged_state_dict_is_told_in_a_sentence(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(12.0), "b": torch.ones(3, 4)}, tmp_path / "x.pth")
    whole = (tmp_path / "x.pth").read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(256)
        (tmp_path / "y.pth").write_bytes(bytes(damaged)[: rng.integers(1, len(whole) + 1)])
        try:
            read_checkpoint(tmp_path / "y.pth")
        except InputError as error:
            assert "y.pth" in str(error)
