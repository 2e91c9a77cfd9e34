"""The pulse of what is watched: when a silence begins, and what is none."""

from __future__ import annotations

from latentloop.supervisor.pulse import Heard, Pulse, Sign, hear


def test_a_silence_begins_with_the_first_question_that_got_no_answer_and_ends_with_an_answer() -> None:
    pulse = Pulse()
    for at in (10.0, 20.0, 30.0):
        pulse = hear(pulse, Heard(Sign.silent, "no answer"), at)
    assert (pulse.silent_since, pulse.failures, pulse.reason) == (10.0, 3, "no answer")
    assert hear(pulse, Heard(Sign.alive), 40.0) == Pulse(answers=1)
