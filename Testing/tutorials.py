"""Tutorials of the documentation, done step by step and word by word."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"

Step = Callable[[Any], None]


class Tutorial:
    """What each numbered step of some sections of a page does."""

    def __init__(self, page: str, sections: Sequence[str]) -> None:
        self.text = (DOCS / page).read_text(encoding="utf-8")
        self._sections = sections
        self._steps: list[tuple[str, Step]] = []

    def step(self, text: str) -> Callable[[Step], Step]:
        """Registers what a step does, by its very words."""

        def register(function: Step) -> Step:
            self._steps.append((text, function))
            return function

        return register

    def follow(self, case: Any) -> None:
        """Does every step, in their order; there are as many as the page has, and they say the same."""
        assert [text for text, _function in self._steps] == self._on_page()
        for _text, function in self._steps:
            function(case)

    def _on_page(self) -> list[str]:
        """The steps, each as one line."""
        steps = []
        for title in self._sections:
            section = self.text.partition(f"## {title}")[2].partition("\n## ")[0]
            for block in re.split(r"\n(?=\d+\. )", section)[1:]:
                steps.append(" ".join(block.split("\n\n")[0].split()).partition(". ")[2])
        return steps
