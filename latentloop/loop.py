"""What the command `ingest` does: hand a folder to the deployment, follow it, read what became of the images."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from deploy.settings import Settings
from deploy.stores.ledger import Ledger
from latentloop.errors import RunFailed
from latentloop.following import Followed, expect_completed, follow, saying_changes
from latentloop.packing import pack_folder
from tasks.values import IngestCounts

Say = Callable[[str], None]

INGEST_TIMEOUT_S = 3_600.0


class FolderCounts(BaseModel):
    """What became of the images of a folder. `accepted + quarantined = received`."""

    model_config = ConfigDict(frozen=True)

    segments: int
    received: int
    accepted: int
    quarantined: int
    reasons: dict[str, int]


def ingest_folder(settings: Settings, folder: Path, say: Say) -> FolderCounts:
    """Pack the folder, run the `ingest` deployment, and count what became of exactly these segments."""
    from deploy.stores.captures import CaptureStore

    keys = pack_folder(folder, CaptureStore(settings.open_objects()), say)
    ledger, key = Ledger(settings.open_database()), _once("ingest")
    say(f"{len(keys)} segments packed; ingesting")
    with settings.open_orchestrator() as orchestrator:
        run = orchestrator.create_run("ingest/ingest", {"reason": "by hand", "key": key}, key)
        say(f"ingest run: {run.url}")
        followed = Followed(run, "ingest", key, "`latentloop ingest FOLDER` again continues it")
        lease_s, show = settings.controller.lease_s, saying_changes("ingest", say)
        state = follow(orchestrator, ledger, followed, lease_s=lease_s, timeout_s=INGEST_TIMEOUT_S, say=say, show=show)
    expect_completed(state, followed)
    return count_segments(ledger, keys)


def count_segments(ledger: Ledger, keys: list[str]) -> FolderCounts:
    """Sum the ledger's lines of these segments; a segment without one was not ingested."""
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    missing = []
    for key in keys:
        found = ledger.entries("ingest", key, limit=1)
        if not found:
            missing.append(key)
            continue
        counts = IngestCounts.model_validate_json(found[0].body)
        total.update(received=counts.received, accepted=counts.accepted, quarantined=counts.quarantined)
        reasons.update(counts.reasons)
    if missing:
        raise RunFailed(
            f"{len(missing)} of {len(keys)} segments were not ingested, the first is {missing[0]}: run it again"
        )
    return FolderCounts(
        segments=len(keys),
        received=total["received"],
        accepted=total["accepted"],
        quarantined=total["quarantined"],
        reasons=dict(reasons.most_common()),
    )


def print_ingest(counts: FolderCounts) -> None:
    """Draw the counts."""
    console = Console()
    console.print(
        f"{counts.received:,} received = {counts.accepted:,} accepted + {counts.quarantined:,} quarantined "
        f"({counts.segments} segments)"
    )
    if counts.reasons:
        table = Table("refused because", "images", box=None)
        for reason, number in counts.reasons.items():
            table.add_row(reason, f"{number:,}")
        console.print(table)


def _once(what: str) -> str:
    """A person who asks twice wants two runs; the trigger's key in the ledger keeps the work single."""
    return f"by-hand-{what}-{uuid.uuid4().hex}"
