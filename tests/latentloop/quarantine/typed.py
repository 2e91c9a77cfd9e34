"""`latentloop quarantine` as a person types it."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from latentloop.quarantine.commands import app


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)
