"""The commands that decide about versions: register, override, approve, reject, deliver, roll back."""

from __future__ import annotations

from pathlib import Path

import typer

from latentloop.commands.manners import say, telling


def register(
    folder: Path = typer.Argument(..., help="an artifact folder, with its manifest.json"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Register a version that was made elsewhere; the gate has not seen it, so approving it needs an override."""
    from deploy.settings import load_settings
    from deploy.wiring import World
    from latentloop.delivering.candidates import register_folder
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with telling("register", settings):
        found = register_folder(World(settings), folder)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print(f"version {found.version}{' (registered before)' if found.known else ''}: {found.reason}")
        print(f"its page: {found.url}")


def override(
    version: str = typer.Argument(..., help="number of a registered version"),
    reason: str = typer.Option(..., "--reason", help="why; it goes on record"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Let a version be approved that its gate is against; counts for the digest that it has now."""
    from deploy.settings import load_settings
    from deploy.wiring import World
    from latentloop.delivering.candidates import override_version
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with telling("override", settings):
        found = override_version(World(settings), version, reason)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print(f"version {found.version} ({found.digest[:12]}) may be approved: {found.reason}")
        print(f"approve it, where that was not done yet: `latentloop approve {found.version}`")


def approve(
    version: str = typer.Argument(..., help="number of a registered version"),
    reason: str = typer.Option("", "--reason", help="why; it goes on record"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Let a version serve: it is loaded, tried and promoted; one that was taken back is tried again."""
    from deploy.settings import load_settings
    from deploy.wiring import World
    from latentloop.delivering.approving import approve_version, print_decided
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with telling("approve", settings):
        found = approve_version(World(settings), version, reason)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_decided(found)


def reject(
    version: str = typer.Argument(..., help="number of a registered version"),
    reason: str = typer.Option("", "--reason", help="why; it goes on record"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Say no to a version; one that is on trial is taken back."""
    from deploy.settings import load_settings
    from deploy.wiring import World
    from latentloop.delivering.approving import print_decided, reject_version
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with telling("reject", settings):
        found = reject_version(World(settings), version, reason)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_decided(found)


def deliver(as_json: bool = typer.Option(False, "--json", help="for scripts")) -> None:
    """Take the next steps of delivery now, as far as they go, and print the running verdict."""
    from deploy.settings import load_settings
    from latentloop.delivering.steering import deliver_once, print_delivered
    from latentloop.installation.running import connect

    settings = connect(load_settings())
    with telling("deliver", settings):
        found = deliver_once(settings)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        print_delivered(found)
    if found.trouble:
        say(f"done so far, but the registry was not told: {found.trouble}")
        raise typer.Exit(1)


def rollback(
    reason: str = typer.Option("", "--reason", help="why; it goes on record"),
    as_json: bool = typer.Option(False, "--json", help="for scripts"),
) -> None:
    """Take back a running canary, or else the champion: the previous version serves again. Needs no server."""
    from deploy.settings import load_settings
    from deploy.wiring import World
    from latentloop.delivering.steering import roll_back_by_hand
    from latentloop.installation.installed import require_installed
    from latentloop.timing.began import process_began

    settings = require_installed(load_settings())
    with telling("rollback", settings):
        found = roll_back_by_hand(World(settings), reason, say, asked_at=process_began())
    if as_json:
        print(found.model_dump_json(indent=2))
        return
    print(f"{found.reason}; version {found.serves} serves (release {found.epoch})")
    if not found.published:
        say("the object store does not answer: replicas follow as soon as the controller can publish the release")
