"""Labels one volume of a data set and says what came of it; the work of every worker, wherever it runs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MVGCore.datasets.atlas.atlas import MOST_ATLASES, Atlas, label_by_atlases
from MVGCore.datasets.atlas.generation import Generator
from MVGCore.datasets.atlas.near import joined
from MVGCore.datasets.atlas.result import result_of
from MVGCore.datasets.catalogue import Item
from MVGCore.datasets.checksums import checksum
from MVGCore.datasets.drafts import mixed, read_quietly, share_note, with_kept_classes
from MVGCore.datasets.examples import merged_prompts
from MVGCore.datasets.manifest import DONE, FAILED, Record
from MVGCore.datasets.specialist.specialist import Specialist
from MVGCore.datasets.work import Work
from MVGCore.errors import MVGError
from MVGCore.prompts import PromptSet
from MVGCore.report.run_report import RunReport
from MVGCore.segmentation.existing.matching import MatchedDraft, match_draft
from MVGCore.segmentation.review.expected_dice import AS_STATED
from MVGCore.session import Result, Session
from MVGCore.version import __version__
from MVGCore.volume import LabelMap, Volume, read_segmentation, read_volume, write_segmentation

VERSION = {"program": "MVG", "version": __version__}


class Labeller:
    """A model and the examples in memory, ready for one volume after the other.

    Example:
        >>> labeller = Labeller(Work.of(folder, examples, Settings()))
        >>> record = labeller.label(item)
    """

    def __init__(self, work: Work, threads: int | None = 1) -> None:
        """Load model and examples.

        Args:
            work: what there is to know.
            threads: of torch and ITK; None leaves them as they are.

        Raises:
            InputError: the model or an example is unusable.
        """
        self._work = work
        settings = work.settings
        if threads is not None:
            _limit_threads_of_itk(threads)
        self._session = Session(
            settings.model, settings.device, settings.seed, threads, settings.quality, settings.precision
        )
        self._generator = Generator.of(settings, self._session.model)
        self._prompts = merged_prompts(work.examples)
        self._atlases = [Atlas.read(each.image, each.labels, each.repeats) for each in work.completed]
        self._specialist = None if work.specialist is None else Specialist.load(work.specialist)

    def label(self, item: Item) -> Record:
        """Label a volume and write the result; whatever goes wrong is told in the record."""
        try:
            return self._label(item)
        except MVGError as error:
            reason = str(error)
        except MemoryError:
            reason = "The memory is full; use fewer workers (--workers)."
        except Exception as error:  # of a library, on a file that nobody foresaw
            reason = f"Something unforeseen went wrong ({type(error).__name__}: {error})."
        return Record(item.name, FAILED, str(item.image), reason=reason)

    def _label(self, item: Item) -> Record:
        start = time.perf_counter()
        made_of = self._work.made_of_item(item)
        output = self._work.output(item)
        output.parent.mkdir(parents=True, exist_ok=True)
        known = next((each for each in self._work.completed if each.image == item.image), None)
        if known is not None:
            write_segmentation(output, read_segmentation(known.labels), made_of={**made_of, **VERSION})
            report = {**known.report, "output": output.name}
        else:
            report = self._labelled(item, output, start, {**made_of, **VERSION})
        return Record(
            item.name,
            DONE,
            str(item.image),
            output=output.relative_to(self._work.folder).as_posix(),
            made_of=made_of,
            output_checksum=checksum(output),
            report=report,
        )

    def _labelled(self, item: Item, output: Path, start: float, made_of: Mapping[str, str]) -> dict[str, Any]:
        """Label the volume, write the result and give the fields of its report."""
        image = read_volume(item.image)
        draft, told = (None, ()) if item.draft is None else read_quietly(item.draft, image.geometry)
        read = time.perf_counter() - start
        result = self.result(image, draft)
        result = replace(result, notes=(*result.notes, *told))
        write_segmentation(output, result.labels, made_of=made_of)
        report = RunReport.of(
            result,
            model=self._work.settings.model,
            image=item.image,
            output=output.name,
            seconds={"read": read, "whole": time.perf_counter() - start},
        )
        fields: dict[str, Any] = json.loads(report.to_json())  # as a manifest gives it back
        return fields

    def result(self, image: Volume, draft: LabelMap | None = None) -> Result:
        """The labels of a volume: from slices of its own, from atlases, from both, or from slices of others.

        Args:
            image: the volume.
            draft: an existing segmentation on its grid; None without one.

        Raises:
            MVGError: it cannot be labelled.
        """
        own = [prompt for prompt in self._prompts.enabled if prompt.is_slice_of(image)]
        if not own and self._atlases:
            return self._fused(image, None if draft is None else self._matched(image, draft))
        self._session.set_image(image)
        self._session.set_prompts(PromptSet(own, self._prompts.classes) if own else self._prompts)
        result = self._session.propagate(all_axes=self._work.settings.all_axes, draft=draft)
        return self._joined(image, result) if self._atlases and draft is None else result

    def _joined(self, image: Volume, own: Result) -> Result:
        """What slices of its own say near them, and atlases far from them."""
        ids, probabilities, notes = self._told(image)
        ids, probabilities = joined(own, image.geometry.array_spacing, ids, probabilities)
        notes = [*own.notes, *notes, "Slices of its own decide near them."]
        return self._summed_up(image, ids, probabilities, own.seconds, notes, own)

    def _matched(self, image: Volume, draft: LabelMap) -> MatchedDraft:
        return match_draft(draft, image.geometry, self._prompts.classes)

    def _fused(self, image: Volume, draft: MatchedDraft | None) -> Result:
        """What atlases, a specialist and a draft say together."""
        start = time.perf_counter()
        ids, probabilities, notes = self._told(image)
        if draft is not None:
            probabilities = mixed(ids, probabilities, draft, self._work.draft_shares)
            notes += [share_note(draft, self._work.draft_shares), *draft.notes]
        seconds = {"propagate": time.perf_counter() - start}
        result = self._summed_up(image, ids, probabilities, seconds, notes)
        return result if draft is None else with_kept_classes(result, draft)

    def _told(self, image: Volume) -> tuple[tuple[int, ...], NDArray[np.float32], list[str]]:
        """The classes, probabilities of the background and each by atlases and a specialist, and notes."""
        ids, probabilities = label_by_atlases(image, self._atlases, self._generator)
        asked = sum(not atlas.repeats for atlas in self._atlases)
        notes = [f"Its labels were fused from those of {min(MOST_ATLASES, asked)} other volumes."]
        if self._generator is not None:
            notes.append("The in-context network corrected them, with these as examples.")
        if self._specialist is not None:
            probabilities = self._specialist.mixed(image, ids, probabilities)
            notes.append(f"A network trained on this data set had {self._specialist.share:.0%} of the say.")
        return ids, probabilities, notes

    def _summed_up(
        self,
        image: Volume,
        ids: Sequence[int],
        probabilities: NDArray[np.float32],
        seconds: dict[str, float],
        notes: Sequence[str],
        own: Result | None = None,
    ) -> Result:
        return result_of(
            image,
            ids,
            probabilities,
            self._prompts.axis,
            self._prompts.classes,
            self._work.lines or AS_STATED,
            seconds,
            notes,
            own,
        )


def _limit_threads_of_itk(threads: int) -> None:
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
