"""The terminal as screens are drawn on it: as wide as it is, and as wide as a wide one where there is none."""

from __future__ import annotations

import shutil

from rich.console import Console

ELSEWHERE = 160
"""Columns of what goes into a file or a pipe: eighty break every sentence of a table into a ribbon."""


def open_screen(*, soft_wrap: bool = True) -> Console:
    """A console of that width; soft_wrap: who copies an address or a command needs its line whole."""
    return Console(soft_wrap=soft_wrap, width=shutil.get_terminal_size((ELSEWHERE, 24)).columns)
