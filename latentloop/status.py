"""`latentloop status`: one screen of what serves, what waits, and what was decided last."""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from deploy.settings import Settings
from deploy.stores.errors import StoreError
from deploy.stores.ledger import Ledger
from deploy.stores.release import ReleaseStore
from latentloop.installation import connect, read_installation

DECISIONS = ("release", "golden", "gate", "approval", "approval-refused", "override", "ingest-held")


class Slot(BaseModel):
    """One slot of the release."""

    model_config = ConfigDict(frozen=True)

    slot: str
    version: str
    digest: str


class Decision(BaseModel):
    """A line of the ledger, shortened."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    kind: str
    subject: str
    text: str


class Pending(BaseModel):
    """A version that waits for a person."""

    model_config = ConfigDict(frozen=True)

    version: str
    benchmark: str
    url: str


class Status(BaseModel):
    """Everything that the screen shows."""

    model_config = ConfigDict(frozen=True)

    running: bool
    epoch: int
    since: AwareDatetime | None
    slots: tuple[Slot, ...]
    pending: tuple[Pending, ...]
    pending_unknown: str
    decisions: tuple[Decision, ...]
    unfinished: tuple[str, ...]
    requests_last_hour: int


def read_status(settings: Settings) -> Status:
    """Read the stores; a server that is down leaves its part out and says so."""
    engine = settings.open_database()
    release, ledger = ReleaseStore(engine).read(), Ledger(engine)
    slots = tuple(
        Slot(slot=name, version=served.version, digest=served.digest)
        for name in ("champion", "canary", "shadow", "previous")
        if (served := getattr(release, name)) is not None
    )
    running = read_installation(settings.home) is not None
    pending, unknown = _pending(settings)
    return Status(
        running=running,
        epoch=release.epoch,
        since=release.changed_at,
        slots=slots,
        pending=pending,
        pending_unknown=unknown,
        decisions=_decisions(ledger),
        unfinished=tuple(each.key for each in ledger.triggers() if each.state == "running"),
        requests_last_hour=_requests_last_hour(settings),
    )


def print_status(status: Status) -> None:
    """Draw the screen."""
    console = Console()
    since = f"since {_short(status.since)}" if status.since else "nothing was released yet"
    console.print(f"[bold]release {status.epoch}[/bold] {since}, {status.requests_last_hour} requests in the last hour")
    if not status.running:
        console.print("no installation runs from this home (start one with `latentloop up`)")
    for each in status.slots:
        console.print(f"  {each.slot:<9} version {each.version}  {each.digest[:12]}")
    if status.pending_unknown:
        console.print(f"  waiting for approval: {status.pending_unknown}")
    for waiting in status.pending:
        console.print(
            f"  waiting for approval: version {waiting.version}, benchmark {waiting.benchmark}: {waiting.url}"
        )
    for key in status.unfinished:
        console.print(f"  in work: {key}")
    table = Table("when", "what", "which", "decision", title="last decisions", title_justify="left", box=None)
    for made in status.decisions:
        table.add_row(_short(made.at), made.kind, made.subject, made.text)
    console.print(table)


def _pending(settings: Settings) -> tuple[tuple[Pending, ...], str]:
    from deploy.settings import SettingsError

    try:
        registry = connect(settings).open_registry()
        if not registry.ready():
            return (), f"unknown, MLflow at {registry.url} does not answer"
        return tuple(
            Pending(
                version=each.version,
                benchmark=each.tags.get("benchmark", "?"),
                url=registry.version_url(each.version),
            )
            for each in registry.versions()
            if each.approval == "pending"
        ), ""
    except SettingsError:
        return (), "unknown, MLflow does not run"
    except StoreError as error:
        return (), f"unknown, {error}"


def _decisions(ledger: Ledger) -> tuple[Decision, ...]:
    found = [
        Decision(at=each.at, kind=each.kind, subject=each.subject, text=_sentence(each.body))
        for kind in DECISIONS
        for each in ledger.entries(kind, limit=5)
    ]
    return tuple(sorted(found, key=lambda each: each.at, reverse=True)[:10])


def _sentence(body: str) -> str:
    content = json.loads(body)
    return str(content.get("reason") or content.get("how") or "")[:160]


def _requests_last_hour(settings: Settings) -> int:
    from datetime import UTC, timedelta

    now = datetime.now(UTC)
    return settings.open_telemetry().count(now - timedelta(hours=1), now)


def _short(at: datetime | None) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""
