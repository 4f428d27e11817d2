"""Every reader finds its cases in a tiny copy of its layout, and they become stacks of the right task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from MVGCore.errors import InputError
from MVGCore.metrics import boxes_of, detection
from MVGCore.training.datasets import DataCase, DataSet, cases_of, readers
from MVGCore.training.pool import PoolBuilder, held_out_people, load_stacks, stack_paths
from MVGCore.training.reading import read_singles
from MVGCore.training.stack import StackConfig
from MVGCore.volume import read_labelmap, read_volume
from Testing.core.training.datasets import layouts

# reader -> how its folder is made, ids of the training cases, ids of the published test cases.
LAYOUTS: dict[str, tuple[str, Callable[[Path], None], list[str], list[str]]] = {
    "amos": ("amos", layouts.amos, ["amos_0001", "amos_0004", "amos_0507"], ["amos_0008"]),
    "amos-ct": ("amos-ct", layouts.amos, ["amos_0001", "amos_0004"], ["amos_0008"]),
    "amos-mr": ("amos-mr", layouts.amos, ["amos_0507"], []),
    "word": ("word", layouts.word, ["word_0002"], ["word_0001", "word_0014"]),
    "btcv": ("btcv", layouts.btcv, ["btcv_0001", "btcv_0002"], []),
    "microsegnet": ("microsegnet", layouts.microsegnet, ["microUS_train_01"], ["microUS_test_01"]),
    "promise12": ("promise12", layouts.promise12, ["promise12_train_00"], ["promise12_test_00"]),
    "acdc": (
        "acdc",
        layouts.acdc,
        ["acdc_patient001_frame01", "acdc_patient001_frame12"],
        ["acdc_patient101_frame01", "acdc_patient101_frame12"],
    ),
    "la": ("la", layouts.la, ["la_0RZDK210BSMWAA6467LU"], ["la_4URSJYI2QUH1T5S5PP47"]),
    "brats-gli": (
        "brats-gli",
        layouts.brats_gli,
        ["BraTS-GLI-00000-000", "BraTS-GLI-00000-001"],
        ["BraTS-GLI-00001-000"],
    ),
    "brats-local": ("brats-local", layouts.brats_local, ["BraTS-GLI-00002-000-local"], []),
    "ldct": ("ldct", layouts.challenge, ["ldct_L067_3mm"], []),
    "ldct by dose": ("ldct", layouts.challenge_by_dose, ["ldct_3mm-B30_3mm_L067"], []),
    "ldct archive": ("ldct", layouts.archive, ["ldct_L004"], []),
    "chest-defects": (
        "chest-defects",
        layouts.chest_defects,
        ["chest-defects_train_0000"],
        ["chest-defects_test_0000"],
    ),
    "deeplesion": (
        "deeplesion",
        layouts.deep_lesion,
        ["deeplesion_train_0000"],
        ["deeplesion_test_0000"],
    ),
    "pairs": ("pairs", layouts.prepared_pairs, ["pairs_one"], []),
}
SINGLES = {"chest-defects": "segmentation", "deeplesion": "segmentation"}
TASKS = {**SINGLES, "ldct": "denoising", "pairs": "denoising", "brats-local": "inpainting"}


def all_cases(reader: str, folder: Path) -> list[DataCase]:
    return list(readers()[reader].cases(folder))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_reader_finds_its_cases(name: str, tmp_path: Path) -> None:
    reader, make, train, test = LAYOUTS[name]
    make(tmp_path)
    cases = all_cases(reader, tmp_path)
    for split, ids in (("train", train), ("test", test)):
        assert sorted(case.id for case in cases if case.split == split) == ids
    for case in cases:
        shapes = {read_volume(path).array.shape for path in case.images.values()}
        shapes |= {read_labelmap(path).array.shape for path in case.labels}
        assert shapes == {layouts.SHAPE} or (case.singles and shapes == {(1, 40, 48)})
        assert case.task == TASKS.get(reader, "") and case.axis == 0
        if len(case.labels) == 1:
            assert set(read_labelmap(case.labels[0]).ids) <= set(case.classes), "every label has a name"


@pytest.mark.parametrize("name", LAYOUTS)
def test_cases_become_stacks_of_their_task(name: str, tmp_path: Path) -> None:
    reader, make, train, _ = LAYOUTS[name]
    make(tmp_path / "data")
    sets = [DataSet(reader, tmp_path / "data")]
    PoolBuilder(sets, tmp_path / "pool", 0, StackConfig(side=32, whole=True, drafts=0)).build(1, 0)
    paths = [path for split in ("train", "held_out") for path in stack_paths(tmp_path / "pool", split)]
    stacks = load_stacks(paths)
    assert {stack.source for stack in stacks} == set(train)
    for stack in stacks:
        assert stack.task == TASKS.get(reader, "")
        assert stack.image.shape == (len(stack.image), 32, 32) and stack.image.std() > 3
        assert (stack.other is not None) == (reader in ("brats-gli", "ldct", "pairs"))
        assert stack.labels.any() == (reader not in ("ldct", "pairs"))


def test_there_is_a_layout_for_every_reader() -> None:
    assert {reader for reader, *_ in LAYOUTS.values()} == set(readers()) - {"index"}


@pytest.mark.parametrize("reader", sorted(readers()))
def test_a_wrong_folder_is_one_sentence_with_a_remedy(reader: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError) as caught:
            all_cases(reader, folder)
        words = str(caught.value)
        assert str(folder) in words and "name" in words and "\n" not in words


def test_a_missing_label_is_named(tmp_path: Path) -> None:
    layouts.btcv(tmp_path)
    (tmp_path / "RawData/Training/label/label0002.nii.gz").unlink()
    with pytest.raises(InputError, match="label0002"):
        all_cases("btcv", tmp_path)


def test_amos_tells_ct_from_mr_by_its_numbers(tmp_path: Path) -> None:
    layouts.amos(tmp_path)
    assert {case.id: case.modality for case in all_cases("amos", tmp_path)} == {
        "amos_0001": "CT",
        "amos_0004": "CT",
        "amos_0507": "MR",
        "amos_0008": "CT",
    }


def test_the_wanted_image_of_a_pair_comes_first(tmp_path: Path) -> None:
    layouts.challenge(tmp_path)
    (case,) = all_cases("ldct", tmp_path)
    full, low = (read_volume(path).array.astype(float) for path in case.images.values())
    truth = 100.0 * layouts.ball()
    assert np.abs(full - truth).mean() < 3 < 10 < np.abs(low - truth).mean()


def test_holes_and_tumours_keep_their_meaning(tmp_path: Path) -> None:
    layouts.brats_local(tmp_path / "data")
    sets = [DataSet("brats-local", tmp_path / "data")]
    PoolBuilder(sets, tmp_path / "pool", 0, StackConfig(side=32, whole=True, drafts=0)).build(1, 0)
    (stack,) = load_stacks(stack_paths(tmp_path / "pool", "held_out"))
    # A slice of 20 x 24 mm lies in the middle of 32 x 32 pixels of 0.75 mm.
    assert stack.labels[1, 2 + round(5 / 0.75), round(6 / 0.75)] == 1
    assert stack.labels[1, 2 + round(13 / 0.75), round(16 / 0.75)] == 2


def test_data_sets_are_chosen_by_name_and_cases_left_out(tmp_path: Path) -> None:
    layouts.btcv(tmp_path)
    kept = cases_of(DataSet("btcv", tmp_path, task="segmentation", test=("btcv_0001",)))
    assert [(case.id, case.task) for case in kept] == [("btcv_0002", "segmentation")]
    with pytest.raises(InputError, match="btcv_0009"):
        cases_of(DataSet("btcv", tmp_path, test=("btcv_0009",)))
    with pytest.raises(InputError, match="no btcv case to train on"):
        cases_of(DataSet("btcv", tmp_path, test=("btcv_0001", "btcv_0002")))
    with pytest.raises(InputError, match="no reader 'btvc'; choose one of index"):
        cases_of(DataSet("btvc", tmp_path))
    with pytest.raises(InputError, match="no task 'segment'"):
        DataSet("btcv", tmp_path, task="segment")


@pytest.mark.parametrize(
    ("words", "reader", "folder"),
    [
        ("amos:/data/AMOS", "amos", "/data/AMOS"),
        ("/data/mine", "index", "/data/mine"),
        ("relative/mine", "index", "relative/mine"),
        (r"C:\data\mine", "index", r"C:\data\mine"),
        ("/odd:name/mine", "index", "/odd:name/mine"),
    ],
)
def test_what_data_says(words: str, reader: str, folder: str) -> None:
    assert DataSet.parse(words) == DataSet(reader, Path(folder))


def test_nobody_is_both_trained_on_and_held_out(tmp_path: Path) -> None:
    layouts.acdc(tmp_path / "acdc")
    layouts.brats_gli(tmp_path / "gli")
    groups = [cases_of(DataSet("acdc", tmp_path / "acdc")), cases_of(DataSet("brats-gli", tmp_path / "gli"))]
    held = held_out_people(groups)
    assert held == {"acdc_patient001", "BraTS-GLI-00000"}
    many = [DataCase(f"{n}", "x", "train", "", {"t1": tmp_path}) for n in range(33)]
    assert held_out_people([many]) == {"0", "16", "32"}


def test_an_index_may_say_everything(data: Path) -> None:
    cases = all_cases("index", data)
    assert [case.id for case in cases if case.split == "train"] == ["a", "b"]
    assert [case.id for case in cases if case.split == "test"] == ["c"]
    (data / "index.json").write_text(
        '{"cases": [{"id": "d", "dataset": "mine", "role": "train", "task": "denoising", "patient": "p",'
        ' "images": {"full": "f.nii", "low": "l.nii"}, "slice_axis": 0, "classes": null}]}'
    )
    (case,) = all_cases("index", data)
    assert (case.task, case.person, case.axis, case.labels) == ("denoising", "p", 2, ())
    assert case.repeat == 1, "a pair is no rare contrast"
    (data / "index.json").write_text('{"cases": [{"id": "d"}]}')
    with pytest.raises(InputError, match="index.json"):
        all_cases("index", data)


def test_boxes_of_lesions_are_drawn_as_an_image(tmp_path: Path) -> None:
    layouts.deep_lesion(tmp_path)
    train, _ = all_cases("deeplesion", tmp_path)
    assert [len(each.boxes) for each in train.singles] == [
        1,
        2,
        1,
    ]  # noisy ones and those not unpacked left out
    image, labels = read_singles(train)
    assert image.shape == labels.shape == (3, 40, 48) and 60 < image.mean() < 140  # HU again
    assert boxes_of(labels[1]) == [(40, 2, 44, 5), (11, 8, 33, 29)]
    hits, false = detection(train.singles[1].boxes, [(11, 9, 33, 28), (0, 30, 5, 35)])
    assert (hits, false) == (1, 1)


def test_a_damaged_table_is_one_sentence(tmp_path: Path) -> None:
    layouts.deep_lesion(tmp_path)
    table = tmp_path / "DL_info.csv"
    table.write_text(table.read_text().replace("11.5, 8.2", "11.5"))
    with pytest.raises(InputError, match="not four numbers"):
        all_cases("deeplesion", tmp_path)
    table.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="download it again"):
        all_cases("deeplesion", tmp_path)
