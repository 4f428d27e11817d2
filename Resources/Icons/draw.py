"""Draws the MVG icons: a stack of slices, two of them labelled, the others following.

Run `python Resources/Icons/draw.py` after a change; it needs Pillow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path

from PIL import Image, ImageDraw

Colour = tuple[int, int, int, int]
Point = tuple[float, float]

SUPERSAMPLING = 8
EDGE: Colour = (38, 50, 72, 255)
PLATE: Colour = (236, 241, 247, 255)
FOLLOWING: Colour = (143, 205, 208, 255)
LABELLED: Colour = (0, 137, 150, 255)
CORE_FOLLOWING: Colour = (255, 206, 150, 255)
CORE_LABELLED: Colour = (240, 120, 30, 255)


@dataclass(frozen=True)
class Stack:
    """One icon: lengths are fractions of its width, plates are listed from the bottom to the top."""

    size: int
    labelled: Sequence[bool]
    outline: float
    half_height: float = 0.20
    half_width: float = 0.46

    def heights(self) -> list[float]:
        """Returns the vertical centre of each plate, bottom first."""
        bottom, top = 1 - self.half_height - 0.03, self.half_height + 0.03
        steps = len(self.labelled) - 1
        return [bottom + (top - bottom) * i / steps for i in range(steps + 1)]


def _plate(centre: Point, half_width: float, half_height: float) -> list[Point]:
    x, y = centre
    return [(x, y - half_height), (x + half_width, y), (x, y + half_height), (x - half_width, y)]


def _organ(centre: Point, half_width: float, half_height: float, scale: float) -> list[Point]:
    """A bean-like outline that lies in the plane of a plate."""
    x, y = centre
    points = []
    for step in range(72):
        angle = 2 * pi * step / 72
        radius = scale * (1 + 0.16 * cos(2 * angle) + 0.10 * sin(angle))
        points.append((x + half_width * radius * cos(angle), y + half_height * radius * sin(angle)))
    return points


def draw(stack: Stack) -> Image.Image:
    """Returns the icon as an RGBA image of `stack.size` pixels a side."""
    width = stack.size * SUPERSAMPLING
    image = Image.new("RGBA", (width, width), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    line = round(stack.outline * width)
    half_width, half_height = stack.half_width * width, stack.half_height * width
    for height, labelled in zip(stack.heights(), stack.labelled, strict=True):
        centre = (0.5 * width, height * width)
        plate = _plate(centre, half_width, half_height)
        pen.polygon(plate, fill=PLATE)
        pen.polygon(_organ(centre, half_width, half_height, 0.52), fill=LABELLED if labelled else FOLLOWING)
        core = CORE_LABELLED if labelled else CORE_FOLLOWING
        pen.polygon(_organ(centre, half_width, half_height, 0.23), fill=core)
        pen.line([*plate, plate[0], plate[1]], fill=EDGE, width=line, joint="curve")
    return image.resize((stack.size, stack.size), Image.Resampling.LANCZOS)


def main() -> None:
    folder = Path(__file__).resolve().parent
    extension = folder.parents[1] / "MVGSlicerExtension"
    draw(Stack(128, (True, False, False, True), outline=0.018)).save(folder / "MVG.png")
    small = (True, False, True)
    draw(Stack(24, small, outline=0.05, half_height=0.26)).save(folder / "MVG-24.png")
    # Slicer scales these two to 16 or 21 pixels, or twice that on fine screens.
    icon = draw(Stack(48, small, outline=0.05, half_height=0.26))
    icon.save(extension / "MVG" / "Resources" / "Icons" / "MVG.png")
    icon.save(extension / "SegmentEditorMVG" / "SegmentEditorMVGLib" / "SegmentEditorEffect.png")


if __name__ == "__main__":
    main()
