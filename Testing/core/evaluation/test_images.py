"""The benchmark of the image tasks: problems, peers, scores, tables, and going on after an interruption."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from MVGCore.errors import InputError, MissingExtraError
from MVGCore.evaluation import image_benchmark, image_peers
from MVGCore.evaluation.cases import Case
from MVGCore.evaluation.image_benchmark import run_images, score_image, warm_up_problem
from MVGCore.evaluation.image_damage import HOLES, make_holes
from MVGCore.evaluation.image_method import ImageSessionMethod
from MVGCore.evaluation.image_problems import ImageSource, Problem, choose_examples, sources
from MVGCore.evaluation.image_tables import ImageReport, ImageRow, image_markdown
from MVGCore.volume import Geometry, Volume, write_volume

SHAPE = (26, 36, 32)


@dataclass(frozen=True)
class Truth:
    """Knows the answer, or is off by an amount."""

    off: float = 0.0
    name: str = "truth"
    tasks: tuple[str, ...] = ("denoise", "inpaint", "synthesize")

    def __call__(self, problem: Problem) -> np.ndarray:
        return problem.planes(problem.truth)[list(problem.slices)] + self.off


@dataclass(frozen=True)
class Broken:
    name: str = "broken"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> np.ndarray:
        if problem.case == "warm-up":
            return np.zeros(problem.shape)
        raise ZeroDivisionError("deep inside")


@dataclass(frozen=True)
class Absent:
    name: str = "absent"
    tasks: tuple[str, ...] = ("denoise",)

    def __call__(self, problem: Problem) -> np.ndarray:
        raise MissingExtraError("install it")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Balls in two contrasts, 2 mm slices."""
    folder = tmp_path_factory.mktemp("case")
    k, j, i = np.indices(SHAPE)
    ball = np.sqrt((j - 18) ** 2 + (i - 16) ** 2 + (k - 13) ** 2) < 13
    inner = np.sqrt((j - 15) ** 2 + (i - 19) ** 2 + (k - 13) ** 2) < 6
    t1 = (300 * ball + 500 * inner + 3 * np.sin(j)).astype(np.float32)
    t2 = (900 * ball - 600 * inner).astype(np.int16)
    geometry = Geometry(SHAPE, (1.0, 1.0, 2.0))
    paths = []
    for name, array in (("t1", t1), ("t2", t2)):
        write_volume(folder / f"{name}.nrrd", Volume(array, geometry))
        paths.append((name, folder / f"{name}.nrrd"))
    return Case("balls", "balls", "bench", "MR", tuple(paths), None, (), 0)


def problems(case: Case, task: str, *contrasts: str) -> list[Problem]:
    source = ImageSource(task, case, contrasts)
    return list(source.problems(source.conditions))


def test_noisy_problems(case: Case) -> None:
    found = problems(case, "denoise", "t1")
    assert [p.condition for p in found][:3] == ["gaussian 0.05", "gaussian 0.1", "gaussian 0.2"]
    assert len(found) == 9
    for problem in found:
        assert problem.shape == (3, 36, 32)
        residual = (problem.image.array - problem.truth)[problem.truth > problem.window.low + 100]
        assert residual.std() == pytest.approx(problem.sigma, rel=0.25)


def test_problems_with_holes(case: Case) -> None:
    for problem, kind in zip(problems(case, "inpaint", "t1"), HOLES, strict=True):
        assert problem.condition == kind and problem.holes is not None
        hole = problem.holes.array > 0
        assert np.array_equal(problem.image.array[~hole], problem.truth[~hole])
        assert (problem.image.array[hole] == problem.window.low).all()
        assert problem.slices == tuple(np.flatnonzero(hole.any((1, 2))))
        whole = kind in ("missing slab", "dropped slices")
        assert hole[list(problem.slices)].all() == whole


def test_holes_lie_in_the_body(rng: np.random.Generator) -> None:
    body = np.zeros((24, 40, 40), bool)
    body[:, 10:30, 10:30] = True
    for kind in ("blobs", "boxes"):
        holes = make_holes(body, kind, 1.0, rng)
        assert 0 < holes.sum() < 0.2 * holes.size
        assert body[holes].mean() > 0.5


def test_paired_problems(case: Case) -> None:
    found = problems(case, "synthesize", "t1", "t2")
    assert [(p.condition, p.choice) for p in found] == [
        ("t1 to t2, 5 slices", 0),
        ("t1 to t2, 5 slices", 1),
        ("t1 to t2, 5 slices", 2),
        ("t1 to t2, 3 slices", 0),
    ]
    for problem in found:
        assert problem.target is not None and not set(problem.slices) & set(problem.given)
        given = list(problem.given)
        assert np.array_equal(problem.target.array[given], problem.truth[given])
        assert problem.target.array[list(problem.slices)].std() == 0
        assert problem.image.geometry.array_spacing[0] == 6.0  # thinned out to a clinical thickness
    assert len({problem.given for problem in found}) == 4


def test_choices_of_examples_are_spread_and_repeat_themselves() -> None:
    assert choose_examples(20, 5, 0) == (1, 5, 9, 13, 17)
    drawn = choose_examples(20, 5, 1)
    assert drawn == choose_examples(20, 5, 1) != choose_examples(20, 5, 2)
    assert [index // 4 for index in drawn] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("peer", image_peers.image_peers(), ids=lambda peer: peer.name)
def test_every_peer_is_better_than_nothing(peer: image_peers.ImagePeer, case: Case) -> None:
    try:
        peer(warm_up_problem(peer.tasks[0]))
    except MissingExtraError as error:
        pytest.skip(str(error))
    (task,) = peer.tasks
    found = problems(case, task, *(("t1", "t2") if task == "synthesize" else ("t1",)))
    for problem in found if task != "denoise" else found[1:2]:
        answer = peer(problem)
        assert answer.shape == problem.shape and np.isfinite(answer).all()
        given = problem.planes(problem.image.array)[list(problem.slices)]
        nothing = np.full_like(given, given.mean()) if task == "synthesize" else given
        assert score_image(problem, answer)[2] < score_image(problem, nothing)[2]


def test_mvg_answers_all_tasks(small_weights: Path, case: Case) -> None:
    method = ImageSessionMethod(model=str(small_weights))
    for task in method.tasks:
        problem = problems(case, task, *(("t1", "t2") if task == "synthesize" else ("t1",)))[1]
        answer = method(problem)
        assert answer.shape == problem.shape
        psnr, _, mae = score_image(problem, answer)
        assert psnr > 15 and mae < 0.1
    assert "session" not in repr(method).lower().replace("imagesessionmethod", "")


def test_scores_count_the_holes_only(case: Case) -> None:
    problem = problems(case, "inpaint", "t1")[0]
    truth = problem.planes(problem.truth)[list(problem.slices)].astype(np.float64)
    size = problem.window.high - problem.window.low
    outside = problem.planes(problem.holes.array)[list(problem.slices)] == 0  # type: ignore[union-attr]
    spoiled = truth + outside * size
    assert score_image(problem, spoiled)[::2] == (100.0, 0.0)
    shifted = np.clip(truth, problem.window.low + 0.1 * size, problem.window.high - 0.1 * size)
    assert 0 < score_image(problem, shifted)[2] <= 0.1 + 1e-6
    psnr, ssim, mae = score_image(warm_up_problem("denoise"), np.full((2, 32, 32), 0.5))
    assert (
        (psnr, mae) == (pytest.approx(6.02, abs=0.01), pytest.approx(0.5)) and ssim is not None and ssim < 0.5
    )


def test_a_run_goes_on_and_explains_itself(case: Case, tmp_path: Path) -> None:
    found = [ImageSource("denoise", case, ("t1",)), ImageSource("synthesize", case, ("t1", "t2"))]
    methods = [Truth(), Broken(), Absent()]
    seen: list[float] = []
    report = run_images(methods, lambda share, _: seen.append(share), tmp_path, found)
    assert len(report.rows) == 9 + 4 + 9 and seen == sorted(seen) and seen[-1] == 1.0
    assert {row.error for row in report.rows if row.method == "broken"} == {"ZeroDivisionError: deep inside"}
    assert all(row.psnr == 100.0 and row.mae == 0 for row in report.rows if row.method == "truth")
    assert report.notes == ("absent was skipped: install it",)
    lines = (tmp_path / "image_results.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "image_results.jsonl").write_text(
        "\n".join(lines[:10]) + "\n" + lines[10][:20], encoding="utf-8"
    )
    again = run_images([Truth(), Broken()], None, tmp_path, found)
    assert [replace(row, seconds=None, memory_mb=None) for row in again.rows] == [
        replace(row, seconds=None, memory_mb=None) for row in report.rows
    ]


def test_other_settings_are_computed_anew(case: Case, tmp_path: Path) -> None:
    found = [ImageSource("inpaint", case, ("t1",))]
    run_images([Truth()], None, tmp_path, found)
    report = run_images([Truth(off=100.0)], None, tmp_path, found)
    assert all(row.mae is not None and row.mae > 0.05 for row in report.rows)


def test_without_data_the_tasks_are_skipped_with_a_note(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.delenv("MVG_DATA", raising=False)
    report = run_images([Truth()], None, tmp_path)
    assert report.rows == () and "MVG_DATA" in report.notes[0]
    with pytest.raises(InputError):
        sources([])


def test_tables_tell_methods_conditions_and_spread() -> None:
    rows = []
    for choice in range(3):
        for method, mae in (("MVG", 0.02), ("polynomial", 0.03)):
            row = ImageRow("synthesize", "a", "t1 to t2, 5 slices", choice, method, "")
            rows.append(
                replace(row, seconds=1.0, memory_mb=500.0, psnr=25.0, ssim=0.9, mae=mae + choice / 1000)
            )
    rows.append(ImageRow("denoise", "a", "gaussian 0.1", 0, "BM3D", "", error="stopped after 120 s"))
    text = image_markdown(ImageReport(tuple(rows), ("A note.",)))
    assert "| MVG | 25.00 | 0.900 | 2.10 | 1.0 | 500 | 3 |" in text
    assert "| t1 to t2, 5 slices | 25.00 / 2.10 | 25.00 / 3.10 |" in text
    assert "| MVG | 2.10 | 0.10 |" in text
    assert "- A note." in text and "- BM3D on a, gaussian 0.1: stopped after 120 s" in text
    assert image_benchmark.IMAGE_RESULTS == "image_results.jsonl"
