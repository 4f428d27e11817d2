"""What this computer has to compute with."""

from __future__ import annotations

import platform

import numpy
import psutil
import torch

from MVGCore.session.results import DeviceInfo, Info
from MVGCore.version import __version__

GIGABYTE = 1e9


def info(device: str, model: str) -> Info:
    """What a session on this device has, and what else there is."""
    available = devices(device)
    return Info(device, model, memory_hint(device, available), available, versions())


def devices(used: str = "cpu") -> tuple[DeviceInfo, ...]:
    """All places to compute; only of the one in use the free graphics memory is asked, which takes some."""
    memory = psutil.virtual_memory()
    available = [
        DeviceInfo("cpu", platform.processor() or platform.machine(), memory.available, memory.total)
    ]
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            name = f"cuda:{number}"
            free = torch.cuda.mem_get_info(number)[0] if name == used else None
            card = torch.cuda.get_device_properties(number)
            available.append(DeviceInfo(name, card.name, free, card.total_memory))
    if torch.backends.mps.is_available():
        available.append(DeviceInfo("mps", "Apple graphics", memory.available, memory.total))
    return tuple(available)


def memory_hint(used: str, available: tuple[DeviceInfo, ...]) -> str:
    """A few words about the memory of the device in use."""
    for each in available:
        if each.name == used and each.free_bytes is not None and each.total_bytes is not None:
            free, total = each.free_bytes / GIGABYTE, each.total_bytes / GIGABYTE
            return f"{used}: {free:.1f} of {total:.0f} GB free"
    return used


def versions() -> dict[str, str]:
    """Name of a package -> its version."""
    known = {
        "MVG": __version__,
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }
    if torch.version.cuda:
        known["CUDA"] = torch.version.cuda
    return known
