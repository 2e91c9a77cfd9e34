"""The command line: the list of its commands, and how each of them ends.

A command parses, makes one call, prints what came of it, and ends with an exit code. Heavy imports live inside the
commands: `--help` is quick.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from latentloop.commands import beginning, delivery, demo, installation, learning
from latentloop.commands.manners import Hearing
from latentloop.interrupts import INTERRUPTS
from latentloop.quarantine.commands import app as quarantine

app = typer.Typer(
    name="latentloop",
    cls=Hearing,
    help="Keeps image VAEs good in production: ingest, retrain, approve, serve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(quarantine, name="quarantine")

# in the order in which `--help` shows them
app.command()(installation.up)
app.command()(installation.down)
app.command()(beginning.setup)
app.command()(beginning.init)
app.command()(beginning.doctor)
app.command()(installation.deploy)
app.command("open")(installation.open_in_browser)
app.command()(installation.status)
app.command("settings")(beginning.show_settings)
app.command()(learning.ingest)
app.command()(learning.retrain)
app.command()(learning.monitor)
app.command()(learning.cancel)
app.command()(delivery.register)
app.command()(delivery.override)
app.command()(delivery.approve)
app.command()(delivery.reject)
app.command()(delivery.deliver)
app.command()(delivery.rollback)
app.command()(demo.demo)


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
