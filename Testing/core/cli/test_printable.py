"""Names from files do not steer the terminal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import pytest

from MVGCore.cli.main import main
from MVGCore.cli.printable import PrintableStream, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 肝\n\t", "plain é 肝\n\t"),
        ("\x1b[2J\x07\r", "\\x1b[2J\\x07\\x0d"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    stream = io.StringIO()
    PrintableStream(stream).write(text)
    assert printable(text) == stream.getvalue() == shown


def test_a_file_name_in_a_message_is_escaped(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["info", str(tmp_path / "\x1b[31mred.nrrd")]) == 2
    assert "\x1b" not in (told := capsys.readouterr().err) and "\\x1b[31mred.nrrd" in told


def test_the_rest_of_the_stream_is_as_it_was() -> None:
    stream = PrintableStream(cast(io.TextIOWrapper, io.StringIO("x")))
    assert stream.readable() and not stream.isatty()
