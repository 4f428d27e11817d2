"""The manifest survives a crash at any byte."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from MVGCore.datasets.manifest import DONE, FAILED, NAME, Manifest, Record, read_results

ONE = Record(
    "a/b", DONE, "images/b.nrrd", "a/b.seg.nrrd", made_of={"image": "12"}, report={"notes": ["x\u2028y"]}
)
TWO = Record("c", FAILED, "images/c.nrrd", reason="'c' is cut off: Größe 3.")


def test_records_come_back(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / NAME)
    manifest.add(TWO)
    manifest.add(ONE)
    assert Manifest(tmp_path / NAME).records == {"c": TWO, "a/b": ONE}
    manifest.tidy(["a/b", "not there", "c"])
    assert list(Manifest(tmp_path / NAME).records) == ["a/b", "c"]


def test_a_later_record_replaces_an_earlier_one(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / NAME)
    manifest.add(TWO)
    manifest.add(Record("c", DONE, "images/c.nrrd", "c.seg.nrrd"))
    assert Manifest(tmp_path / NAME).records["c"].done


@given(st.data())
def test_a_line_that_was_cut_off_costs_only_itself(tmp_path_factory, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("cut") / NAME
    last = TWO.to_line().encode()
    path.write_bytes(ONE.to_line().encode() + last[: data.draw(st.integers(0, len(last) - 2))])
    manifest = Manifest(path)
    assert manifest.records == {"a/b": ONE}
    manifest.add(TWO)
    assert Manifest(path).records == {"a/b": ONE, "c": TWO}


@given(st.binary(max_size=200))
def test_foreign_bytes_are_passed_over(tmp_path_factory, noise: bytes) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("noise") / NAME
    path.write_bytes(noise + b"\n" + ONE.to_line().encode())
    assert Manifest(path).records == {"a/b": ONE}


def test_results_of_all_parts_are_read_together(tmp_path: Path) -> None:
    Manifest(tmp_path / "manifest-1-of-2.jsonl").add(ONE)
    Manifest(tmp_path / "manifest-2-of-2.jsonl").add(TWO)
    assert read_results(tmp_path) == {"a/b": ONE, "c": TWO}
