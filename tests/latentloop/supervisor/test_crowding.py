"""The machine's load: as it is counted, as the kernel says it, and where nobody says it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from latentloop.supervisor.child import Child
from latentloop.supervisor.crowding import Load, measure_crowding
from latentloop.supervisor.record import Record
from tests.latentloop.supervisor.stage import SLEEP, child

LOADAVG, CPUINFO = Path("/proc/loadavg"), Path("/proc/cpuinfo")


def load_of(one_minute: float) -> Load:
    return lambda: (one_minute, 99.0, 99.0)


def unreadable() -> tuple[float, float, float]:
    raise OSError("Load averages are unobtainable")


@pytest.mark.parametrize(
    ("load", "cores", "crowding"),
    [
        pytest.param(8.0, 2, 4.0, id="four processes for each core"),
        pytest.param(2.0, 2, 1.0, id="one for each"),
        pytest.param(0.2, 2, 1.0, id="an idle machine is as fast as one with nothing to spare"),
        pytest.param(300.0, 1, 300.0, id="the limit is the judge's"),
    ],
)
def test_the_load_of_the_last_minute_is_shared_by_the_cores(load: float, cores: int, crowding: float) -> None:
    assert measure_crowding(load_of(load), cores) == crowding


def test_a_load_that_cannot_be_read_is_none() -> None:
    assert measure_crowding(unreadable, 2) == 1.0


@pytest.mark.skipif(not LOADAVG.exists() or not CPUINFO.exists(), reason="only Linux shows its load and cores as files")
def test_without_a_word_it_is_the_kernels_load_of_every_core_of_the_machine() -> None:
    cores = len([line for line in CPUINFO.read_text().splitlines() if line.startswith("processor")])
    for _ in range(50):
        before = LOADAVG.read_text().split()[0]
        measured = measure_crowding()
        if LOADAVG.read_text().split()[0] == before:
            break
    else:
        pytest.fail("the kernel's load changed fifty times in a row")
    assert measured == pytest.approx(max(1.0, float(before) / cores), abs=0.01)  # it is shown with two decimals


@pytest.mark.parametrize(
    ("load", "crowding"),
    [
        pytest.param(load_of(6.0 * (os.cpu_count() or 1)), 6.0, id="crowded"),
        pytest.param(unreadable, 1.0, id="unreadable: nothing ends, and a silence is judged as on an idle machine"),
    ],
)
def test_what_is_known_of_a_child_says_how_crowded_it_is_now(tmp_path: Path, load: Load, crowding: float) -> None:
    watched = Child(child(tmp_path, "clerk", SLEEP), Record("clerk"), clock=lambda: 0.0, calm_s=1.0, load=load)

    assert watched.facts(can_move=False).crowding == crowding
