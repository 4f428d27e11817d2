"""What a session works with: a model that may be adapted, an image and its examples."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from MVGCore.adaptation import Adaptation, AdaptConfig, ModelInUse
from MVGCore.errors import InputError
from MVGCore.models.device import select_device
from MVGCore.models.registry import load
from MVGCore.outcomes import AdaptReport
from MVGCore.prompts import PromptSet
from MVGCore.segmentation import Progress, Propagator
from MVGCore.segmentation.quality import quality_of
from MVGCore.session.alone import one_at_a_time
from MVGCore.session.cache import Prepared
from MVGCore.session.wishes import Wishes
from MVGCore.volume import Volume, check_image


def silent(fraction: float, text: str) -> None:
    """No progress is wanted."""


def never() -> bool:
    return False


class AdaptableSession:
    """Holds the model, the image and the examples, with what was prepared of them, and adapts the model."""

    def __init__(
        self,
        model: str | Path = "compact",
        device: str = "auto",
        seed: int = 0,
        threads: int | None = None,
        quality: str = "standard",
        precision: str = "auto",
    ) -> None:
        """Load a model.

        Args:
            model: a name with bundled weights, or a weight file.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps".
            seed: of the random colours; the same seed gives the same result.
            threads: of torch while the session works; None leaves them as they are. On a CPU as many batches
                of slices, up to four, are generated at a time.
            quality: how much work labels take: "draft", "standard" or "thorough".
            precision: "auto" takes what the device is fast in; or "float32" or "bfloat16".

        Raises:
            InputError: no such model, weights that do not fit, no such device, quality or precision.
        """
        self._turn = threading.RLock()
        self._threads = threads
        self._device = select_device(device, precision)
        self._model = load(model, self._device)
        self._use = ModelInUse(self._model)
        self._name = str(model)
        self._seed = seed
        self._adapted_to = ""
        self._image: Volume | None = None
        self._prompts: PromptSet | None = None
        self._prepared = Prepared(seed, quality_of(quality))

    @property
    def device(self) -> str:
        """Where it computes; a GPU whose memory was full is left for good."""
        return self._device.name

    @one_at_a_time
    def set_image(self, image: Volume) -> None:
        """Take the volume to label.

        Raises:
            InputError: it is constant, less than a slice, or has NaN or infinite voxels.
        """
        self._image = check_image(image)
        self._prepared.forget()

    @one_at_a_time
    def set_prompts(self, prompts: PromptSet) -> None:
        """Take the examples; those that are switched off are ignored."""
        self._prompts = prompts

    @one_at_a_time
    def set_quality(self, quality: str) -> None:
        """Choose how much work labels take from now on: "draft", "standard" or "thorough".

        Raises:
            InputError: no such quality.
        """
        self._prepared.quality = quality_of(quality)

    @one_at_a_time
    def adapt(
        self,
        seconds: float = 20.0,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        steps: int | None = None,
    ) -> AdaptReport:
        """Fine-tune the loaded model on the labelled slices; used from now on if a held-out slice gains.

        The same examples, seed and steps give the same weights, as long as the time does not run out.

        Args:
            seconds: the longest it may take, preparation not counted.
            progress: called with the done fraction and a text.
            cancelled: asked between steps; true ends the call and leaves the weights as they were.
            steps: training steps at most; None: the usual number.

        Raises:
            InputError: no image, no prompts, or no time.
            Cancelled: `cancelled()` was true.
        """
        if seconds <= 0 or (steps is not None and steps < 1):
            raise InputError("Adaptation needs some seconds and steps; give both above zero.")
        before = self._use.weights() if self.adapted else None
        former = self._adapted_to
        self.forget_adaptation()
        try:
            axis = self.prompt_axis
            propagator = self._propagator(axis, cancelled or never, finished_only=True)
            # What was carried over from other volumes is a guess, and nothing to learn from.
            contexts = [] if propagator.transferred else propagator.contexts(cancelled or never)
            config = AdaptConfig() if steps is None else AdaptConfig(steps=steps)
            adaptation = Adaptation(self._model, self._device, contexts, self._seed, config)
            report, weights = adaptation.run(seconds, progress or silent, cancelled or never)
        except BaseException:
            self._replace_weights(before)
            self._adapted_to = former
            raise
        self._replace_weights(weights)
        self._adapted_to = self.adaptation_name(seconds, steps)
        return report

    def adaptation_name(self, seconds: float, steps: int | None = None) -> str:
        """Names what an adaptation to the present examples would be made of: the same again is not needed.

        Raises:
            InputError: no image, or no prompts.
        """
        prints = sorted(prompt.fingerprint for prompt in self._ready()[1].enabled)
        made_of = repr((self._name, self._seed, float(seconds), steps, prints)).encode()
        return hashlib.blake2b(made_of, digest_size=12).hexdigest()

    @property
    def adapted_to(self) -> str:
        """`adaptation_name` of the adaptation that was made last and still counts, or empty."""
        return self._adapted_to

    @property
    def adapted(self) -> bool:
        """Whether adapted weights are in use."""
        return self._use.adapted

    @one_at_a_time
    def forget_adaptation(self) -> None:
        """Go back to the weights that were loaded."""
        self._adapted_to = ""
        if self.adapted:
            self._use.forget()
            self._prepared.forget()

    @one_at_a_time
    def use_adapted(self, path: str | Path, adapted_to: str = "") -> None:
        """Use weights that `save_model` wrote after an adaptation; `forget_adaptation` undoes it.

        Args:
            path: the file.
            adapted_to: what `adapted_to` said when they were written.

        Raises:
            InputError: the file is missing, damaged, or of another model.
        """
        self._use.use_file(path)
        self._adapted_to = adapted_to
        self._prepared.forget()

    @one_at_a_time
    def save_model(self, path: str | Path) -> None:
        """Write the weights in use to a .safetensors file, which `Session(model=path)` loads.

        Raises:
            InputError: another ending.
            OutputError: the file cannot be written.
        """
        self._use.save(path)

    @property
    def prompt_axis(self) -> int:
        """Array axis along which examples are propagated: that of most, or the only one of a single slice.

        Raises:
            InputError: no image, or no prompts.
        """
        image, prompts = self._ready()
        flat = image.geometry.flat_axis
        return prompts.axis if flat is None else flat

    @property
    def prompts(self) -> PromptSet:
        """The examples.

        Raises:
            InputError: no image, or no prompts.
        """
        return self._ready()[1]

    @property
    def model_name(self) -> str:
        """What the model was loaded as."""
        return self._name

    def _replace_weights(self, weights: Mapping[str, torch.Tensor] | None) -> None:
        if weights is not None:
            self._use.use(weights)
            self._prepared.forget()

    def _propagator(
        self,
        axis: int,
        cancelled: Callable[[], bool] = never,
        finished_only: bool = False,
        wishes: Wishes | None = None,
    ) -> Propagator:
        """See `Prepared.propagator`."""
        image, prompts = self._ready()
        return self._prepared.propagator(
            self._model, self._device, image, prompts, axis, cancelled, finished_only, wishes
        )

    def _ready_image(self) -> Volume:
        if self._image is None:
            raise InputError("There is no image yet; call set_image first.")
        return self._image

    def _ready(self) -> tuple[Volume, PromptSet]:
        image = self._ready_image()
        if self._prompts is None or not self._prompts.enabled:
            raise InputError("There is no example that is switched on; label a slice and call set_prompts.")
        return image, self._prompts
