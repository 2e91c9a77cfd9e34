"""A signal ends a command wherever it falls."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from latentloop.interrupts import Interrupts

HEARD = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = {number: signal.getsignal(number) for number in HEARD}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell switches it off for what it starts with `&`
    listening = Interrupts()
    listening.listen()
    yield listening
    for number, handler in before.items():
        signal.signal(number, handler)


class EndedWithin:
    """Whose end is where the signal falls: Python drops what is raised there."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self._number)


@pytest.mark.parametrize("number", HEARD)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_drops_is_heeded_later(interrupts: Interrupts, number: signal.Signals) -> None:
    interrupts.heed()

    EndedWithin(number)

    with pytest.raises(KeyboardInterrupt):
        interrupts.heed()


@pytest.mark.parametrize("number", HEARD)
def test_a_signal_interrupts_at_once(interrupts: Interrupts, number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_ctrl_c_that_the_shell_has_switched_off_stays_so() -> None:
    before = {number: signal.getsignal(number) for number in HEARD}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Interrupts().listen()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
