"""The terminal as screens are drawn on it: as wide as it is; nothing is cut of what goes into a file or a pipe."""

from __future__ import annotations

import shutil

from rich.console import Console
from rich.table import Table

UNBOUNDED = 100_000
"""Columns where neither a terminal nor `COLUMNS` says how many there are: lines are as long as what they say."""


def open_screen(*, soft_wrap: bool = True) -> Console:
    """A console of that width; soft_wrap: who copies an address or a command needs its line whole."""
    return Console(soft_wrap=soft_wrap, width=shutil.get_terminal_size((UNBOUNDED, 24)).columns)


def print_table(console: Console, table: Table) -> None:
    """Draw it with every letter: a long cell goes on below where there is a width, and beside where there is none."""
    for column in table.columns:
        if not column.no_wrap:
            column.overflow = "fold"
    if console.width < UNBOUNDED:
        console.print(table, soft_wrap=False)
        return
    for column in table.columns:
        column.max_width = None
    with console.capture() as drawn:
        console.print(table, soft_wrap=False)
    lines = [line.rstrip() for line in drawn.get().splitlines()]  # rows are filled up to the longest
    print("\n".join(lines), file=console.file)
