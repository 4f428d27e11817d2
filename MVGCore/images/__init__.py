"""Tasks whose answer is an image: denoising, inpainting and synthesis of whole volumes by examples.

Examples and results are loaded without torch, so that a host can make and show them; the rest when it is
first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from MVGCore.images.examples import ImageExample, ImageExamples
from MVGCore.images.result import ImageResult, ImageSlice

if TYPE_CHECKING:
    from MVGCore.images.denoise import run_denoise as run_denoise
    from MVGCore.images.engine import Engine as Engine
    from MVGCore.images.inpaint import run_inpaint as run_inpaint
    from MVGCore.images.synthesize import run_synthesize as run_synthesize

_MODULE_OF = {
    "Engine": "engine",
    "run_denoise": "denoise",
    "run_inpaint": "inpaint",
    "run_synthesize": "synthesize",
}

__all__ = ["ImageExample", "ImageExamples", "ImageResult", "ImageSlice", *sorted(_MODULE_OF)]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
