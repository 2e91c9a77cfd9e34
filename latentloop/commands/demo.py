"""The command that tells the whole story."""

from __future__ import annotations

from pathlib import Path

import typer

from latentloop.commands.manners import say
from latentloop.demo.told import DemoModel


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

    run_demo(read_told(quick, model, images, season), json_file=json_file, report=report, say=say)
