"""A folder is ingested by the real tasks; only the deployment is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.wiring import World
from latentloop.ingesting.command import ingest_folder
from latentloop.ingesting.folder_counts import FolderCounts
from tests.tasks.arrivals import ingest
from tests.tasks.opened import opened

Say = Callable[[str], None]


def run_tasks(world: World, waiting: Sequence[str], say: Say) -> None:
    ingest()


def ingested(inbox: Path, said: list[str] | None = None) -> FolderCounts:
    return ingest_folder(opened(), inbox, (said if said is not None else []).append, run=run_tasks)
