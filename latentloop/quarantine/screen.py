"""Quarantine on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Column, Table

from deploy.shown_time import show_time
from latentloop.quarantine.groups import RefusedFor
from latentloop.quarantine.state import Refused
from latentloop.screen import open_screen, print_table

SETTING = "`input_policy."  # begins a setting that would let some in


def print_groups(groups: Sequence[RefusedFor], zone: str | None) -> None:
    """One paragraph a reason."""
    console = open_screen()
    if not groups:
        console.print("quarantine is empty: everything that was captured is in the catalogue, or waits for an ingest")
        return
    for each in groups:
        since = f", since {show_time(each.since, zone)}" if each.since is not None else ""
        several = f" of {len(each.sources):,} sources" if len(each.sources) > 1 else f" of {next(iter(each.sources))}"
        console.print(
            f"[bold]{each.reason}[/bold]  {count_images(each.images)}{escape(several)}{since}", highlight=False
        )
        console.print(f"  {escape(each.advice)}", highlight=False)
        if each.other_settings:
            console.print(
                f"  {_were_judged(each.other_settings)} again, `latentloop quarantine rejudge` does so now",
                highlight=False,
            )
    if any(SETTING in each.advice for each in groups):
        console.print(
            "a setting that was changed in latentloop.toml holds for them with `latentloop quarantine rejudge`, or the "
            "next ingest",
            highlight=False,
        )
    console.print("look at them: `latentloop quarantine show all --html quarantine.html`", highlight=False)


def count_images(count: int) -> str:
    """`1 image`, `2 images`."""
    return "1 image" if count == 1 else f"{count:,} images"


def _were_judged(count: int) -> str:
    were, them = ("was", "it") if count == 1 else ("were", "them")
    return f"{count:,} {were} judged by other settings: the next ingest judges {them}"


def print_rows(rows: Sequence[Refused], at_most: int) -> None:
    """One line an image."""
    console = open_screen()
    table = Table(Column("id", no_wrap=True), Column("reason", no_wrap=True), "name", "detail", box=None)
    for each in rows[:at_most]:
        table.add_row(each.id, each.reason, escape(ascii(each.name)[1:-1]), escape(each.told))
    print_table(console, table)
    if len(rows) > at_most:
        console.print(f"and {len(rows) - at_most:,} more: --at-most")
