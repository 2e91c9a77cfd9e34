"""The plan of an emergency is made once, through any kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stores import faults
from tests.tasks.opened import opened
from tests.tasks.season import (
    change_season,
    plan_emergency,
)

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_a_plan_that_is_killed_at_any_write_ends_as_one_plan_with_one_benchmark(home: Path) -> None:
    """More traffic comes between the kills; what was selected before the first of them stands."""

    class Killed(BaseException):
        pass

    change_season()
    written = 0

    def kill_at(number: int) -> faults.Hook:
        def hook(name: str, moment: faults.Moment) -> None:
            nonlocal written
            written += 1
            if written == number:
                raise Killed(f"{name}:{moment}")

        return hook

    kills = 0
    while True:
        written = 0
        try:
            with faults.installed(kill_at(kills + 1)):
                plan = plan_emergency()
            break
        except Killed:
            kills += 1
            if kills == 8:
                change_season(day=2, known=300, new=100)
    assert kills >= 10, "the plan writes a selection, a benchmark, its protection, a ledger line and itself"
    assert plan == plan_emergency()
    assert len(opened().ledger.entries("benchmark", "new")) == 1
    assert len({key.split("/")[1] for key in opened().objects.keys("benchmarks/new-")}) == 1
    assert plan.benchmark_new is not None
    assert plan.held_back == (plan.benchmark.prefix, plan.benchmark_new.prefix)
