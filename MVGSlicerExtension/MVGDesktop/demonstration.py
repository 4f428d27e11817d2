"""A real brain to try MVG on, and its labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from MVGCore.evaluation.cases import BenchmarkExample, DemoCase, keep_slices, labelled_slices
from MVGCore.volume import Segmentation, Volume
from MVGCore.volume.labelmap import distinct_color

_SLICES = 3


@dataclass(frozen=True)
class Demonstration:
    """The brain template of nilearn, whose tissues are known on every slice.

    Attributes:
        example: Image and truth.
    """

    example: BenchmarkExample

    @classmethod
    def load(cls) -> Demonstration:
        """Read the template.

        Raises:
            MissingExtraError: nilearn is not installed.
        """
        example = DemoCase().load()
        example.image.name = "Brain"
        # The template's own colours, ivory and white, drown in a grey image.
        classes = tuple(replace(each, color=distinct_color(each.id)) for each in example.truth.classes)
        return cls(replace(example, truth=replace(example.truth, classes=classes)))

    @property
    def image(self) -> Volume:
        """The brain."""
        return self.example.image

    @property
    def axis(self) -> int:
        """Array axis of the slices to be labelled."""
        return self.example.axis

    @property
    def slices(self) -> tuple[int, ...]:
        """Those that `few` labels."""
        return tuple(labelled_slices(self.example.truth, self.axis, _SLICES))

    def few(self) -> Segmentation:
        """Three slices labelled."""
        return Segmentation.from_labelmap(keep_slices(self.example.truth, self.axis, self.slices))
