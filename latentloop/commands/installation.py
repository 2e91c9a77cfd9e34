"""The commands of the installation itself: it comes up, goes down, is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from latentloop.commands.manners import say, telling
from latentloop.installation.pages import Page

if TYPE_CHECKING:
    from deploy.settings import Settings


def up(
    detach: bool = typer.Option(False, "--detach", help="return as soon as everything is up"),
) -> None:
    """Start Prefect, MLflow, the controller and the service here, and keep them running."""
    from deploy.settings import load_settings
    from latentloop.installation.running import find_unheeded

    settings = load_settings()
    if changed := find_unheeded(settings):  # whoever types `up` after a change believes that it puts it in force
        say(changed)
    if detach:
        _up_detached(settings)
        return
    from latentloop.installation.up import supervise

    try:
        supervise(settings, say, print)
    except KeyboardInterrupt:
        say("everything is down")


def _up_detached(told: Settings) -> None:
    """Exit code 1 when something is not up, although the rest is."""
    from latentloop.installation.addresses import addresses
    from latentloop.installation.detached import start_detached

    try:
        settings, missing = start_detached(told, say)
    except KeyboardInterrupt:
        say("it goes on starting: `latentloop status` shows how far it is, `latentloop down` ends it")
        raise typer.Exit(130) from None
    print(addresses(settings))
    if missing:
        say("what is up goes on, what is not is tried again: see `latentloop status`; `latentloop down` ends it")
        raise typer.Exit(1)


def down() -> None:
    """End the installation that runs from this home."""
    from deploy.settings import load_settings
    from latentloop.installation.detached import stop_detached

    print(stop_detached(load_settings(), say))


def deploy() -> None:
    """Register deployments, schedules and triggers on the Prefect server of the settings; `up` does it itself."""
    from deploy.settings import load_settings
    from latentloop.installation.running import connect_prefect
    from latentloop.orchestration.deployments import register_deployments

    settings = connect_prefect(load_settings())
    with telling("deploy", settings):
        register_deployments(settings, say)


def open_in_browser(
    page: Page = typer.Argument(..., help="runs: signed in to Prefect; registry: the versions; service: its API"),
    just_print: bool = typer.Option(False, "--print", help="print the address, open nothing"),
) -> None:
    """Open a page of the running installation in the browser."""
    from deploy.settings import load_settings
    from latentloop.installation.browser import address, open_page, where_its_word_is
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    if just_print or not open_page(settings, page, say):
        print(address(settings, page))
        if word := where_its_word_is(settings, page):
            say(word)


def status(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """One screen: what serves and since when, what waits for approval, the last verdicts."""
    from deploy.settings import load_settings
    from deploy.wiring import World
    from latentloop.installation.installed import require_installed
    from latentloop.status import print_status, read_status

    settings = require_installed(load_settings())
    found = read_status(World(settings))
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_status(found, settings.timezone)
