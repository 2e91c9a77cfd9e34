"""The commands that come before an installation, and need none: set-up, settings, the doctor."""

from __future__ import annotations

from pathlib import Path

import typer

from latentloop.commands.manners import say, telling


def setup() -> None:
    """Bring what an installation needs once: the feature network, and the pictures of the demo."""
    from deploy.settings import load_settings
    from latentloop.assets import bring_all

    settings = load_settings()
    with telling("setup", settings):
        bring_all(settings, say)


def init(
    place: str | None = typer.Argument(None, metavar="[FOLDER|s3://BUCKET/PREFIX]", help="pictures to look at"),
    yes: bool = typer.Option(False, "--yes", help="take what is proposed, ask nothing"),
    size: str | None = typer.Option(None, "--size", help="pixels: 64, or height x width as in 48x64"),
    channels: str | None = typer.Option(None, "--channels", help="1: grey, 3: colour"),
    fit: str | None = typer.Option(None, "--fit", help="for other sizes: pad, crop, stretch or refuse"),
    subfolders: str | None = typer.Option(None, "--subfolders", help="what they are: kind, source, date or none"),
    product: str | None = typer.Option(None, "--product", help="name of the model in the registry"),
    output: Path = typer.Option(Path("latentloop.toml"), "--output", help="where the settings go; never overwritten"),
    minutes: float | None = typer.Option(
        None, "--minutes", min=0.1, help="what network and prior may take here, for a first look; else about fifteen"
    ),
    measure: bool = typer.Option(True, "--measure/--no-measure", help="train for some seconds, to plan the budget"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Look at a folder or bucket of pictures, and write the settings that fit them; without one, the defaults."""
    from latentloop.init.wishes import read_wishes

    wishes = read_wishes(
        place,
        {"size": size, "channels": channels, "fit": fit, "subfolders": subfolders, "product": product},
        output,
        asks=not yes and place is not None,
        trial_s=8.0 if measure else 0.0,
        minutes=minutes,
    )
    from latentloop.init.story import run_init

    found = run_init(wishes, say, say if as_json else print)
    if as_json:
        print(found.model_dump_json(indent=2))


def doctor(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """Look at everything that can be wrong before anything is started; makes nothing. Exit code 1: `up` would fail."""
    from latentloop.doctor.examine import examine_aloud, summarise

    found = examine_aloud(say if as_json else print)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print(summarise(found))
    if not found.starts:
        raise typer.Exit(1)


def show_settings(
    names: list[str] = typer.Argument(None, help="tables or settings, such as training.full; all where none is named"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
    defaults: bool = typer.Option(False, "--defaults", help="what a settings file may say, with the defaults"),
) -> None:
    """Every value in force: where it came from, its unit, what it is. Secrets are masked."""
    from deploy.settings import load_settings
    from latentloop.settings.report import choose_tables, report_defaults, report_in_force
    from latentloop.settings.screen import print_defaults, print_in_force

    settings = None if defaults else load_settings()
    tables = choose_tables(settings, names or ())
    report = report_defaults(tables) if settings is None else report_in_force(settings, tables)
    if as_json:
        print(report.model_dump_json(indent=2))
    elif settings is None:
        print_defaults(tables)
    else:
        print_in_force(report, tables)
