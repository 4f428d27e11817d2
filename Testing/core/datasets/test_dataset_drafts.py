"""Existing segmentations of a data set as drafts: found by name, believed as drawn slices bear out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from MVGCore.cli.main import main
from MVGCore.datasets.catalogue import Item, read_catalogue
from MVGCore.datasets.drafts import (
    examples_with_drafts,
    mixed,
    read_draft,
    shares_of_drafts,
    with_drafts,
)
from MVGCore.datasets.examples import find_examples
from MVGCore.datasets.learning import learn
from MVGCore.datasets.manifest import read_results
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.run import label_dataset
from MVGCore.datasets.work import Work
from MVGCore.errors import InputError
from MVGCore.metrics import dice_per_class
from MVGCore.volume import LabelMap, SegmentClass, read_labelmap, read_segmentation, write_labelmap
from Testing.core.datasets.conftest import TUBE, QuickSession, Tiny, tiny_case
from Testing.core.datasets.test_learning import add_example

Make = Callable[[int], Tiny]
BONE = SegmentClass(9, "bone", (1.0, 1.0, 1.0))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def items_called(*names: str) -> tuple[Item, ...]:
    return tuple(Item(name, Path(f"{name}.nii.gz")) for name in names)


def test_drafts_belong_to_the_image_that_is_called_alike(tmp_path: Path) -> None:
    touch(tmp_path, "case_1_totalseg.nii.gz", "case_10.nii.gz", "more/x.nii.gz", "unknown.nrrd", "readme.txt")
    touch(tmp_path, "case_2/liver.nii.gz", "case_2/spleen.nii.gz")
    items = with_drafts(items_called("case_1", "case_10", "case_2", "more/x", "alone"), tmp_path)
    found = {item.name: item.draft.relative_to(tmp_path).as_posix() for item in items if item.draft}
    assert found == {
        "case_1": "case_1_totalseg.nii.gz",
        "case_10": "case_10.nii.gz",
        "case_2": "case_2",
        "more/x": "more/x.nii.gz",
    }


def test_what_cannot_be_told_apart_or_found_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no folder"):
        with_drafts(items_called("a"), tmp_path / "none")
    touch(tmp_path, "b.nii.gz")
    with pytest.raises(InputError, match="No draft in"):
        with_drafts(items_called("a"), tmp_path)
    touch(tmp_path, "a_1.nii.gz", "a_2.nii.gz")
    with pytest.raises(InputError, match="may be the draft of 'a'"):
        with_drafts(items_called("a"), tmp_path)


def test_a_folder_of_masks_is_one_draft_with_their_names(tmp_path: Path) -> None:
    image, labels = tiny_case(0)
    tube = LabelMap.of((labels.array > 0).astype(np.uint8), image.geometry)
    bone = np.zeros_like(tube.array)
    bone[0, :3, :3] = 1
    for name, mask in (("kidney", tube), ("bone", LabelMap.of(bone, image.geometry))):
        write_labelmap(tmp_path / f"{name}.nii.gz", mask)
    draft = read_draft(tmp_path, image.geometry)
    assert [each.name for each in draft.classes] == ["bone", "kidney"]
    assert np.array_equal(draft.array == 2, labels.array > 0) and (draft.array == 1).sum() == 9


def add_drafts(tiny: Tiny, count: int, change: Callable[[Any], Any] = lambda array: array) -> Path:
    """Drafts of the first volumes, in a folder of their own, with a bone that no example shows."""
    folder = tiny.images.parent / "drafts"
    folder.mkdir(exist_ok=True)
    for number in range(count):
        _, labels = tiny_case(number)
        array = np.array(change(labels.array))
        array[:, :2, :2] = BONE.id
        write_labelmap(
            folder / f"case_{number:03}.seg.nrrd", LabelMap.of(array, labels.geometry, (TUBE, BONE))
        )
    return folder


def work_with(tiny: Tiny, folder: Path) -> tuple[Work, tuple[Item, ...]]:
    items = with_drafts(tiny.items, folder)
    examples = examples_with_drafts(find_examples([tiny.examples], items), items)
    return Work.of(tiny.results, examples, tiny.work().settings), items


@pytest.mark.usefixtures("quick_session")
def test_a_good_draft_has_the_say_where_nothing_is_drawn_and_its_other_classes_stay(make_tiny: Make) -> None:
    tiny = make_tiny(4)
    add_example(tiny, 1)
    work, items = work_with(tiny, add_drafts(tiny, 4))
    work = learn(work, label_here, items=items)
    assert work.draft_shares[TUBE.id] >= 0.5
    summary = label_dataset(work, items, label_here)
    third = summary.records[2]
    result, truth = read_segmentation(tiny.results / third.output).to_labelmap(), tiny_case(2)[1]
    names = {each.name: each.id for each in result.classes}
    found = np.where(result.array == names["tube"], TUBE.id, 0)
    assert dice_per_class(truth.array, found, [TUBE.id])[TUBE.id] > 0.97
    assert (result.array[:, :2, :2] == names["bone"]).any()
    assert "tube" in str(third.report["notes"]) and third.made_of["draft"]


@pytest.mark.usefixtures("quick_session")
def test_a_wrong_draft_has_no_say(make_tiny: Make) -> None:
    tiny = make_tiny(4)
    add_example(tiny, 1)
    plain = label_dataset(learn(tiny.work(), label_here), tiny.items, label_here).records[2]
    before = read_labelmap(tiny.results / plain.output).array
    work, items = work_with(tiny, add_drafts(tiny, 4, lambda array: np.roll(array, 9, axis=1)))
    work = learn(work, label_here, items=items)
    assert work.draft_shares[TUBE.id] < 0.5
    record = label_dataset(work, items, label_here).records[2]
    after = read_labelmap(tiny.results / record.output)
    tube = next(each.id for each in after.classes if each.name == "tube")
    agreement = ((after.array == tube) == (before == TUBE.id)).mean()
    assert agreement > 0.97


class DraftSession(QuickSession):
    """Notes the drafts that it is given."""

    drafts: list[LabelMap | None] = []

    def propagate(self, all_axes: bool, draft: LabelMap | None = None) -> Any:
        self.drafts.append(draft)
        return super().propagate(all_axes)


def test_labelled_volumes_go_through_the_session_with_their_draft_and_a_second_run_does_nothing(
    make_tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("MVGCore.datasets.labelling.Session", DraftSession)
    monkeypatch.setattr(DraftSession, "drafts", [])
    tiny = make_tiny(3)
    folder = add_drafts(tiny, 2)
    work, items = work_with(tiny, folder)
    label_dataset(learn(work, label_here, items=items), items, label_here)
    given = [each for each in DraftSession.drafts if each is not None]
    assert len(given) == 1  # the labelled volume; of the others nothing is drawn
    assert np.array_equal(given[0].array, read_labelmap(folder / "case_000.seg.nrrd").array)
    assert "draft" not in read_results(tiny.results)["case_002"].made_of
    again = label_dataset(learn(work, label_here, items=items), items, label_here)
    assert again.labelled == ()
    write_labelmap(folder / "case_001.seg.nrrd", tiny_case(1)[1])
    work, items = work_with(tiny, folder)
    changed = label_dataset(learn(work, label_here, items=items), items, label_here)
    assert changed.labelled == ("case_001",)
    write_labelmap(folder / "case_000.seg.nrrd", tiny_case(0)[1])  # of an example: all depend on it
    work, items = work_with(tiny, folder)
    changed = label_dataset(learn(work, label_here, items=items), items, label_here)
    assert len(changed.labelled) == 3


def test_shares_without_another_example_are_the_drafts_own_dice(make_tiny: Make) -> None:
    from MVGCore.prompts import PromptSet
    from MVGCore.segmentation.existing.matching import match_draft

    image, labels = tiny_case(0)
    drawn = PromptSet.from_labelmap(image, labels, 0, [1, 4]).prompts
    half = np.where(np.arange(labels.array.shape[1])[None, :, None] < 10, labels.array, 0)
    draft = match_draft(LabelMap.of(half, labels.geometry, [TUBE]), image.geometry, [TUBE])
    (share,) = shares_of_drafts([], [drawn], [draft]).values()
    planes = labels.array[[1, 4]] > 0
    assert share == pytest.approx(2 * (half[[1, 4]] > 0).sum() / (planes.sum() + (half[[1, 4]] > 0).sum()))
    assert shares_of_drafts([], [drawn], [None]) == {}


def test_mixtures_are_probabilities(make_tiny: Make) -> None:
    from MVGCore.segmentation.existing.matching import MatchedDraft

    said = np.full((3, 2, 2, 2), 1 / 3, np.float32)
    draft = MatchedDraft(np.full((2, 2, 2), 5, np.uint16), (SegmentClass(5, "a", (1, 0, 0)),))
    mixture = mixed((5, 6), said, draft, {5: 1.0})
    np.testing.assert_allclose(mixture.sum(0), 1, atol=1e-6)
    assert (mixture.argmax(0) == 1).all()
    np.testing.assert_array_equal(mixed((5, 6), said, draft, {}), mixed((5, 6), said, draft, {6: 0.0}))


def test_the_command_takes_a_folder_of_drafts(
    make_tiny: Make, quick_session: None, capsys: pytest.CaptureFixture
) -> None:
    tiny = make_tiny(2)
    folder = add_drafts(tiny, 2)
    arguments = ["label", str(tiny.images), "--examples", str(tiny.examples), "-o", str(tiny.results)]
    arguments += ["--draft", str(folder), "--model", str(tiny.weights), "--workers", "0", "--one-axis"]
    assert main([*arguments, "--device", "cpu"]) == 0
    assert all(each.made_of["draft"] for each in read_results(tiny.results).values())
    assert main([*arguments, "--device", "cpu", "--verify"]) == 0
    assert "bit for bit" in capsys.readouterr().out


def test_a_csv_names_drafts(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("image,draft\na.nrrd,drafts/a.nii.gz\nb.nrrd,\n")
    one, other = read_catalogue(str(tmp_path / "list.csv"))
    assert one.draft == tmp_path / "drafts/a.nii.gz" and other.draft is None
