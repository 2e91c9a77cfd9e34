"""What all commands share: where they say something, and what whoever leaves them is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from latentloop.errors import RunGoesOn

if TYPE_CHECKING:
    from deploy.settings import Settings


def say(line: str) -> None:
    """A line for a person, beside what a script reads."""
    print(line, file=sys.stderr, flush=True)


class Hearing(TyperGroup):
    """Typer ends without a word at Ctrl-C; whoever presses it is told that it was heard."""

    def invoke(self, ctx: Any) -> Any:
        """One command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            say("latentloop: interrupted")
            raise typer.Exit(130) from error


@contextmanager
def preparing() -> Iterator[None]:
    """While libraries load and settings are read: whoever leaves then is told that nothing was begun."""
    try:
        yield
    except KeyboardInterrupt as error:
        say("latentloop: left before anything was begun")
        raise typer.Exit(130) from error


@contextmanager
def leaving() -> Iterator[None]:
    """Whoever leaves a command is told that its run goes on; exit code 130."""
    try:
        yield
    except RunGoesOn as left:
        say(f"latentloop: {left}")
        raise typer.Exit(130) from left


@contextmanager
def telling(what: str, settings: Settings) -> Iterator[None]:
    """Say now and then how long it takes."""
    from latentloop.timing.telling_time import telling_time

    with telling_time(what, settings.home, say):
        yield
