"""The commands that bring images in, and start what learns from them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from latentloop.commands.manners import leaving, preparing, say
from latentloop.errors import RunGoesOn

if TYPE_CHECKING:
    from deploy.settings import Settings
    from latentloop.ingesting.folder_counts import FolderCounts


MOSTLY_REFUSED = 3
"""Exit code of an ingest that took in less than half of what could be an image."""


class Tier(StrEnum):
    """How much of the model is trained anew."""

    full = "full"
    incremental = "incremental"
    emergency = "emergency"


def ingest(
    place: str = typer.Argument(..., metavar="FOLDER|s3://BUCKET/PREFIX", help="where the images are"),
    labels: Path | None = typer.Option(
        None, "--labels", help="CSV or JSON lines: id, label, source, captured_at; else a labels.csv beside the images"
    ),
    watch: bool = typer.Option(False, "--watch", help="go on with what arrives, until Ctrl-C"),
    every: float = typer.Option(10.0, "--every", min=0.1, help="seconds between two looks of --watch"),
    as_json: bool = typer.Option(False, "--json", help="for scripts; with --watch one line an arrival"),
) -> None:
    """Pack the images of a folder or bucket into capture segments and run the ingest flow over them.

    What a sub-folder means is the setting intake.subfolders. Exit code 3: more than half of what could be an image was
    refused or held (not counted: what is in the catalogue already).
    """
    with preparing():
        from deploy.settings import load_settings
        from deploy.wiring import World
        from latentloop.ingesting.command import ingest_folder
        from latentloop.installation.running import connect

        settings = connect(load_settings())
    if watch:
        _ingest_watching(settings, place, labels, every, as_json)
        return
    with leaving():
        counts = ingest_folder(World(settings), place, say, labels)
    _print_ingest(counts, as_json, settings.timezone)
    if counts.mostly_refused:
        raise typer.Exit(MOSTLY_REFUSED)


def _ingest_watching(settings: Settings, place: str, labels: Path | None, every_s: float, as_json: bool) -> None:
    """Ctrl-C between two looks is how it ends."""
    from deploy.wiring import World
    from latentloop.ingesting.watching import Watch, watch_folder

    with leaving():
        try:
            watch = Watch(World(settings), place, say, labels)
            watch_folder(watch, say, lambda counts: _print_ingest(counts, as_json, settings.timezone), every_s)
        except RunGoesOn:
            raise
        except KeyboardInterrupt:
            say("watching ended; what was packed is kept")


def _print_ingest(counts: FolderCounts, as_json: bool, zone: str | None) -> None:
    from latentloop.ingesting.words import say_counts

    print(counts.model_dump_json() if as_json else "\n".join(say_counts(counts, zone)), flush=True)


def retrain(
    tier: Tier = typer.Option(
        ..., "--tier", help="full: from scratch; incremental: the decoder; emergency: a new kind"
    ),
    again: bool = typer.Option(False, "--again", help="train anew although this catalogue was trained on before"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Train, evaluate, judge and register a candidate; an interrupted run of the same catalogue is continued."""
    with preparing():
        from deploy.settings import load_settings
        from deploy.wiring import World
        from latentloop.installation.running import connect
        from latentloop.runs.retraining import print_registered, retrain_and_wait

        settings = connect(load_settings())
    with leaving():
        registered = retrain_and_wait(World(settings), tier.value, again, say)
    if as_json:
        print(registered.model_dump_json(indent=2))
    else:
        print_registered(registered)


def monitor(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """Judge the champion's newest traffic now: the verdicts, the report, and what is to be done."""
    with preparing():
        from deploy.settings import load_settings
        from deploy.wiring import World
        from latentloop.installation.running import connect
        from latentloop.runs.monitoring import monitor_and_wait, print_monitored

        settings = connect(load_settings())
    with leaving():
        found = monitor_and_wait(World(settings), say)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_monitored(found)


def cancel(
    run: str = typer.Argument(
        ..., help="id of a run, as the command that left it said, or the key that `status` shows"
    ),
) -> None:
    """End a run of `ingest`, `retrain` or `monitor`; what it has finished stays finished."""
    from deploy.settings import load_settings
    from deploy.wiring import World
    from latentloop.installation.running import connect
    from latentloop.runs.cancelling import cancel_run

    print(cancel_run(World(connect(load_settings())), run, say))
