"""`mvg` itself: help, version, exit codes, progress and tables."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from MVGCore.cli.console import ProgressBar, check_outputs, make_folder, table
from MVGCore.cli.main import COMMANDS, build_parser, main
from MVGCore.errors import InputError, MissingExtraError
from MVGCore.version import __version__

Mvg = Callable[..., tuple[int, str, str]]


def test_help_names_every_command(mvg: Mvg) -> None:
    code, printed, _ = mvg("--help")
    assert code == 0
    for command in COMMANDS:
        assert command.__name__.rsplit(".", 1)[1] in printed


@pytest.mark.parametrize("command", [each.__name__.rsplit(".", 1)[1] for each in COMMANDS])
def test_every_command_has_help_and_the_shared_options(mvg: Mvg, command: str) -> None:
    code, printed, _ = mvg(command, "--help")
    assert code == 0
    assert "--debug" in printed and "--quiet" in printed


def test_version(mvg: Mvg) -> None:
    assert mvg("--version")[1].strip() == f"mvg {__version__}"


@pytest.mark.parametrize("words", [[], ["fly"], ["segment"], ["info"], ["segment", "a.nrrd", "--axis", "x"]])
def test_bad_usage_leaves_with_2(mvg: Mvg, words: list[str]) -> None:
    code, printed, complaint = mvg(*words)
    assert (code, printed) == (2, "") and "usage" in complaint


def test_a_missing_extra_is_bad_usage_with_its_remedy(monkeypatch, capsys) -> None:
    def fail(_: object) -> None:
        raise MissingExtraError('Install it: pip install "mvg-slicer[demo]".')

    parser = build_parser()
    monkeypatch.setattr("MVGCore.cli.main.build_parser", lambda: parser)
    arguments = parser.parse_args(["info", "compact"])
    arguments.run = fail
    monkeypatch.setattr(parser, "parse_args", lambda _: arguments)
    assert main(["info", "compact"]) == 2
    assert "pip install" in capsys.readouterr().err


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "expected", "drawn"),
    [
        (Terminal, None, True),
        (Terminal, False, False),
        (io.StringIO, None, False),
        (io.StringIO, True, True),
    ],
)
def test_a_bar_is_drawn_on_a_terminal_or_on_request(monkeypatch, stream, expected, drawn) -> None:
    screen = stream()
    monkeypatch.setattr("sys.stderr", screen)
    with ProgressBar("Segmenting", expected) as bar:
        bar.update(0.5, "slice 3")
        bar.update(1.5, "slice 4")
    assert ("Segmenting" in screen.getvalue()) == drawn


def test_check_outputs_protects_a_dicom_folder(tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "1.dcm").write_bytes(b"slice")
    with pytest.raises(InputError, match="one of the inputs"):
        check_outputs([series / "1.dcm"], [series])
    check_outputs([series / "new.nrrd", None], [series, None])


def test_make_folder_says_why_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert make_folder(tmp_path / "a" / "b").is_dir()
    with pytest.raises(InputError, match="cannot be made"):
        make_folder(tmp_path / "file" / "below")


def test_table_aligns_its_columns() -> None:
    text = table(["method", "Dice"], [["MVG", "0.9"], ["a long name", "0.85"]])
    assert text.splitlines() == [
        "method       Dice",
        "-----------  ----",
        "MVG           0.9",
        "a long name  0.85",
    ]
