from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from MVGCore.errors import InputError
from MVGCore.models import device as devices
from MVGCore.models.device import Device, autocast, placed, select_device, weights_cast_once


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older GPU and one that has bfloat16."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: ((7, 5), (8, 0))[device.index])


def with_capabilities(monkeypatch: pytest.MonkeyPatch, **found: bool) -> None:
    monkeypatch.setattr(devices.torch, "cpu", SimpleNamespace(get_capabilities=lambda: found))


def test_cpu() -> None:
    device = select_device("cpu")
    assert (device.name, device.torch_device) == ("cpu", torch.device("cpu"))


@pytest.mark.usefixtures("no_gpu")
def test_auto_without_gpu_is_cpu() -> None:
    assert select_device("auto") == select_device("cpu")


@pytest.mark.usefixtures("two_gpus")
def test_cuda() -> None:
    assert select_device("auto") == select_device("cuda") == select_device("cuda:0")
    assert select_device("cuda:0") == Device("cuda:0", torch.device("cuda", 0), torch.float16)
    assert select_device("CUDA:1") == Device("cuda:1", torch.device("cuda", 1), torch.bfloat16)
    with pytest.raises(InputError, match=r"cuda:2, only 2 GPU"):
        select_device("cuda:2")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_absent_device_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(InputError, match="use the device cpu"):
        select_device(name)


def test_mps_runs_in_full_precision(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert select_device("auto") == Device("mps", torch.device("mps"), torch.float32)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:x", "cuda:-1", "cpu:1", "mps:0", "auto:0"])
def test_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="use auto, cpu, cuda"):
        select_device(name)


@pytest.mark.parametrize("found", [{"avx512_bf16": True}, {"amx_bf16": True}, {"bf16": True}])
def test_bfloat16_where_the_cpu_has_it(monkeypatch: pytest.MonkeyPatch, found: dict[str, bool]) -> None:
    with_capabilities(monkeypatch, **found)
    assert select_device("cpu").dtype == torch.bfloat16


def test_no_bfloat16_where_it_would_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    with_capabilities(monkeypatch, avx512_f=True, avx512_bf16=False)
    assert select_device("cpu").dtype == torch.float32


def test_older_torch_is_asked_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.torch, "cpu", SimpleNamespace(_is_avx512_bf16_supported=lambda: True))
    assert select_device("cpu").dtype == torch.bfloat16
    monkeypatch.setattr(devices.torch, "cpu", SimpleNamespace())
    assert select_device("cpu").dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_computes_in_the_devices_type(dtype: torch.dtype) -> None:
    matrix = torch.eye(2)
    with autocast(Device("cpu", torch.device("cpu"), dtype)):
        assert (matrix @ matrix).dtype == dtype
    assert (matrix @ matrix).dtype == torch.float32


def test_kernels_lie_with_channels_last_but_on_apples_gpus() -> None:
    convolution = torch.nn.Conv2d(4, 4, 3)
    gpu = Device("mps", torch.device("meta"), torch.float32)
    for device, last in ((select_device("cpu"), True), (gpu, False)):
        weight = placed(convolution, device).weight
        assert weight.is_contiguous(memory_format=torch.channels_last) == last
        assert weight.is_contiguous() != last


def test_the_precision_is_chosen() -> None:
    assert select_device("cpu", "float32").dtype == torch.float32
    assert select_device("cpu", "bfloat16").dtype == torch.bfloat16
    assert select_device("cpu", "auto") == select_device("cpu")
    with pytest.raises(InputError, match="auto, float32, bfloat16"):
        select_device("cpu", "float8")


def test_weights_are_cast_once_and_nothing_else_changes() -> None:
    half = Device("cpu", torch.device("cpu"), torch.bfloat16)
    layer, x, casts = torch.nn.Linear(8, 8), torch.rand(4, 8), list[int]()

    def answer() -> torch.Tensor:
        with torch.no_grad(), autocast(half), torch.profiler.profile() as seen:
            told: torch.Tensor = layer(x)
        casts.append(sum(each.count for each in seen.key_averages() if each.key == "aten::_to_copy"))
        return told

    alone = answer()
    with weights_cast_once(half):
        assert not torch.is_autocast_enabled("cpu")
        assert torch.equal(answer(), alone) and torch.equal(answer(), alone)
    assert casts[0] == casts[1] == casts[2] + 2  # the weight and the bias
    with torch.no_grad():
        layer.weight.zero_()
    assert torch.equal(answer(), layer.bias.bfloat16().expand(4, 8))
    with weights_cast_once(Device("cuda:0", torch.device("cpu"), torch.float16)):
        assert not torch.is_autocast_enabled("cpu")
