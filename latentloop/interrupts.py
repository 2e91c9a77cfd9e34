"""Ctrl-C, SIGTERM and SIGHUP as one exception, and what is left of one that Python dropped."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn


class Interrupts:
    """Whether somebody asked this process to end.

    An exception that a signal raises inside a destructor or the callback of a weak reference is printed and dropped:
    who goes on for ever looks here as well.
    """

    def __init__(self) -> None:
        self._asked = False

    def listen(self) -> None:
        """From now on these signals raise KeyboardInterrupt; Ctrl-C that the shell has switched off stays so."""
        signal.signal(signal.SIGTERM, self._raise)
        signal.signal(signal.SIGHUP, self._raise)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._raise)

    def heed(self) -> None:
        """KeyboardInterrupt where a signal came."""
        if self._asked:
            raise KeyboardInterrupt

    def _raise(self, number: int, frame: FrameType | None) -> NoReturn:
        self._asked = True
        raise KeyboardInterrupt


INTERRUPTS = Interrupts()
"""Of this process: its main function listens, its loops without an end heed."""
