"""The settings for a person: one table after the other, and what is not a default stands out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.configuration.digest import SHORT
from deploy.configuration.kinds import quoted
from deploy.configuration.origins import DEFAULT
from deploy.configuration.reference import SettingInForce, TableInForce
from latentloop.screen import open_screen, print_table
from latentloop.settings.report import SettingsReport

_WIDTHS = (34, 28, 12, 30)  # letters of name, value, unit and origin at most; the description has the rest


def print_in_force(report: SettingsReport, tables: Sequence[TableInForce]) -> None:
    """File, digest and installation first, then the tables."""
    console = open_screen()
    console.print(f"[bold]{escape(report.file or 'no settings file')}[/bold]", highlight=False)
    console.print(f"digest {(report.digest or '')[:SHORT]}: {escape(report.installation or '')}", highlight=False)
    changed = sum(each.differs for table in tables for each in table.settings)
    console.print(f"{changed} of {len(report.settings)} are not the default, marked with *", highlight=False)
    _print_tables(console, tables)


def print_defaults(tables: Sequence[TableInForce]) -> None:
    """What a settings file may say, and what holds where it says nothing."""
    _print_tables(open_screen(), tables)


def first_sentence(description: str) -> str:
    """As much of a description as a line has room for; `--json` and docs/settings.md have the rest."""
    return re.split(r"\. (?=[A-Z])", description, maxsplit=1)[0].removesuffix(".")


def title_of(table: TableInForce) -> str:
    """`[training.model]` and which kind of model has it."""
    name = f"[{table.table.name}]" if table.table.name else "at the top of the file"
    return f"{name} of a {table.table.variant}" if table.table.variant else name


def _print_tables(console: Console, tables: Sequence[TableInForce]) -> None:
    for table in tables:
        console.print(f"\n[bold]{escape(title_of(table))}[/bold] [dim]{escape(table.table.description)}[/dim]")
        shown = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for width in _WIDTHS:
            shown.add_column(max_width=width)
        shown.add_column()
        for setting in table.settings:
            shown.add_row(*_row(setting))
        print_table(console, shown)


def _row(setting: SettingInForce) -> tuple[str, ...]:
    mark, style = ("*", "bold yellow") if setting.differs else (" ", "default")
    origin = Path(setting.origin).name if setting.origin.startswith("/") else setting.origin
    return (
        f"[{style}]{mark} {escape(setting.field.word)}[/{style}]",
        f"[{style}]{escape(say_value(setting))}[/{style}]",
        f"[dim]{escape(setting.field.unit)}[/dim]",
        f"[dim]{origin}[/dim]" if origin == DEFAULT else f"[{style}]{escape(origin)}[/{style}]",
        escape(first_sentence(setting.field.description)),
    )


def say_value(setting: SettingInForce) -> str:
    """The value as a settings file has it; in words where each machine has its own."""
    return quoted(setting.value) if setting.value is not None else setting.field.default_in_words or quoted(None)
