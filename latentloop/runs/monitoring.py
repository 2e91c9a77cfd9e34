"""What the command `monitor` does: one run of the monitor flow by hand, followed to its verdicts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict
from rich.markup import escape
from rich.table import Table

from data_checks.drift.policy import DriftPolicy
from data_checks.drift.window import find_obstacle, keep_distinct
from data_checks.verdict import Verdict
from deploy.controller.yardstick import read_yardstick
from deploy.record.drift_lines import DRIFT, DriftLine
from deploy.record.history import read_fates
from deploy.record.traffic import read_window, serving_since
from deploy.stores.errors import StoreError
from deploy.stores.objects.port import ObjectStore
from deploy.stores.orchestrator import COMMAND_PATIENCE_S
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.release import ReleaseStore
from deploy.stores.sql.telemetry import Telemetry
from deploy.wiring import World
from latentloop.errors import NothingToDo, RunFailed
from latentloop.runs.following import Followed, expect_completed, follow, saying_changes
from latentloop.screen import open_screen, print_table
from latentloop.timing.telling_time import keep_duration, read_durations
from tasks.drift_values import JudgedTraffic
from tasks.run.steps import finished_step

TIMEOUT_S = 1_800.0


class Monitored(BaseModel):
    """The line that the run left for the controller, and the verdicts behind it."""

    model_config = ConfigDict(frozen=True)

    record: DriftLine
    verdicts: dict[str, Verdict]
    answered: int
    received: int


def monitor_and_wait(world: World, say: Callable[[str], None]) -> Monitored:
    """Run the deployment `monitor/monitor` and read what it found.

    NothingToDo where no version serves; RunFailed when the run ends without a line.
    """
    key = f"by-hand-monitor-{uuid.uuid4().hex}"
    settings, ledger = world.settings, world.ledger
    if obstacle := _look_ahead(world):
        say(f"{obstacle} (the run goes on: refused images are judged all the same, and its report shows what came)")
    began, before_s = time.monotonic(), read_durations(settings.home).seconds.get("monitor")
    with world.orchestrator(COMMAND_PATIENCE_S, say) as orchestrator:
        run = orchestrator.create_run("monitor/monitor", {"key": key, "reason": "by hand"}, key)
        say(f"monitor run: {run.url}")
        followed = Followed(run, "monitor", key, "`latentloop monitor` begins anew")
        lease_s, show = settings.controller.lease_s, saying_changes("monitor", say, before_s)
        state = follow(
            orchestrator, ledger, followed, lease_s=lease_s, timeout_s=TIMEOUT_S, say=say, show=show, home=settings.home
        )
    expect_completed(state, followed)
    keep_duration(settings.home, "monitor", time.monotonic() - began)
    return read_monitored(world, key, run.url)


def _look_ahead(world: World) -> str:
    try:
        return foresee_obstacle(
            world.ledger, world.releases, world.objects, world.telemetry, world.settings.drift, datetime.now(UTC)
        )
    except StoreError:  # the run says so, in its own words
        return ""


def foresee_obstacle(
    ledger: Ledger,
    releases: ReleaseStore,
    objects: ObjectStore,
    telemetry: Telemetry,
    policy: DriftPolicy,
    until: datetime,
) -> str:
    """What will keep a run from judging the champion's answered images, with both numbers; empty where nothing does.

    It takes the run's own words and its own numbers, and some milliseconds where the run takes twenty seconds.
    NothingToDo where no version serves.
    """
    release = releases.read()
    since = serving_since(release, read_fates(ledger))
    if release.champion is None or since is None:
        raise NothingToDo("no version serves yet: nothing to judge; `latentloop approve VERSION` first")
    yardstick = read_yardstick(objects, telemetry, release.champion, since, until, policy)
    if yardstick is None:
        return ""
    window = read_window(telemetry, release.champion.version, yardstick.since, until, policy.window_images)
    obstacle = find_obstacle("traffic", keep_distinct(window.sample), yardstick.sample, policy)
    return obstacle.reason if obstacle is not None else ""


def read_monitored(world: World, key: str, url: str) -> Monitored:
    """What a finished run found."""
    found = (each for each in DRIFT.lines(world.ledger, limit=1_000) if each.key == f"{DRIFT.name}:{key}")
    line = next((each.readable for each in found), None)
    judged = finished_step(world.objects, key, "monitor-judged", JudgedTraffic)
    if line is None or judged is None:
        raise RunFailed(f"monitor completed without its line in the ledger: see {url}")
    return Monitored(record=line, verdicts=judged.verdicts, answered=judged.n, received=judged.received)


def print_monitored(found: Monitored) -> None:
    """Triage first, then a row a judge."""
    console, record = open_screen(), found.record
    console.print(f"[bold]{record.action}[/bold]: {escape(record.reason)}")
    for action, reason in record.also:
        console.print(f"also {action}: {escape(reason)}")
    if record.needed_images:
        console.print(f"waits for {record.needed_images} more images, {record.new_share_low:.1%} of the answered ones")
    if record.url:
        console.print(f"report: {record.url}")
    title = f"{found.answered:,} answered of {found.received:,} received"
    table = Table("judge", "verdict", "reason", title=title, title_justify="left", box=None)
    for name, verdict in found.verdicts.items():
        table.add_row(name, verdict.phase.value, escape(verdict.reason))
    print_table(console, table)
