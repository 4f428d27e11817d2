"""What a data set teaches before it is labelled: its examples, completed, how far to trust them, and more."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from MVGCore.datasets.atlas.atlas import Atlas
from MVGCore.datasets.atlas.generation import Generator
from MVGCore.datasets.atlas.judge import MOST_JUDGED, Judgement, Told, judge, told_by_others
from MVGCore.datasets.atlas.near import slices_told
from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.checksums import checksum, together
from MVGCore.datasets.drafts import read_quietly, shares_of_drafts, with_drafts_heard
from MVGCore.datasets.examples import ExampleSource, merged_prompts
from MVGCore.datasets.manifest import NAME, Record
from MVGCore.datasets.run import Crew, alone, label_dataset
from MVGCore.datasets.specialist.study import judged_together, study
from MVGCore.datasets.work import Completed, Work
from MVGCore.errors import MVGError
from MVGCore.models.device import select_device
from MVGCore.prompts import Prompt
from MVGCore.segmentation.existing.matching import MatchedDraft, match_draft
from MVGCore.segmentation.review.expected_dice import DiceLine, DiceLines
from MVGCore.volume import atomic_path
from MVGCore.volume.formats import stem

FOLDER = ".examples"
JUDGEMENT = "judgement.json"
# Of the slices that the best known volume's own tell of: with so many a volume needs no help of others, and
# with so many it has enough labels of its own to help others in turn.
ALONE_SHARE, ATLAS_SHARE = 0.75, 0.5


def learn(
    work: Work,
    crew: Crew,
    shown: Callable[[Record, int, int], None] = lambda record, done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    items: Sequence[Item] = (),
    trained: Callable[[float, str], object] = lambda share, text: None,
) -> Work:
    """Label the other slices of the examples' volumes, from which all other volumes are labelled then.

    What was learned lies in a hidden folder of the results; a second run with the same examples finds it
    there, and runs for several parts of a data set wait for the first of them.

    Args:
        work: what there is to know.
        crew: who completes the examples.
        shown: called with each record, how many are done and how many there were to do.
        cancelled: asked between volumes and between lessons.
        items: the data set: a specialist learns from its own labels of some of them, too.
        trained: called with the done fraction of a specialist's training and a text.

    Raises:
        MVGError: an example cannot be used, or its result not be written.
        OutputError: the folder cannot be written.
        Cancelled: `cancelled()` was true.
    """
    images = list(dict.fromkeys(each.image for each in work.examples if each.image is not None))
    if not images:
        return work
    folder = work.folder / FOLDER
    folder.mkdir(exist_ok=True)
    told = {image: slices_told(_drawn(work.examples, image)) for image in images}
    most = max(told.values())
    for group in _best_known_first(told):
        items_of_group = [_item(work, image) for image in group]
        own = replace(work, folder=folder, settings=replace(work.settings, ending=".seg.nrrd"))
        summary = label_dataset(own, items_of_group, crew, shown=shown, cancelled=cancelled, wait=True)
        for record in summary.failed:
            raise MVGError(f"The example '{record.image}' was not completed. {record.reason}")
        completed = tuple(
            Completed(image, folder / record.output, record.report, told[image] < ATLAS_SHARE * most)
            for image, record in zip(group, summary.records, strict=True)
        )
        work = replace(work, completed=(*work.completed, *completed))
    with alone(folder / NAME, wait=True):
        return _taught(work, folder, items, cancelled, trained)


def _best_known_first(told: Mapping[Path, float]) -> list[list[Path]]:
    """The volumes of which their own slices tell most, which are completed from these alone, then the others,
    to which the first tell the rest."""
    least = ALONE_SHARE * max(told.values())
    many = [image for image, slices in told.items() if slices >= least]
    few = [image for image in told if image not in many]
    return [group for group in (many, few) if group]


def _item(work: Work, image: Path) -> Item:
    own = [each for each in work.examples if each.image == image]
    name = f"{stem(image)}-{together(each.checksum for each in own)[:8]}"
    return Item(name, image, draft=_draft_of(work, image))


def _draft_of(work: Work, image: Path) -> Path | None:
    return next((each.draft for each in work.examples if each.image == image and each.draft), None)


def _taught(
    work: Work,
    folder: Path,
    items: Sequence[Item],
    cancelled: Callable[[], bool],
    trained: Callable[[float, str], object],
) -> Work:
    """The work with how far the completed examples are right, and a specialist; both are kept in files."""
    key = together([work.made_of["examples"], work.made_of["weights"], work.made_of["settings"]])
    path, file = folder / JUDGEMENT, folder / f"specialist-{key[:12]}.safetensors"
    kept = _read(path, key)
    trains = work.settings.minutes > 0
    if kept is None or (trains and not file.is_file()):
        atlases = [Atlas.read(each.image, each.labels, each.repeats) for each in work.completed]
        drawn = [_drawn(work.examples, each.image) for each in work.completed]
        judged = len(atlases) if trains else MOST_JUDGED
        told = told_by_others(atlases, judged, Generator.of(work.settings), cancelled)
        drafts = _drafts(work, atlases)
        shares = shares_of_drafts(told, drawn, drafts)
        if trains:
            kept = _specialised(work, file, atlases, drawn, told, items, cancelled, trained)
        else:
            kept = judge(with_drafts_heard(told, drafts, shares), drawn)
        kept = replace(kept, draft_shares=shares)
        _write(path, key, kept)
    work = replace(work, lines=kept.lines, draft_shares=kept.draft_shares)
    if not trains:
        return work
    return replace(work, specialist=file, made_of={**work.made_of, "specialist": checksum(file)})


def _specialised(
    work: Work,
    file: Path,
    atlases: Sequence[Atlas],
    drawn: Sequence[Sequence[Prompt]],
    told: Sequence[Told],
    items: Sequence[Item],
    cancelled: Callable[[], bool],
    trained: Callable[[float, str], object],
) -> Judgement:
    """Train a specialist, and judge what it says together with the others."""
    examples = {each.image.resolve() for each in work.completed}
    others = [item.image for item in items if item.image.resolve() not in examples]
    settings = work.settings
    # A processor: lessons are small, and the same weights come out wherever the command runs.
    device = select_device("cpu", settings.precision)
    specialist, judging = study(
        atlases, drawn, told, others, settings.minutes, settings.seed, device, cancelled, trained
    )
    specialist.save(file)
    return judge(judged_together(specialist, atlases, told), judging)


def _drafts(work: Work, atlases: Sequence[Atlas]) -> list[MatchedDraft | None]:
    """The draft of each completed example, None where it has none."""
    classes = merged_prompts(work.examples).classes
    drafts: list[MatchedDraft | None] = []
    for atlas, each in zip(atlases, work.completed, strict=True):
        path, grid = _draft_of(work, each.image), atlas.image.geometry
        drafts.append(None if path is None else match_draft(read_quietly(path, grid)[0], grid, classes))
    return drafts


def _drawn(examples: Sequence[ExampleSource], image: Path) -> list[Prompt]:
    return [prompt for each in examples if each.image == image for prompt in each.prompts().prompts]


def _write(path: Path, key: str, judgement: Judgement) -> None:
    with atomic_path(path) as temporary:
        shares = {str(class_id): share for class_id, share in judgement.draft_shares.items()}
        content = {"key": key, "lines": asdict(judgement.lines), "dice": judgement.dice, "drafts": shares}
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _read(path: Path, key: str) -> Judgement | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] != key:
            return None
        lines = {name: DiceLine(**values) for name, values in content["lines"].items()}
        shares = {int(class_id): float(share) for class_id, share in content.get("drafts", {}).items()}
        return Judgement(DiceLines(**lines), content["dice"], shares)
    except (OSError, ValueError, KeyError, TypeError):
        return None
