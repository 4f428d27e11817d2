"""`mvg segment --ends --empty`: what is said of slices that are not labelled."""

from __future__ import annotations

import pytest

from MVGCore.cli import absences
from MVGCore.errors import InputError
from MVGCore.prompts import PromptSet
from MVGCore.volume import read_labelmap


@pytest.fixture
def prompts(scene) -> PromptSet:
    return PromptSet.from_labelmap(scene.image, read_labelmap(scene.few_path), axis=0)


def test_ends_and_empty_slices_become_absences(scene, prompts: PromptSet) -> None:
    absences.say(prompts, scene.image, ["liver:2-9", "spleen:3-11"], ["0, 10-11", "1"])
    said = [
        (each.class_id and prompts.classes[each.class_id > 1].name, each.first, each.last)
        for each in prompts.absences
    ]
    assert said == [
        ("liver", 0, 1),
        ("liver", 10, 11),
        ("spleen", 0, 2),
        (None, 0, 0),
        (None, 10, 11),
        (None, 1, 1),
    ]
    assert [(each.first, each.last) for each in prompts.presences] == [(2, 2), (9, 9), (3, 3)]
    assert all(each.is_of(scene.image) and each.axis == 0 for each in prompts.absences)


def test_a_class_may_be_named_by_its_number_and_one_slice_is_a_range(scene, prompts: PromptSet) -> None:
    number = prompts.classes[0].id
    absences.say(prompts, scene.image, [f"{number}:3-8"], ["10"])
    assert [(each.class_id, each.first, each.last) for each in prompts.absences][1:] == [
        (number, 9, 11),
        (None, 10, 10),
    ]


@pytest.mark.parametrize(
    ("ends", "empty", "reason"),
    [
        (["livr:2-9"], [], "no class 'livr' among the examples; choose one of liver"),
        (["liver"], [], "does not name slices"),
        (["liver:9-2"], [], "swap"),
        (["liver:4-8"], [], "Slice 3 is labelled as liver"),
        ([], ["99"], "no slice 99"),
        ([], ["3"], "labelled as"),
        ([], ["1,,2"], "does not name slices"),
    ],
)
def test_what_cannot_be_is_named(scene, prompts: PromptSet, ends, empty, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        absences.say(prompts, scene.image, ends, empty)
