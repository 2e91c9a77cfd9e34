"""When what died is started again, on the clock of the table."""

from __future__ import annotations

import pytest

from latentloop.supervisor.restarts import History, RestartPolicy, plan_restart

POLICY = RestartPolicy()


def live(deaths: list[tuple[float, float]]) -> list[tuple[float, bool]]:
    """Each death as (at, had been up for so many seconds); what follows as (start again after s, left down)."""
    history, found = History(), []
    for at, up_for_s in deaths:
        plan = plan_restart(history, up_for_s, at, POLICY)
        history = plan.history
        found.append((plan.start_at - at, history.left_down))
    return found


@pytest.mark.parametrize(
    ("deaths", "expected"),
    [
        pytest.param([(100, 90)], [(1, False)], id="one death is mended after a second"),
        pytest.param(
            [(100 + 10 * n, 5) for n in range(6)],
            [(1, False), (2, False), (4, False), (8, False), (16, False), (600, True)],
            id="six deaths within ten minutes",
        ),
        pytest.param(
            [(10, 0), (20, 0), (30, 0)],
            [(1, False), (2, False), (600, True)],
            id="three deaths of one that was never up",
        ),
        pytest.param(
            [(10, 0), (20, 0), (40, 10), (50, 5)],
            [(1, False), (2, False), (4, False), (8, False)],
            id="once it was up it has the longer rope",
        ),
        pytest.param(
            [(1_000 * n, 200) for n in range(1, 30)],
            [(1, False)] * 29,
            id="a death every quarter of an hour, for ever: each is forgotten by its age",
        ),
        pytest.param(
            [(400 * n, 399) for n in range(1, 30)],
            [(1, False)] * 29,
            id="a death every seven minutes, for ever: each is forgiven by the health before it",
        ),
        pytest.param(
            [(10 * n, 5) for n in range(1, 7)] + [(700, 0), (1_400, 20)],
            [(1, False), (2, False), (4, False), (8, False), (16, False), (600, True), (600, True), (600, True)],
            id="what was left down gets one try at a time",
        ),
        pytest.param(
            [(10 * n, 5) for n in range(1, 7)] + [(1_060, 400), (1_070, 8)],
            [(1, False), (2, False), (4, False), (8, False), (16, False), (600, True), (1, False), (2, False)],
            id="what was left down and then was healthy begins with a clean sheet",
        ),
    ],
)
def test_deaths_are_counted_within_a_window_and_forgotten_after_health(
    deaths: list[tuple[float, float]], expected: list[tuple[float, bool]]
) -> None:
    assert live(deaths) == expected


def test_a_pause_is_never_longer_than_a_minute_before_it_is_left_down() -> None:
    patient = RestartPolicy(most_deaths=100)
    history = History(was_up=True)
    pauses = []
    for at in range(10):
        plan = plan_restart(history, 0.0, float(at), patient)
        history = plan.history
        pauses.append(plan.start_at - at)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
