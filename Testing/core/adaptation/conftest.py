"""A structure whose label cannot be known without learning: adaptation has something to gain."""

from __future__ import annotations

from pathlib import Path

import pytest

from MVGCore.prompts import PromptSet
from MVGCore.session import Session
from MVGCore.volume import LabelMap, Volume

Case = tuple[Volume, LabelMap]


@pytest.fixture
def session_on():
    """A session on a case of which some slices are labelled."""

    def start(weights: Path, case: Case, slices=(1, 5, 8, 12), seed: int = 0) -> Session:
        session = Session(weights, "cpu", seed)
        session.set_image(case[0])
        session.set_prompts(PromptSet.from_labelmap(*case, axis=0, slices=slices))
        return session

    return start
