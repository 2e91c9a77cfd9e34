"""`latentloop status`: one screen of what serves, what waits, and what was decided last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from rich.markup import escape
from rich.table import Table

from data_checks.drift.smallest_shift import look_ahead
from data_checks.shown_text import shorten
from deploy.configuration.in_force import find_disagreement
from deploy.controller.drift import Waiting, waiting_for_images
from deploy.controller.retraining import retrainings_asked_again
from deploy.controller.retries import AskedAgain
from deploy.controller.screening import monitor_asked_again
from deploy.controller.trials import Trials, find_standing
from deploy.controller.yardstick import read_yardstick
from deploy.record.approvals import APPROVAL, APPROVAL_REFUSED, OVERRIDE, REJECTION
from deploy.record.drift_lines import DRIFT, DRIFT_ACTED, DRIFT_EVENT
from deploy.record.history import RELEASE, read_fates
from deploy.record.intake import INGEST_HELD
from deploy.record.kind import Kind, Line
from deploy.record.registered import REGISTERED
from deploy.record.registries import REGISTRY
from deploy.record.rollback import ROLLBACK
from deploy.record.traffic import serving_since
from deploy.record.trainings import RETRAIN_REFUSED, RETRAIN_SKIPPED
from deploy.record.trials import SETTLED
from deploy.record.verdicts import ALARM, GATE, GOLDEN, TRIALS
from deploy.release import Release
from deploy.shown_time import show_time
from deploy.stores.errors import StoreError
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import World
from latentloop.delivering.pending import Pending, read_pending
from latentloop.delivering.steering import TrialView, trial_lines, view_trial
from latentloop.installation.running import WAY_OUT, read_installation
from latentloop.runs.unfinished import Run, read_runs
from latentloop.screen import open_screen, print_table
from latentloop.supervisor.judging import Phase
from latentloop.supervisor.report import PartReport, read_children, say_parts

DECISIONS: tuple[Kind[Any], ...] = (
    RELEASE, REGISTRY, GOLDEN, GATE, APPROVAL, APPROVAL_REFUSED, REJECTION, OVERRIDE, REGISTERED, INGEST_HELD,
    RETRAIN_SKIPPED, RETRAIN_REFUSED, *TRIALS.values(), SETTLED, ROLLBACK,
)  # fmt: skip
LONGEST = 160  # characters of a decision
WIDEST_KEY = 24  # characters of what a decision is about
AS_ABOVE, AS_DRIFT = "as above", "as its line `drift` says"
RELEASE_IS = "a release says which versions serve"
BEGIN = (
    "nothing was decided yet: `latentloop ingest FOLDER` brings images, "
    "then `latentloop retrain --tier full` makes a version that is trained on them"
)
OF_DRIFT: tuple[Kind[Any], ...] = (ALARM, DRIFT, DRIFT_EVENT, DRIFT_ACTED)
UNREADABLE = "cannot be read: was it written by a newer Latentloop?"


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


class Traffic(BaseModel):
    """What the telemetry says; `unknown` names the reason where it does not answer."""

    model_config = ConfigDict(frozen=True)

    trial: TrialView | None = None
    waiting: tuple[Waiting, ...] = ()
    requests_last_hour: int | None = None
    unknown: str = ""


class Status(BaseModel):
    """Everything that the screen shows."""

    model_config = ConfigDict(frozen=True)

    running: bool
    settings_differ: str
    parts: tuple[PartReport, ...]
    epoch: int
    since: AwareDatetime | None
    slots: tuple[Slot, ...]
    pending: tuple[Pending, ...]
    pending_unknown: str
    other_registry: str
    trial: TrialView | None
    drift: tuple[Decision, ...]
    waiting: tuple[Waiting, ...]
    asked_again: tuple[AskedAgain, ...]
    decisions: tuple[Decision, ...]
    runs: tuple[Run, ...]
    requests_last_hour: int | None
    telemetry_unknown: str
    sight: str = ""
    begin: str = ""  # what comes next where nothing was decided yet


def read_status(world: World) -> Status:
    """Read the stores; a server that is down leaves its part out and says so."""
    settings, release, ledger = world.settings, world.releases.read(), world.ledger
    slots = tuple(
        Slot(slot=name, version=served.version, digest=served.digest)
        for name in ("champion", "canary", "shadow", "previous")
        if (served := getattr(release, name)) is not None
    )
    running = read_installation(settings.home) is not None
    registry = read_pending(settings, ledger)
    traffic = _read_traffic(world, release)
    runs = read_runs(ledger, world.objects, datetime.now(UTC))
    decisions = _lines(ledger, DECISIONS, each=5, most=10)
    return Status(
        running=running,
        settings_differ=find_disagreement(ledger, settings, WAY_OUT) if running else "",
        parts=read_children(settings.home),
        epoch=release.epoch,
        since=release.changed_at,
        slots=slots,
        pending=registry.pending,
        pending_unknown=registry.unknown,
        other_registry=registry.other_registry,
        trial=traffic.trial,
        drift=_lines(ledger, OF_DRIFT, each=2, most=5),
        waiting=traffic.waiting,
        asked_again=_asked_again(release, ledger),
        decisions=decisions,
        runs=runs,
        requests_last_hour=traffic.requests_last_hour,
        telemetry_unknown=traffic.unknown,
        sight=_sight(world, release, serving_since(release, read_fates(ledger))),
        begin="" if decisions else _begin(world, runs),
    )


def print_status(status: Status, zone: str | None) -> None:
    """Draw the screen, with its times in this zone; None: the machine's."""
    console = open_screen()
    since = f"since {_short(status.since, zone)}" if status.since else "nothing was released yet"
    requests = "unknown" if status.requests_last_hour is None else f"{status.requests_last_hour:,}"
    counted = f"{requests} {'request' if status.requests_last_hour == 1 else 'requests'}"
    console.print(f"[bold]release {status.epoch}[/bold] {since}, {counted} in the last hour; {RELEASE_IS}")
    if status.settings_differ:
        console.print(escape(status.settings_differ), highlight=False)
    if status.telemetry_unknown:
        told = f"requests, trial and images that are waited for: unknown, {status.telemetry_unknown}"
        console.print(f"  {escape(told)}", highlight=False)
    if not status.running:
        starting = "the installation of this home is being started"
        console.print(
            starting if status.parts else "no installation runs from this home (start one with `latentloop up`)"
        )
    for line in say_parts([part for part in status.parts if part.phase is not Phase.up]):
        console.print(f"  {escape(line)}", highlight=False)
    for each in status.slots:
        console.print(f"  {each.slot:<9} version {each.version}  {each.digest[:12]}")
    if status.sight:
        console.print(f"  {escape(status.sight)}", highlight=False)
    if status.other_registry:
        console.print(f"  {escape(status.other_registry)}", highlight=False)
    if status.pending_unknown:
        console.print(f"  waiting for approval: {status.pending_unknown}")
    for waiting in status.pending:
        console.print(f"  {escape(waiting.line)}", highlight=False)
    for run in status.runs:
        console.print(f"  {escape(_run_line(run, zone))}", highlight=False)
    if status.trial is not None:
        for line in trial_lines(status.trial):
            console.print(f"  {escape(line)}", highlight=False)
    for drift in status.waiting:
        console.print(
            f"  {drift.action} for drift waits: about {drift.captured} of {drift.needed} images ({drift.key})"
        )
    for again in status.asked_again:
        times = f"{again.times} of at most {again.most} times, last at {_short(again.last_at, zone)}"
        console.print(f"  asked for again, {times}: {again.trigger}, {again.url}")
    if status.drift:
        print_table(console, _table("newest screenings", status.drift, zone))
    if status.decisions:
        print_table(console, _table("last decisions", status.decisions, zone))
    else:
        console.print(escape(status.begin), highlight=False)


def _run_line(run: Run, zone: str | None) -> str:
    """Where a run stands, since when, and how it goes on."""
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    head = f"{run.standing} since {_short(run.since, zone)}{attempt}: {run.key}"
    if run.standing == "in work":
        return f"{head}, {run.progress}" if run.progress else head
    if run.standing == "cancelled":
        return f"{run.reason} since {_short(run.since, zone)}{attempt}: {run.key}; {run.goes_on}"
    return f"{head}: {run.reason or f'no sign of life from {run.owner}'}; {run.goes_on}"


def _begin(world: World, runs: Sequence[Run]) -> str:
    """What comes next where nothing was decided yet: what is in work, or the one command that is due."""
    in_work = [run.kind for run in runs if run.standing == "in work"]
    if any(kind.startswith("retrain-") for kind in in_work):
        return "nothing was decided yet: a version is being made"
    if "ingest" in in_work:
        return "nothing was decided yet: images are being taken in"
    try:
        images = world.catalogue.count_accepted()
    except StoreError as error:
        return f"nothing was decided yet; how many images the catalogue holds is unknown, {error}"
    if not images:
        return BEGIN
    has = "1 image is" if images == 1 else f"{images:,} images are"
    return f"nothing was decided yet: {has} in the catalogue, `latentloop retrain --tier full` makes a version of them"


def _table(title: str, lines: tuple[Decision, ...], zone: str | None) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("when", no_wrap=True)
    table.add_column("what", no_wrap=True)
    # a key of a run or segment would leave the sentence no room on a terminal; a pipe and `--json` have it whole
    table.add_column("which", no_wrap=True, overflow="ellipsis", max_width=WIDEST_KEY)
    table.add_column("decision", ratio=1)
    said = set[str]()
    for line in lines:
        text = line.text if line.text not in said else AS_ABOVE
        said |= {line.text} if line.text else set()
        table.add_row(_short(line.at, zone), line.kind, line.subject, escape(text))
    return table


def _read_traffic(world: World, release: Release) -> Traffic:
    try:
        telemetry, now = world.telemetry, datetime.now(UTC)
        return Traffic(
            trial=_trial(world, release),
            waiting=tuple(waiting_for_images(world.ledger, telemetry, now)),
            requests_last_hour=telemetry.count(now - timedelta(hours=1), now),
        )
    except StoreError as error:
        return Traffic(unknown=str(error))


def _trial(world: World, release: Release) -> TrialView | None:
    """Who is tried now, judged here and now with the controller's judges."""
    ledger = world.ledger
    standing = find_standing(release, read_fates(ledger), ledger)
    if standing is None:
        return None
    policy = world.settings.delivery.compressed(world.settings.clock_factor)
    trials = Trials(world.pairs, world.telemetry, ledger, world.objects, policy)
    return view_trial(standing, trials.judge(standing, datetime.now(UTC)))


def _sight(world: World, release: Release, since: datetime | None) -> str:
    """What drift of the champion's traffic could be seen at all; empty where there is none, or its store is away."""
    if release.champion is None:
        return ""
    until, drift = datetime.now(UTC), world.settings.drift
    try:
        found = read_yardstick(world.objects, world.telemetry, release.champion, since or until, until, drift)
    except StoreError as error:
        return f"what drift could be seen: unknown, {error}"
    if found is None:
        return "drift cannot be judged: the champion has no reference"
    sight = look_ahead(
        len(found.sample),
        found.sample.latent_dim,
        found.sample.own,
        drift,
        of_traffic=len(found.sample) - found.own,
    )
    return sight.describe()


def _asked_again(release: Release, ledger: Ledger) -> tuple[AskedAgain, ...]:
    """Runs because of drift that died, or that nobody picked up."""
    if release.champion is None:
        return ()
    since = serving_since(release, read_fates(ledger))
    monitor = monitor_asked_again(ledger, release.champion, since) if since is not None else None
    retrainings = retrainings_asked_again(ledger, release.champion)
    return (monitor, *retrainings) if monitor is not None else tuple(retrainings)


def _lines(ledger: Ledger, kinds: tuple[Kind[Any], ...], each: int, most: int) -> tuple[Decision, ...]:
    """The newest lines of these kinds, at most so many of each kind; the gate's and the monitor's sentence once.

    Who registers a version repeats what the gate said of it, who acts on a line of the monitor what that said.
    """
    lines = [line for kind in kinds for line in kind.lines(ledger, limit=each)]
    said = [line.readable for line in lines if line.kind is DRIFT]
    monitored = [line.reason for line in said if line is not None]
    found = [
        Decision(
            at=line.at,
            kind=line.kind.name,
            subject=line.subject,
            text=_sentence(line, () if line.kind is DRIFT else monitored),
        )
        for line in lines
    ]
    repeated = {entry.text for entry in found if entry.kind == REGISTERED.name}
    found = [entry for entry in found if entry.kind != GATE.name or entry.text not in repeated]
    return tuple(sorted(found, key=lambda entry: entry.at, reverse=True)[:most])


def _sentence(line: Line[Any], said_by_monitor: Sequence[str]) -> str:
    body = line.readable
    told = line.kind.say(body) if body is not None else UNREADABLE
    for said in sorted(filter(None, said_by_monitor), key=len, reverse=True):
        told = told.replace(said, AS_DRIFT)
    # what blocks ends with what to do about it
    return told if told.startswith("block: ") else shorten(told, LONGEST)


def _short(at: datetime | None, zone: str | None) -> str:
    return show_time(at, zone) if at else ""
