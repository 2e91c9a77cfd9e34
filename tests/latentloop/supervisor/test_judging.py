"""One child, one moment: what is to be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from latentloop.supervisor.judging import Facts, Patience, Phase, Step, plan_step
from latentloop.supervisor.pulse import Heard, Pulse, Sign, hear

PATIENCE = Patience(start_s=600, silence_s=60, least_failures=3)
HEARD = Pulse(answers=1)
STRANGER = Pulse(failures=1, silent_since=1.0, stranger=True)
NO_ANSWER_YET = Pulse(failures=900, silent_since=1.0)
WAITING, STARTING = Facts(Phase.waiting), Facts(Phase.starting, started_at=0.0)
UP = Facts(Phase.up, pulse=HEARD)


def silent(since: float, failures: int) -> Pulse:
    return Pulse(answers=1, failures=failures, silent_since=since)


@pytest.mark.parametrize(
    ("facts", "now", "step"),
    [
        pytest.param(WAITING, 5, Step.leave, id="what it needs was never up"),
        pytest.param(replace(WAITING, start_at=10), 9.9, Step.leave, id="its pause lasts"),
        pytest.param(replace(WAITING, start_at=10), 10, Step.start, id="its pause is over"),
        pytest.param(Facts(Phase.left_down, start_at=10), 10, Step.start, id="left down is tried again"),
        pytest.param(STARTING, 599, Step.leave, id="it may take ten minutes to start"),
        pytest.param(STARTING, 601, Step.kill, id="and no longer"),
        pytest.param(
            replace(STARTING, pulse=Pulse(failures=900, silent_since=1)),
            500,
            Step.leave,
            id="silence is no fault of a starter",
        ),
        pytest.param(replace(STARTING, pulse=HEARD), 3, Step.welcome, id="its first answer"),
        pytest.param(replace(STARTING, ended=True), 3, Step.bury, id="it ended before it answered"),
        pytest.param(
            replace(STARTING, pulse=STRANGER, can_move=True), 3, Step.move, id="another process answers on its port"
        ),
        pytest.param(
            replace(STARTING, ended=True, port_taken=True, can_move=True), 3, Step.move, id="it ended: port in use"
        ),
        pytest.param(
            replace(STARTING, ended=True, port_taken=True), 3, Step.bury, id="in use, and others know the port"
        ),
        pytest.param(replace(STARTING, pulse=STRANGER), 3, Step.kill, id="a stranger, and others know the port"),
        pytest.param(UP, 1e6, Step.leave, id="it answers"),
        pytest.param(replace(UP, ended=True), 3, Step.bury, id="it died"),
        pytest.param(
            replace(UP, ended=True, port_taken=True, can_move=True), 3, Step.bury, id="who was up keeps its port"
        ),
        pytest.param(replace(UP, pulse=silent(100, 2)), 400, Step.leave, id="two questions are too few"),
        pytest.param(replace(UP, pulse=silent(100, 9)), 114, Step.leave, id="some seconds are short"),
        pytest.param(replace(UP, pulse=silent(100, 9)), 115, Step.name_silent, id="after a quarter of it, it is named"),
        pytest.param(replace(UP, pulse=silent(100, 9)), 900, Step.name_silent, id="nobody is ended unnamed"),
        pytest.param(Facts(Phase.silent, pulse=silent(100, 9)), 150, Step.leave, id="it is named once"),
        pytest.param(Facts(Phase.silent, pulse=HEARD), 150, Step.welcome, id="it answers again"),
        pytest.param(Facts(Phase.silent, pulse=silent(100, 9)), 160, Step.kill, id="named, and silent for all of it"),
        pytest.param(
            Facts(Phase.silent, pulse=silent(100, 9), crowding=4.0),
            339,
            Step.leave,
            id="four processes for a core: it may only be slow",
        ),
        pytest.param(Facts(Phase.silent, pulse=silent(100, 9), crowding=4.0), 340, Step.kill, id="four times as long"),
        pytest.param(Facts(Phase.silent, pulse=silent(100, 9), crowding=50.0), 400, Step.kill, id="but no longer"),
    ],
)
def test_the_step_that_is_due(facts: Facts, now: float, step: Step) -> None:
    assert plan_step(facts, PATIENCE, now) is step


def test_a_supervisor_that_did_not_ask_for_an_hour_heard_no_silence() -> None:
    pulse = hear(hear(Pulse(), Heard(Sign.alive), 10.0), Heard(Sign.silent), 3_610.0)
    assert plan_step(replace(UP, pulse=pulse), PATIENCE, 3_610.5) is Step.leave


def test_what_cannot_be_asked_is_no_silence() -> None:
    pulse = hear(Pulse(answers=1), Heard(Sign.unknown, "the database is away"), 10.0)
    assert (pulse.failures, pulse.silent_since, pulse.reason) == (0, None, "the database is away")
    assert plan_step(replace(UP, pulse=pulse), PATIENCE, 1e6) is Step.leave
