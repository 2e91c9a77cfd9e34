"""The command line: parse, one call, an exit code. Heavy imports live inside the commands: `--help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from latentloop.demo.models import DemoModel
from latentloop.errors import RunGoesOn
from latentloop.installation.pages import Page
from latentloop.interrupts import INTERRUPTS
from latentloop.quarantine.commands import app as quarantine

if TYPE_CHECKING:
    from deploy.settings import Settings
    from latentloop.ingesting.folder_counts import FolderCounts

MOSTLY_REFUSED = 3
"""Exit code of an ingest that took in less than half of what could be an image."""


class Hearing(TyperGroup):
    """Typer ends without a word at Ctrl-C; whoever presses it is told that it was heard."""

    def invoke(self, ctx: Any) -> Any:
        """One command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            _say("latentloop: interrupted")
            raise typer.Exit(130) from error


app = typer.Typer(
    name="latentloop",
    cls=Hearing,
    help="Keeps image VAEs good in production: ingest, retrain, approve, serve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(quarantine, name="quarantine")


class Tier(StrEnum):
    """How much of the model is trained anew."""

    full = "full"
    incremental = "incremental"
    emergency = "emergency"


@app.command()
def up(
    detach: bool = typer.Option(False, "--detach", help="return as soon as everything is up"),
) -> None:
    """Start Prefect, MLflow, the controller and the service here, and keep them running."""
    from deploy.settings import load_settings
    from latentloop.installation.running import find_unheeded

    settings = load_settings()
    if changed := find_unheeded(settings):  # whoever types `up` after a change believes that it puts it in force
        _say(changed)
    if detach:
        _up_detached(settings)
        return
    from latentloop.installation.up import supervise

    try:
        supervise(settings, _say, print)
    except KeyboardInterrupt:
        _say("everything is down")


@app.command()
def down() -> None:
    """End the installation that runs from this home."""
    from deploy.settings import load_settings
    from latentloop.installation.detached import stop_detached

    print(stop_detached(load_settings(), _say))


@app.command()
def setup() -> None:
    """Bring what an installation needs once: the feature network, and the pictures of the demo."""
    from deploy.settings import load_settings
    from latentloop.assets import bring_all

    settings = load_settings()
    with _telling("setup", settings):
        bring_all(settings, _say)


@app.command()
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

    found = run_init(wishes, _say, _say if as_json else print)
    if as_json:
        print(found.model_dump_json(indent=2))


@app.command()
def doctor(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """Look at everything that can be wrong before anything is started; makes nothing. Exit code 1: `up` would fail."""
    from latentloop.doctor.examine import examine_aloud, summarise

    found = examine_aloud(_say if as_json else print)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print(summarise(found))
    if not found.starts:
        raise typer.Exit(1)


@app.command()
def deploy() -> None:
    """Register deployments, schedules and triggers on the Prefect server of the settings; `up` does it itself."""
    from deploy.settings import load_settings
    from latentloop.installation.running import connect_prefect
    from latentloop.orchestration.deployments import register_deployments

    settings = connect_prefect(load_settings())
    with _telling("deploy", settings):
        register_deployments(settings, _say)


@app.command("open")
def open_in_browser(
    page: Page = typer.Argument(..., help="runs: signed in to Prefect; registry: the versions; service: its API"),
    just_print: bool = typer.Option(False, "--print", help="print the address, open nothing"),
) -> None:
    """Open a page of the running installation in the browser."""
    from deploy.settings import load_settings
    from latentloop.installation.browser import address, open_page, where_its_word_is
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    if just_print or not open_page(settings, page, _say):
        print(address(settings, page))
        if word := where_its_word_is(settings, page):
            _say(word)


@app.command()
def status(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """One screen: what serves and since when, what waits for approval, the last verdicts."""
    from deploy.settings import load_settings
    from latentloop.installation.installed import require_installed
    from latentloop.status import print_status, read_status

    settings = require_installed(load_settings())
    found = read_status(settings)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_status(found, settings.timezone)


@app.command("settings")
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


@app.command()
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
    with _preparing():
        from deploy.settings import load_settings
        from latentloop.ingesting.command import ingest_folder
        from latentloop.installation.running import connect

        settings = connect(load_settings())
    if watch:
        _ingest_watching(settings, place, labels, every, as_json)
        return
    with _leaving():
        counts = ingest_folder(settings, place, _say, labels)
    _print_ingest(counts, as_json, settings.timezone)
    if counts.mostly_refused:
        raise typer.Exit(MOSTLY_REFUSED)


@app.command()
def retrain(
    tier: Tier = typer.Option(
        ..., "--tier", help="full: from scratch; incremental: the decoder; emergency: a new kind"
    ),
    again: bool = typer.Option(False, "--again", help="train anew although this catalogue was trained on before"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Train, evaluate, judge and register a candidate; an interrupted run of the same catalogue is continued."""
    with _preparing():
        from deploy.settings import load_settings
        from latentloop.installation.running import connect
        from latentloop.runs.retraining import print_registered, retrain_and_wait

        settings = connect(load_settings())
    with _leaving():
        registered = retrain_and_wait(settings, tier.value, again, _say)
    if as_json:
        print(registered.model_dump_json(indent=2))
    else:
        print_registered(registered)


@app.command()
def monitor(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """Judge the champion's newest traffic now: the verdicts, the report, and what is to be done."""
    with _preparing():
        from deploy.settings import load_settings
        from latentloop.installation.running import connect
        from latentloop.runs.monitoring import monitor_and_wait, print_monitored

        settings = connect(load_settings())
    with _leaving():
        found = monitor_and_wait(settings, _say)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_monitored(found)


@app.command()
def cancel(run: str = typer.Argument(..., help="id of a run, as the command that left it said")) -> None:
    """End a run of `ingest`, `retrain` or `monitor`; what it has finished stays finished."""
    from deploy.settings import load_settings
    from latentloop.installation.running import connect
    from latentloop.runs.cancelling import cancel_run

    print(cancel_run(connect(load_settings()), run, _say))


@app.command()
def register(
    folder: Path = typer.Argument(..., help="an artifact folder, with its manifest.json"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Register a version that was made elsewhere; the gate has not seen it, so approving it needs an override."""
    from deploy.settings import load_settings
    from latentloop.delivering.candidates import register_folder
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with _telling("register", settings):
        found = register_folder(settings, folder)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print(f"version {found.version}{' (registered before)' if found.known else ''}: {found.reason}")
        print(f"its page: {found.url}")


@app.command()
def override(
    version: str = typer.Argument(..., help="number of a registered version"),
    reason: str = typer.Option(..., "--reason", help="why; it goes on record"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Let a version be approved that its gate is against; counts for the digest that it has now."""
    from deploy.settings import load_settings
    from latentloop.delivering.candidates import override_version
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with _telling("override", settings):
        found = override_version(settings, version, reason)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print(f"version {found.version} ({found.digest[:12]}) may be approved: {found.reason}")
        print(f"approve it, where that was not done yet: `latentloop approve {found.version}`")


@app.command()
def approve(
    version: str = typer.Argument(..., help="number of a registered version"),
    reason: str = typer.Option("", "--reason", help="why; it goes on record"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Let a version serve: it is loaded, tried and promoted; one that was taken back is tried again."""
    from deploy.settings import load_settings
    from latentloop.delivering.approving import approve_version, print_decided
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with _telling("approve", settings):
        found = approve_version(settings, version, reason)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_decided(found)


@app.command()
def reject(
    version: str = typer.Argument(..., help="number of a registered version"),
    reason: str = typer.Option("", "--reason", help="why; it goes on record"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Say no to a version; one that is on trial is taken back."""
    from deploy.settings import load_settings
    from latentloop.delivering.approving import print_decided, reject_version
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with _telling("reject", settings):
        found = reject_version(settings, version, reason)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_decided(found)


@app.command()
def deliver(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """Take the next steps of delivery now, as far as they go, and print the running verdict."""
    from deploy.settings import load_settings
    from latentloop.delivering.steering import deliver_once, print_delivered
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with _telling("deliver", settings):
        found = deliver_once(settings)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_delivered(found)
    if found.trouble:
        _say(f"done so far, but the registry was not told: {found.trouble}")
        raise typer.Exit(1)


@app.command()
def rollback(
    reason: str = typer.Option("", "--reason", help="why; it goes on record"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Take back a running canary, or else the champion: the previous version serves again. Needs no server."""
    from deploy.settings import load_settings
    from latentloop.delivering.steering import roll_back_by_hand
    from latentloop.installation.installed import require_installed
    from latentloop.timing.began import process_began

    settings = require_installed(load_settings())
    with _telling("rollback", settings):
        found = roll_back_by_hand(settings, reason, _say, asked_at=process_began())
    if as_json:
        print(found.model_dump_json(indent=2))
        return
    print(f"{found.reason}; version {found.serves} serves (release {found.epoch})")
    if not found.published:
        _say("the object store does not answer: replicas follow as soon as the controller can publish the release")


@app.command()
def demo(
    quick: bool = typer.Option(False, "--quick", help="smaller, same chapters"),
    model: DemoModel | None = typer.Option(None, "--model", help="without --images: vae, or vqvae as `retrain`"),
    images: str | None = typer.Option(None, "--images", metavar="FOLDER", help="on your own pictures, 2,000 at least"),
    season: str | None = typer.Option(
        None, "--season", metavar="KIND,…", help="sub-folders that arrive later; without, a cluster is picked"
    ),
    json_file: Path | None = typer.Option(None, "--json", help="write the figures there"),
    report: Path = typer.Option(Path("demo-report/report.html"), help="write the report with pictures there"),
) -> None:
    """The whole story on real images, or on your own: ingest, train, approve, serve."""
    from latentloop.demo.story import run_demo
    from latentloop.demo.told import read_told

    run_demo(read_told(quick, model, images, season), json_file=json_file, report=report, say=_say)


def main() -> NoReturn:
    """Entry point: what a user can cause ends in one line on stderr and exit code 1, never in a traceback."""
    INTERRUPTS.listen()
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        print("latentloop: interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        from latentloop.system_errors import say_system_error

        print(f"latentloop: {say_system_error(error)}, then run again", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        from latentloop.known_errors import say_known_error

        if (sentence := say_known_error(error)) is None:
            raise
        print(f"latentloop: {sentence}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def _ingest_watching(settings: Settings, place: str, labels: Path | None, every_s: float, as_json: bool) -> None:
    """Ctrl-C between two looks is how it ends."""
    from latentloop.ingesting.watching import Watch, watch_folder

    with _leaving():
        try:
            watch = Watch(settings, place, _say, labels)
            watch_folder(watch, _say, lambda counts: _print_ingest(counts, as_json, settings.timezone), every_s)
        except RunGoesOn:
            raise
        except KeyboardInterrupt:
            _say("watching ended; what was packed is kept")


def _print_ingest(counts: FolderCounts, as_json: bool, zone: str | None) -> None:
    from latentloop.ingesting.words import say_counts

    print(counts.model_dump_json() if as_json else "\n".join(say_counts(counts, zone)), flush=True)


def _up_detached(told: Settings) -> None:
    """Exit code 1 when something is not up, although the rest is."""
    from latentloop.installation.addresses import addresses
    from latentloop.installation.detached import start_detached

    try:
        settings, missing = start_detached(told, _say)
    except KeyboardInterrupt:
        _say("it goes on starting: `latentloop status` shows how far it is, `latentloop down` ends it")
        raise typer.Exit(130) from None
    print(addresses(settings))
    if missing:
        _say("what is up goes on, what is not is tried again: see `latentloop status`; `latentloop down` ends it")
        raise typer.Exit(1)


@contextmanager
def _preparing() -> Iterator[None]:
    """While libraries load and settings are read: whoever leaves then is told that nothing was begun."""
    try:
        yield
    except KeyboardInterrupt as error:
        _say("latentloop: left before anything was begun")
        raise typer.Exit(130) from error


@contextmanager
def _leaving() -> Iterator[None]:
    """Whoever leaves a command is told that its run goes on; exit code 130."""
    try:
        yield
    except RunGoesOn as left:
        _say(f"latentloop: {left}")
        raise typer.Exit(130) from left


@contextmanager
def _telling(what: str, settings: Settings) -> Iterator[None]:
    """Say now and then how long it takes."""
    from latentloop.timing.telling_time import telling_time

    with telling_time(what, settings.home, _say):
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
