"""A specialist learns a data set from few labels, and is heard only as far as held-out slices gain by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from MVGCore.datasets.atlas.judge import told_by_others
from MVGCore.datasets.learning import FOLDER, learn
from MVGCore.datasets.pool import label_here
from MVGCore.datasets.run import label_dataset
from MVGCore.datasets.specialist import specialist as specialist_module
from MVGCore.datasets.specialist import training
from MVGCore.datasets.specialist.frame import Frame
from MVGCore.datasets.specialist.lessons import Teacher
from MVGCore.datasets.specialist.material import Material, vague
from MVGCore.datasets.specialist.network import UNet, folded, halvings, unfolded
from MVGCore.datasets.specialist.specialist import Specialist, SpecialistCase
from MVGCore.datasets.specialist.study import judges, study
from MVGCore.datasets.specialist.training import Design, answer, loss, train
from MVGCore.datasets.work import Settings
from MVGCore.errors import CancelledError, InputError
from MVGCore.models.device import select_device
from MVGCore.prompts import PromptSet
from MVGCore.volume import Volume
from Testing.core.datasets.conftest import Tiny
from Testing.core.datasets.test_atlas import scene

EXACT = select_device("cpu", "float32")


def case(seed: int = 0, flat: bool = False) -> SpecialistCase:
    """A scene, and a draft of it that is shifted by three voxels."""
    atlas = scene(seed)
    image, labels = atlas.image, np.searchsorted([0, 2, 5], atlas.labels.array)
    if flat:
        middle = slice(8, 9)
        geometry = replace(image.geometry, shape=(1, *image.geometry.shape[1:]))
        image, labels = Volume(image.array[middle], geometry), labels[middle]
    draft = np.stack([np.roll(labels, 3, 1) == n for n in range(3)]).astype(np.float32)
    drawn = (0,) if flat else (3, 8, 13)
    return SpecialistCase(image, draft, labels, (True, True), 0, drawn, () if flat else (8,))


def material(given: SpecialistCase) -> Material:
    voxel = given.image.geometry.array_spacing
    return Material.of(given.image, given.probabilities, voxel, given.places).taught(
        given.places, given.weight, given.known
    )


def test_folding_is_undone_exactly() -> None:
    x = torch.randn(2, 3, 4, 6, 8)
    for fold in ((2, 2, 2), (1, 2, 2), (1, 1, 1)):
        assert torch.equal(unfolded(folded(x, fold), fold), x)


def test_thick_slices_are_halved_late_and_single_ones_never() -> None:
    assert halvings((40, 48, 48), (1, 1, 1)) == [(2, 2, 2)] * 3
    assert halvings((12, 128, 128), (8, 1.4, 1.4)) == [(1, 2, 2), (1, 2, 2), (2, 2, 2)]
    assert halvings((1, 128, 128), (1, 1, 1)) == [(1, 1, 1), *[(1, 2, 2)] * 3]


def test_a_frame_goes_there_and_back() -> None:
    array = np.zeros((2, 12, 20, 16), np.float32)
    array[1, 4:8, 6:15, 5:11] = 1
    frame = Frame.around(array[1] > 0, (2, 1, 1), (2, 1, 1))
    assert np.array_equal(frame.put_back(frame.seen(array), np.zeros_like(array)), array)
    coarse = Frame.around(array[1] > 0, (2, 1, 1), (2, 2, 2))
    again = coarse.put_back(coarse.seen(array), np.zeros_like(array))
    assert 2 * (again[1] * array[1]).sum() / (again[1].sum() + array[1].sum()) > 0.8
    assert Frame.around(np.zeros((3, 4, 5), bool), (1, 1, 1), (1, 1, 1)).size == (3, 4, 5)


def test_a_draft_says_where_a_class_is_and_hides_its_border() -> None:
    shares = torch.zeros(2, 24, 24, 24)
    shares[0, 6:18, 6:18, 6:18] = 1
    found = vague(shares)
    assert found[0].max() == 1 and found[1].max() == 0
    assert 0.3 < found[0, 5, 12, 12] < found[0, 6, 12, 12] < 0.8  # the border is at 5.5
    flat = vague(shares[:, 12:13])
    assert flat.shape == (2, 1, 24, 24) and flat[0, 0, 0, 0] < 0.1


def test_nothing_is_learned_around_judging_slices() -> None:
    weight = case().weight
    assert weight[8].max() == 0 and weight[3].min() == weight[13].min() == 1
    assert [index for index in range(18) if weight[index].max() == 0] == [6, 7, 8, 9, 10]


@pytest.mark.parametrize("flat", [False, True])
def test_the_network_is_told_where_classes_are_and_learns_their_borders(
    flat: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "MOST_VOXELS", 6000)
    given = case(flat=flat)
    seen = material(given)
    design = Design.of((2, 5), given.image.geometry.array_spacing, [seen])
    torch.manual_seed(0)  # few lessons do not serve all random weights
    network = design.network()

    def right() -> float:
        """Mean probability of the true class where something is labelled."""
        true = torch.tensor(_wanted(seen))
        return float(answer(network, seen, design).gather(0, true[None])[0][true > 0].mean())

    before = right()
    train(network, Teacher(design.size, 0), [seen], [], 80 if flat else 20, EXACT)
    assert right() > before > 1 / 3


def _wanted(seen: Material) -> np.ndarray:
    assert seen.labels is not None
    return seen.labels.argmax(0).numpy()


def test_the_same_seed_gives_the_same_weights() -> None:
    given = material(case())
    design = Design.of((2, 5), (1.5, 1, 1), [given])
    states = []
    for _ in range(2):
        torch.manual_seed(1)
        network = design.network()
        train(network, Teacher(design.size, 1), [given], [given], 3, EXACT)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_an_unlabelled_class_may_be_background() -> None:
    lesson = Teacher((16, 32, 32), 0).lesson(material(case()))
    logits = torch.zeros_like(lesson.labels)
    logits[:, 2] = 5.0  # it says that the second class is everywhere
    unknown = replace(
        lesson,
        known=torch.tensor([[1.0, 1.0, 0.0]]),
        labels=lesson.labels * torch.tensor([1.0, 0, 0])[:, None, None, None],
    )
    assert loss(logits, unknown) < loss(logits, replace(unknown, known=torch.ones(1, 3)))


def test_judges_are_drawn_slices_between_others() -> None:
    atlases = [scene(n) for n in range(3)]
    drawn = [
        PromptSet.from_labelmap(a.image, a.labels, axis=0, slices=[3, 7, 9, 12]).prompts for a in atlases
    ]
    assert [[prompt.index for prompt in each] for each in judges(drawn)] == [[7], [9], [7]]
    singles = judges([each[:1] for each in drawn])
    assert [len(each) for each in singles] == [0, 0, 1]


def test_a_specialist_is_kept_in_a_file_and_heard_where_it_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "MOST_VOXELS", 6000)
    atlases = [scene(n) for n in range(3)]
    drawn = [PromptSet.from_labelmap(a.image, a.labels, axis=0, slices=[5, 8, 11]).prompts for a in atlases]
    told = told_by_others(atlases)
    found, judging = study(atlases, drawn, told, [], 0.02, 0, EXACT)
    assert [[prompt.index for prompt in each] for each in judging] == [[8], [8], [8]]
    assert found.share in specialist_module.SHARES and min(found.dice) > 0.5
    found = replace(found, share=0.5)
    found.save(tmp_path / "s.safetensors")
    again = Specialist.load(tmp_path / "s.safetensors")
    target = scene(7).image
    probabilities = told[0].probabilities
    mixed = again.mixed(target, (2, 5), probabilities)
    assert np.array_equal(mixed, found.mixed(target, (2, 5), probabilities))
    assert np.allclose(mixed.sum(0), 1, atol=1e-4) and not np.array_equal(mixed, probabilities)
    assert replace(again, share=0.0).mixed(target, (2, 5), probabilities) is probabilities
    (tmp_path / "s.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        Specialist.load(tmp_path / "s.safetensors")


def test_a_round_that_loses_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([(0.5, 0.8, 0.7), (0.5, 0.7, 0.7)])
    monkeypatch.setattr(specialist_module, "_judged", lambda *_: next(scores))
    states = []
    monkeypatch.setattr(
        specialist_module,
        "train",
        lambda network, *_: (
            states.append({k: v.clone() for k, v in network.state_dict().items()})
            or torch.nn.init.ones_(network.out.bias)
        ),
    )
    given = case()
    found = specialist_module.learn_specialist(
        (2, 5), [given], lambda: iter([(given.image, given.probabilities)]), 0.05, 0, EXACT
    )
    assert len(states) == 2 and found.dice == (0.8, 0.7)
    assert torch.equal(found.network.out.bias, torch.ones(24))


def test_few_held_out_slices_move_a_share_only_by_a_clear_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    design = Design((2, 5), (1.0, 1.0, 1.0), (16, 32, 32))

    def chosen(gain_of_none: float) -> float:
        told = iter([0.8 + gain_of_none, 0.8, 0.8, 0.8, 0.8])
        monkeypatch.setattr(specialist_module, "_judging_dice", lambda *_: next(told))
        monkeypatch.setattr(specialist_module, "spoken", lambda *_: case().probabilities)
        return specialist_module._judged(UNet(2, 4, [(1, 1, 1)], False), design, [case()])[0]

    assert chosen(0.01) == specialist_module.USUAL_SHARE
    assert chosen(0.04) == 0


def test_judging_slices_count_together() -> None:
    given = case()
    right = np.stack([given.places == n for n in range(3)]).astype(np.float32)
    assert specialist_module._judging_dice([given], [right]) == 1
    nothing = np.zeros_like(right)
    nothing[0] = 1
    assert specialist_module._judging_dice([given, given], [right, nothing]) == pytest.approx(2 / 3)


def test_training_can_be_cancelled() -> None:
    atlases = [scene(0)]
    drawn = [PromptSet.from_labelmap(atlases[0].image, atlases[0].labels, axis=0, slices=[5, 9]).prompts]
    with pytest.raises(CancelledError):
        study(atlases, drawn, [], [], 1, 0, EXACT, cancelled=lambda: True)


@pytest.mark.usefixtures("quick_session")
def test_minutes_train_a_specialist_once(make_tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny: Tiny = make_tiny(3)
    monkeypatch.setattr(
        specialist_module, "VOXELS_PER_SECOND", dict.fromkeys((torch.float32, torch.bfloat16), 2_000)
    )
    work = learn(tiny.work(minutes=0.1), label_here, items=tiny.items)
    assert work.specialist is not None and work.specialist.parent.name == FOLDER
    assert work.made_of["specialist"] and Settings().minutes == 0
    summary = label_dataset(work, tiny.items, label_here)
    assert "network trained on this data set" in summary.records[1].report["notes"][2]
    before = work.specialist.stat().st_mtime_ns
    again = learn(tiny.work(minutes=0.1), label_here, items=tiny.items)
    assert again == work and work.specialist.stat().st_mtime_ns == before
    assert not label_dataset(again, tiny.items, label_here).labelled


def test_the_network_is_small() -> None:
    network = UNet(7, 16, [(2, 2, 2)] * 3, False)
    assert sum(each.numel() for each in network.parameters()) < 1_000_000
