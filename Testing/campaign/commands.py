"""Commands of `mvg` on a tiny case with tiny weights, each run in a fork: well under a second."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from pathlib import Path

import numpy as np

from MVGCore.volume import Geometry, LabelMap, Volume, write_labelmap, write_volume
from Testing.core.conftest import SMALL

SHAPE = (6, 24, 24)
_MOST_TEXT = 1 << 16


def ball() -> np.ndarray:
    """Where the structure is."""
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return np.asarray((k - 3) ** 2 * 9 + (j - 12) ** 2 + (i - 12) ** 2 <= 64)


def write_case(folder: Path) -> None:
    """Write an image with and without noise, three labelled slices, a data set of two, and weights."""
    from MVGCore.models import create, save_weights

    geometry, inside = Geometry.identity(SHAPE), ball()
    noise = np.random.default_rng(0).integers(0, 7, SHAPE)
    image = Volume((inside * 100 + noise).astype(np.int16), geometry)
    write_volume(folder / "image.nrrd", image)
    write_volume(folder / "clean.nrrd", Volume((inside * 100).astype(np.int16), geometry))
    drawn = np.isin(np.arange(SHAPE[0]), (1, 3, 4))[:, None, None]
    few = LabelMap.of(np.where(drawn, inside, 0).astype(np.uint8), geometry)
    (folder / "set").mkdir()
    for name in ("one", "two"):
        write_volume(folder / "set" / f"{name}.nrrd", image)
    (folder / "examples").mkdir()
    for path in (folder / "few.seg.nrrd", folder / "examples" / "one.seg.nrrd"):
        write_labelmap(path, few)
    save_weights(create("compact", **SMALL), folder / "w.safetensors", {})


def commands(case: Path, out: Path) -> dict[str, list[str]]:
    """The words of every command that writes files, from `case` to `out`."""
    image, few = str(case / "image.nrrd"), str(case / "few.seg.nrrd")
    model = ["--model", str(case / "w.safetensors"), "--device", "cpu", "--quiet"]
    pair = ["--examples-from", image, "--examples-to", str(case / "clean.nrrd")]
    extras = ["--confidence", str(out / "sure.nrrd"), "--report", str(out / "report.json")]
    quick = ["--quality", "draft", "--one-axis"]
    one = ["--labels", few, "-o", str(out / "x.seg.nrrd"), *extras, *quick]
    many = ["--examples", str(case / "examples"), "-o", str(out / "labels"), "--workers", "0", "--one-axis"]
    return {
        "segment": ["segment", image, *one, *model],
        "label": ["label", str(case / "set"), *many, *model],
        "qa": ["qa", str(case / "results"), "-o", str(out / "page.html"), "--quiet"],
        "adapt": [
            "adapt",
            image,
            "--labels",
            few,
            "-o",
            str(out / "a.safetensors"),
            "--seconds",
            "0.1",
            *model,
        ],
        "denoise": ["denoise", image, "-o", str(out / "x.nii.gz"), *model],
        "inpaint": ["inpaint", image, "--mask", few, "-o", str(out / "x.mhd"), *model],
        "synthesize": ["synthesize", image, *pair, "-o", str(out / "x.nrrd"), *model],
    }


def in_a_fork(
    words: list[str], within: Callable[[], AbstractContextManager[None]] = nullcontext
) -> tuple[int, str]:
    """Run `mvg` with words; gives its exit code and what it said."""
    from MVGCore.cli.main import main

    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        try:
            with within():
                code = main(words)
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 99
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read()[-_MOST_TEXT:].decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.strip()


def warm(case: Path, folder: Path) -> dict[str, dict[str, bytes]]:
    """Run each command once here, so that all is imported, and label the data set that `qa` shows.

    Returns:
        Of each command, the files that it writes.
    """
    import torch

    from MVGCore.cli.main import main

    torch.set_num_threads(1)  # a fork has no other threads
    _let_adaptation_help()
    written = {}
    for name, words in commands(case, folder).items():
        folder.mkdir()
        assert main(words) == 0, words
        if name == "label":
            shutil.copytree(folder / "labels", case / "results")
        written[name] = content(folder)
        shutil.rmtree(folder)
    return written


def _let_adaptation_help() -> None:
    """Random weights learn nothing in so short a time, and nothing would be written."""
    from MVGCore.adaptation.adapt import Adaptation

    scores = count()
    Adaptation._score = lambda *_: next(scores) / 100  # type: ignore[method-assign]


def content(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def lost(
    before: dict[str, bytes], written: dict[str, bytes], after: dict[str, bytes], whole: bool, folder: Path
) -> str:
    """What is not as it was, nor, unless `whole`, as it would have been if nothing had happened.

    Args:
        before: The files of a folder by name, before a command was run.
        written: Those that it writes.
        after: Those that are there now.
        whole: Only what is as it was will do.
        folder: Where they are.
    """
    if missing := before.keys() - after.keys():
        return f"gone: {sorted(missing)}"
    if strange := after.keys() - before.keys() - (set() if whole else written.keys()):
        return f"left behind: {sorted(strange)}"
    for name, data in after.items():
        as_before = data == before.get(name)
        as_meant = not whole and (data == written.get(name) or is_whole(folder / name))
        if not as_before and not as_meant:
            return f"{name} is neither the earlier file nor the new one"
    return ""


def is_whole(file: Path) -> bool:
    """Whether a file is whole that differs every time: it tells times, or what was learned in them."""
    from MVGCore.models.weights import read_checkpoint

    if file.suffix == ".safetensors":
        read_checkpoint(file)
        return True
    if file.suffix == ".json":
        json.loads(file.read_text())
        return True
    return file.suffix == ".jsonl"  # it grows by lines; what a line that was cut off means the next run shows
