"""The commands of `latentloop quarantine`: parse, one call, what to print. None of them needs a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from deploy.wiring import World

app = typer.Typer(
    help="What was refused, why, and the ways out: nothing is lost.", no_args_is_help=True, add_completion=False
)
MOST_SHOWN = 1_000
NAMES = "`all`, reasons, or ids as `show` names them"


@app.command("list")
def list_refused(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """Images in quarantine by reason, since when, and which setting would let them in."""
    import json

    from latentloop.quarantine.groups import group_by_reason
    from latentloop.quarantine.screen import print_groups
    from latentloop.quarantine.state import read_refused
    from tasks.intake.pending import policy_digest

    world = _open_world()
    settings = world.settings
    groups = group_by_reason(read_refused(world), policy_digest(world), settings.input_policy.formats)
    if as_json:
        print(json.dumps([each.model_dump(mode="json") for each in groups], indent=2))
    else:
        print_groups(groups, settings.timezone)


@app.command()
def show(
    names: list[str] = typer.Argument(..., help=NAMES),
    html: Path | None = typer.Option(None, "--html", help="write a contact sheet with pictures there"),
    at_most: int = typer.Option(200, "--at-most", min=1, max=MOST_SHOWN, help="images that are shown"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Refused images one by one; with --html as pictures."""
    import json

    from latentloop.quarantine.equals import name_equals
    from latentloop.quarantine.groups import group_by_reason
    from latentloop.quarantine.screen import print_rows
    from latentloop.quarantine.sheet import write_sheet
    from latentloop.quarantine.state import choose, read_refused
    from tasks.intake.pending import policy_digest

    world = _open_world()
    settings = world.settings
    chosen = name_equals(choose(read_refused(world), names), world.catalogue)
    if html is not None:
        groups = group_by_reason(chosen, policy_digest(world), settings.input_policy.formats)
        shown = write_sheet(world, html, f"Quarantine of {settings.product}", groups, chosen, at_most)
        _say(f"{html}: {shown:,} of {len(chosen):,} images{_say_more(shown, len(chosen), len(groups))}")
    if as_json:
        shown_of_each = ("id", "name", "source", "reason", "detail", "equal_to")
        print(json.dumps([{name: getattr(each, name) for name in shown_of_each} for each in chosen], indent=2))
    elif html is None:
        print_rows(chosen, at_most)


@app.command()
def release(
    names: list[str] = typer.Argument(..., help=NAMES),
    reason: str = typer.Option(..., "--reason", help="why they are good; it goes on record"),
) -> None:
    """Let images in that you vouch for: held ones, flat ones. Never what cannot be decoded or is held out.

    Exit code 1 where none of them got in.
    """
    from latentloop.quarantine.advice import advise
    from latentloop.quarantine.state import by_segment, choose, read_refused
    from tasks.intake.vouching import release_rows

    world = _open_world()
    settings = world.settings
    chosen = choose(read_refused(world), names)
    read = [each for each in chosen if not each.unread]
    released = release_rows(world, by_segment(read), _required(reason))
    print(f"{released.accepted:,} of {len(chosen):,} images are in the catalogue now")
    for why, count in released.refused.items():
        rows = [each for each in read if each.reason == why] or read
        print(f"  {count:,} stay: {why}: {advise(why, rows, settings.input_policy.formats)}")
    _say_unread(len(chosen) - len(read))
    if not released.accepted:
        raise typer.Exit(1)


@app.command()
def rejudge(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """Judge everything in quarantine again under today's settings, now; the next ingest does it where they changed."""
    from latentloop.ingesting.words import say_taken_in
    from tasks.intake.vouching import rejudge_all

    counts = rejudge_all(_open_world())
    if as_json:
        print(counts.model_dump_json(indent=2))
        return
    print(
        f"{say_taken_in(counts.accepted, counts.converted)}, {counts.quarantined:,} refused, of "
        f"{counts.received:,} judged again"
    )
    for why, count in counts.reasons.items():
        print(f"  {count:,} stay: {why}")


@app.command()
def discard(
    names: list[str] = typer.Argument(..., help=NAMES),
    reason: str = typer.Option(..., "--reason", help="why they are given up; it goes on record"),
) -> None:
    """Give images up: they are not judged again. Their files stay in the captures."""
    from latentloop.quarantine.screen import count_images
    from latentloop.quarantine.state import by_segment, choose, read_refused
    from tasks.intake.vouching import discard_rows

    world = _open_world()
    chosen = choose(read_refused(world), names)
    read = [each for each in chosen if not each.unread]
    given_up = discard_rows(world, by_segment(read), _required(reason))
    print(f"{count_images(given_up)} {'is' if given_up == 1 else 'are'} given up")
    _say_unread(len(chosen) - len(read))


def _open_world() -> World:
    """That of an installation; NothingToDo where there is none."""
    from deploy.wiring import open_world
    from latentloop.installation.installed import require_installed

    world = open_world()
    require_installed(world.settings)
    return world


def _say_more(shown: int, of: int, reasons: int) -> str:
    """How to see those that a sheet left out; it shares its places out among the reasons."""
    if shown >= of:
        return ""
    named = "; a reason or ids in place of `all` give it to these alone" if reasons > 1 else "; ids show single ones"
    return f": `--at-most N` (up to {MOST_SHOWN:,}) shows more{named}"


def _say_unread(count: int) -> None:
    if count:
        print(f"  {count:,} stay: never read, too large; they go when their folder is ingested without them")


def _required(reason: str) -> str:
    from latentloop.errors import NothingToDo

    if not reason.strip():
        raise NothingToDo("--reason: expected a sentence that goes on record, came nothing")
    return " ".join(reason.split())[:500]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
