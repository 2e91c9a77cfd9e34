"""The monitor's steps: fix the window, judge it, keep the report, leave the line that the controller acts on."""

from __future__ import annotations

import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prefect import task
from prefect.cache_policies import NO_CACHE

from data_checks.drift.actions import RETRAINS, Action
from data_checks.shown_text import shorten
from deploy.record.drift_lines import DRIFT, DriftLine
from deploy.shown_time import in_zone, show_time
from deploy.wiring import World
from tasks.drift_values import FoundKind, JudgedTraffic, MonitorPlan, StoredSnapshot
from tasks.run.steps import finish_step, finished_step

if TYPE_CHECKING:
    from data_checks.drift.triage_facts import Latency
    from data_checks.drift.window import Window
    from data_checks.kinds.new_kind import NewKind
    from data_checks.sample import Sample

SEED = 0
FEWEST_LATENCIES = 100
OLDEST_DAYS = 30  # traffic from before says nothing of today


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def plan_monitor(world: World, key: str, reason: str) -> MonitorPlan:
    """Fix the champion and the moments between which its traffic is judged: never from before it served."""
    if (kept := finished_step(world.objects, key, "monitor-plan", MonitorPlan)) is not None:
        return kept
    from deploy.record.history import read_fates
    from deploy.record.traffic import serving_since

    release, until = world.releases.read(), world.now()
    promoted_at = serving_since(release, read_fates(world.ledger))
    oldest = until - timedelta(days=OLDEST_DAYS)
    plan = MonitorPlan(
        key=key,
        reason=reason,
        champion=release.champion,
        since=max(promoted_at, oldest) if promoted_at else oldest,
        until=until,
        promoted_at=promoted_at,
        previous_exists=release.previous is not None,
    )
    return finish_step(world.objects, key, "monitor-plan", plan)


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def judge_traffic(world: World, plan: MonitorPlan) -> JudgedTraffic:
    """All judges over the window, the new kind in it, and what triage makes of them."""
    if (kept := finished_step(world.objects, plan.key, "monitor-judged", JudgedTraffic)) is not None:
        return kept
    from data_checks.drift.found_images import measure_found
    from data_checks.drift.judge import judge_window
    from data_checks.drift.triage import Circumstances, triage
    from data_checks.kinds.new_kind import find_new_kind

    policy = world.settings.drift.compressed(world.settings.clock_factor)
    window, reference = read_traffic(world, plan)
    judgement = judge_window(window, reference, policy)
    kind = found = None
    if reference is not None and len(window.sample) and window.sample.of_one_model(reference):
        kind = find_new_kind(window.sample, reference, world.settings.new_kind, seed=SEED)
        if kind is not None:
            found = measure_found(window.sample, reference, kind.indices, seed=SEED)
    circumstances = Circumstances(
        new_kind=kind,
        promoted_s_ago=(plan.until - plan.promoted_at).total_seconds() if plan.promoted_at else None,
        previous_exists=plan.previous_exists,
        latency=_latency(world, plan),
        found=found,
    )
    decided = triage(judgement, circumstances, policy)
    judged = JudgedTraffic(
        n=len(window.sample),
        received=window.received,
        verdicts=dict(judgement.verdicts),
        new_kind=_found(kind, len(window.sample)) if kind is not None else None,
        action=decided.action,
        reason=decided.reason,
        also=tuple((each.action, each.reason) for each in decided.also),
    )
    return finish_step(world.objects, plan.key, "monitor-judged", judged)


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def store_snapshot(world: World, plan: MonitorPlan, judged: JudgedTraffic) -> StoredSnapshot:
    """One Evidently run with our judges in it; kept in the object store, in the workspace and in MLflow."""
    if (kept := finished_step(world.objects, plan.key, "monitor-snapshot", StoredSnapshot)) is not None:
        return kept
    from data_checks.drift.report import run_drift_report, save_to_workspace

    window, reference = read_traffic(world, plan)
    report = run_drift_report(
        window.sample,
        reference,
        judged.verdicts,
        name=f"{world.settings.product}: {plan.reason}",
        at=in_zone(plan.until, world.settings.timezone),
        seed=SEED,
    )
    world.objects.put(f"snapshots/{report.snapshot_id}/snapshot.json", report.snapshot_json)
    world.objects.put(f"snapshots/{report.snapshot_id}/report.html", report.html)
    save_to_workspace(world.settings.home / "evidently", world.settings.product, report)
    stored = StoredSnapshot(
        snapshot=report.snapshot_id,
        url=_show_in_mlflow(world, plan, report.html, report.snapshot_json),
        failed=report.failed,
        stock_verdict=report.stock_verdict,
    )
    return finish_step(world.objects, plan.key, "monitor-snapshot", stored)


@task(cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def record_drift(world: World, plan: MonitorPlan, judged: JudgedTraffic, snapshot: StoredSnapshot) -> DriftLine:
    """The line in the ledger, and the same as a page in Prefect's UI."""
    from prefect.artifacts import create_markdown_artifact

    line = write_drift_line(world, plan, judged, snapshot)
    create_markdown_artifact(_words(line, judged, snapshot), key="monitor", description=shorten(line.reason, 500))
    return line


def write_drift_line(world: World, plan: MonitorPlan, judged: JudgedTraffic, snapshot: StoredSnapshot) -> DriftLine:
    """Once a run; a retraining that drift asked for lately on this champion is not asked for twice."""
    ledger = world.ledger
    champion = plan.champion.version if plan.champion else ""
    decided = _decide_line(world, plan, judged, snapshot, champion)
    DRIFT.write(ledger, champion, decided, world.now(), key=f"{DRIFT.name}:{plan.key}")
    # as it was written, now or before this flow started again
    (written,) = [each for each in DRIFT.lines(ledger, champion) if each.key == f"{DRIFT.name}:{plan.key}"]
    return written.body


def _decide_line(
    world: World, plan: MonitorPlan, judged: JudgedTraffic, snapshot: StoredSnapshot, champion: str
) -> DriftLine:
    action: Action | Literal["wait"] = judged.action
    reason, key, needed, kind = judged.reason, plan.key, 0, judged.new_kind
    if action in RETRAINS:
        if (standing := _standing_retrain(world, champion)) is not None:
            action, reason = "wait", f"{standing} is under way or was just done for this champion; seen again: {reason}"
        else:
            key = f"drift-{action}-version-{champion}-{plan.key}"
            if action == "emergency":
                # where no cluster can be named yet, as many images of the traffic as it is: by then one may be
                needed = max(0, world.settings.drift.new_images_needed - (kind.found if kind else 0))
    return DriftLine(
        key=key,
        champion=champion,
        digest=plan.champion.digest if plan.champion else "",
        action=action,
        reason=reason,
        also=judged.also,
        snapshot=snapshot.snapshot,
        url=snapshot.url,
        failed=snapshot.failed,
        new_share=kind.share if kind else 0.0,
        new_share_low=kind.recent_share_low if kind else float(judged.action == "emergency"),
        needed_images=needed,
        window_since=plan.until,
        at=world.now(),
    )


def _standing_retrain(world: World, champion: str) -> str | None:
    """The retraining that drift asked for on this champion within the cooldown: one drift, one retraining."""
    cooldown = timedelta(seconds=world.settings.drift.compressed(world.settings.clock_factor).cooldown_s)
    for each in DRIFT.lines(world.ledger, champion):
        line = each.readable
        if line is not None and line.action in RETRAINS and world.now() - each.at < cooldown:
            return line.key
    return None


def read_traffic(world: World, plan: MonitorPlan) -> tuple[Window, Sample | None]:
    """The window and what it is judged against; what completed the reference is not in the window."""
    from deploy.controller.yardstick import read_yardstick
    from deploy.record.traffic import read_window

    def read() -> tuple[Window, Sample | None]:
        telemetry, drift = world.telemetry, world.settings.drift
        if plan.champion is None:
            return read_window(telemetry, "", plan.since, plan.until, drift.window_images), None
        yardstick = read_yardstick(world.objects, telemetry, plan.champion, plan.since, plan.until, drift)
        since = plan.since if yardstick is None else yardstick.since
        window = read_window(telemetry, plan.champion.version, since, plan.until, drift.window_images)
        return window, None if yardstick is None else yardstick.sample

    return world.read_once(f"traffic of {plan.key}", read)


def _found(kind: NewKind, n: int) -> FoundKind:
    """How many of the found images are truly new, and how often they come lately.

    The older part of the window may be from before they came at all.
    """
    from data_checks.statistics.rates import measure_rate

    recent = min(n, 500)
    lately = int((kind.indices >= n - recent).sum())
    low = measure_rate(lately, recent, confidence=0.95).low
    return FoundKind(
        found=int(kind.purity * kind.distinct),
        share=kind.share,
        recent_share_low=kind.purity * low,
        purity=kind.purity,
        error_ratio=kind.error_ratio,
    )


def _latency(world: World, plan: MonitorPlan) -> Latency | None:
    """Of the last hour at most; None where too few were answered to speak of a 99th percentile."""
    import numpy as np

    from data_checks.drift.triage_facts import Latency

    if plan.champion is None:
        return None
    since = max(plan.since, plan.until - timedelta(hours=1))
    latency_ms = world.telemetry.answered(since, plan.until, plan.champion.version).latency_ms
    if len(latency_ms) < FEWEST_LATENCIES:
        return None
    return Latency(float(np.percentile(latency_ms, 99)), world.settings.delivery.max_latency_p99_ms)


def _show_in_mlflow(world: World, plan: MonitorPlan, html: bytes, snapshot: bytes) -> str:
    """The address where a person opens the report; a registry that is away costs the copy there, not the decision."""
    from deploy.stores.errors import StoreError

    registry = world.registry
    shown = show_time(plan.until, world.settings.timezone, seconds=False)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "report.html").write_bytes(html)
        (folder / "snapshot.json").write_bytes(snapshot)
        try:
            run_id = registry.ensure_run(plan.key, f"monitor {shown}", {"reason": plan.reason})
            registry.log_files(run_id, folder)
            registry.finish_run(run_id)
            return registry.run_file_url(run_id, "report.html")
        except StoreError as error:
            print(f"the report is in the object store only: {error}")
            return ""


def _words(line: DriftLine, judged: JudgedTraffic, snapshot: StoredSnapshot) -> str:
    rows = "\n".join(f"| {name} | {each.phase} | {each.reason} |" for name, each in judged.verdicts.items())
    also = "".join(f"\n\nalso **{action}**: {reason}" for action, reason in line.also)
    return (
        f"**{line.action}**: {line.reason}{also}\n\n[report]({snapshot.url})\n\n"
        f"| judge | verdict | reason |\n|---|---|---|\n{rows}\n\n"
        f"Evidently's own verdict, shown and not acted on: {snapshot.stock_verdict}\n\n"
        f"`{json.dumps({'answered': judged.n, 'received': judged.received})}`"
    )
