"""The work on a local Ray cluster of two workers, of which one is killed.

    pytest Testing/benchmarks/test_cluster.py

Apart from the tests that run with every change: a cluster takes longer to start than all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from MVGCore.datasets.cluster import label_on_cluster
from MVGCore.datasets.manifest import Record
from MVGCore.datasets.run import label_dataset
from MVGCore.errors import InputError
from Testing.core.datasets.conftest import Tiny
from Testing.core.datasets.labellers import once_killed, unusable

pytest_plugins = ["Testing.core.conftest", "Testing.core.datasets.conftest"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of two workers on this machine."""
    pytest.importorskip("ray", reason="Ray is not installed (pip install ray)")
    from ray.cluster_utils import Cluster

    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    os.environ["PYTHONPATH"] = str(ROOT)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()


def test_a_killed_worker_loses_nothing_and_nothing_is_done_twice(
    address: str, make_tiny: Callable[[int], Tiny]
) -> None:
    tiny = make_tiny(6)

    def crew(work: object, items: object) -> Iterator[Record]:
        yield from label_on_cluster(work, items, address, once_killed)  # type: ignore[arg-type]

    seen: list[str] = []
    summary = label_dataset(tiny.work(), tiny.items, crew, shown=lambda record, *_: seen.append(record.name))
    assert not summary.failed
    assert sorted(seen) == [f"case_00{n}" for n in range(6)]
    assert (tiny.results / "killed").read_text() == "case_002"
    assert {record.report["process"] for record in summary.records}.isdisjoint({os.getpid()})


def test_an_unusable_example_stops_the_cluster_run(address: str, make_tiny: Callable[[int], Tiny]) -> None:
    tiny = make_tiny(1)
    with pytest.raises(InputError, match="The example is damaged"):
        list(label_on_cluster(tiny.work(), tiny.items, address, unusable))


def test_no_cluster_is_said(make_tiny: Callable[[int], Tiny]) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (pip install ray)")
    tiny = make_tiny(1)
    with pytest.raises(InputError, match="There is no Ray cluster at"):
        list(label_on_cluster(tiny.work(), tiny.items, "not an address"))
