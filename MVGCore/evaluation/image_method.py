"""MVG itself in the shape of a peer of the image tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from MVGCore.evaluation.image_problems import Problem

if TYPE_CHECKING:
    from MVGCore.images import ImageResult
    from MVGCore.session import Session


@dataclass
class ImageSessionMethod:
    """Answers through a `Session`, which loads its weights at the first call and keeps them.

    Attributes:
        model: name or path of the model.
        device: "auto", "cpu", "cuda" or "mps".
        precision: "auto", "float32" or "bfloat16".
        threads: CPU threads; the session's own choice when None.
        name: what tables call it.
    """

    model: str = "compact"
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    name: str = "MVG"
    tasks: tuple[str, ...] = ("denoise", "inpaint", "synthesize")
    _session: Session | None = field(default=None, init=False, repr=False, compare=False)

    def __call__(self, problem: Problem) -> NDArray[Any]:
        """See `ImagePeer`."""
        from MVGCore.session import Session

        if self._session is None:
            self._session = Session(self.model, self.device, threads=self.threads, precision=self.precision)
        self._session.set_image(problem.image)
        result = self._answer(self._session, problem)
        return problem.planes(result.image.array)[list(problem.slices)]

    @staticmethod
    def _answer(session: Session, problem: Problem) -> ImageResult:
        span = (problem.slices[0], problem.slices[-1])
        if problem.task == "denoise":
            return session.denoise(axis=problem.axis, slice_range=span)
        if problem.task == "inpaint":
            assert problem.holes is not None
            return session.inpaint(problem.holes, axis=problem.axis, slice_range=span)
        from MVGCore.images import ImageExamples

        assert problem.target is not None
        examples = ImageExamples.from_volumes(problem.image, problem.target, problem.axis, problem.given)
        return session.synthesize(examples, slice_range=span)
