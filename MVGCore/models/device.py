"""Where a model runs and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from MVGCore.errors import InputError

M = TypeVar("M", bound=torch.nn.Module)
AMPERE = 8  # first generation of NVIDIA GPUs that computes bfloat16


@dataclass(frozen=True)
class Device:
    """A place to compute.

    Attributes:
        name: what to tell the user, e.g. "cpu", "cuda:0", "mps".
        torch_device: where to put modules and tensors.
        dtype: type that `autocast` computes in; float32 means plain full precision.
    """

    name: str
    torch_device: torch.device
    dtype: torch.dtype


PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def select_device(request: str = "auto", precision: str = "auto") -> Device:
    """Find the device the user asked for.

    Args:
        request: "auto" (CUDA, then Apple's MPS, then CPU), "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto" takes what the device is fast in; "float32" is the most exact and the same on all
            of them, "bfloat16" takes half the memory.

    Raises:
        InputError: a name is unknown, or this computer or this torch has no such device.
    """
    if precision not in ("auto", *PRECISIONS):
        raise InputError(f"There is no precision called '{precision}': use auto, {', '.join(PRECISIONS)}.")
    device = _device_of(request)
    return device if precision == "auto" else replace(device, dtype=PRECISIONS[precision])


def _device_of(request: str) -> Device:
    kind, _, number = request.strip().lower().partition(":")
    if kind == "auto" and not number:
        kind = _best_kind()
    if kind == "cuda" and (not number or number.isdecimal()):
        return _cuda(int(number or 0))
    if kind == "mps" and not number:
        return _mps()
    if kind == "cpu" and not number:
        return Device("cpu", torch.device("cpu"), torch.bfloat16 if cpu_has_bfloat16() else torch.float32)
    raise InputError(f"There is no device called '{request}': use auto, cpu, cuda, cuda:N or mps.")


def autocast(device: Device) -> AbstractContextManager[object]:
    """Context in which matrix products and convolutions on the device use its dtype; weights stay float32."""
    if device.dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.torch_device.type, dtype=device.dtype)


def weights_cast_once(device: Device) -> AbstractContextManager[object]:
    """Context in which `autocast` brings each weight to the dtype of a CPU once, not in every batch.

    That is a tenth of the time of a batch of small canvases. Weights must not change within, and stay where
    they are: on a GPU, which a model may have to leave, it does nothing. Threads that begin within have no
    part in it.
    """
    if device.name != "cpu" or device.dtype == torch.float32:
        return nullcontext()
    return torch.autocast("cpu", enabled=False)


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Torch has so many threads within, and afterwards as many as before; None leaves them as they are.

    The number is one for all of the process: who sets it for good sets it for the host as well.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def placed(model: M, device: Device) -> M:
    """The model, on the device.

    Its convolutions work with channels last, on a CPU in four fifths of the time; but not on Apple's GPUs,
    which have given wrong results that way (pytorch/pytorch#180984).
    """
    form = torch.contiguous_format if device.name == "mps" else torch.channels_last
    return model.to(device.torch_device).to(memory_format=form)


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 natively; where it is emulated it is slower than float32."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        available = capabilities()
        return any(available.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    # Older releases of torch have single questions, by private names that not all of them know: then no.
    questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, question, bool)() for question in questions)


def _best_kind() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _cuda(index: int) -> Device:
    if not torch.cuda.is_available():
        raise InputError(
            "No CUDA device can be used here: use the device cpu, or install a torch built for this GPU."
        )
    count = torch.cuda.device_count()
    if index >= count:
        raise InputError(f"There is no device cuda:{index}, only {count} GPU(s): count from 0, or use cuda.")
    device = torch.device("cuda", index)
    ampere = torch.cuda.get_device_capability(device)[0] >= AMPERE
    return Device(f"cuda:{index}", device, torch.bfloat16 if ampere else torch.float16)


def _mps() -> Device:
    if not torch.backends.mps.is_available():
        raise InputError(
            "Apple's MPS cannot be used here, it needs a Mac with its own GPU: use the device cpu."
        )
    # Mixed precision differs between releases of MPS; full precision is right on all of them.
    return Device("mps", torch.device("mps"), torch.float32)
