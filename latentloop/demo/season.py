"""Chapter four: new kinds arrive; the product notices, retrains by itself, asks, tries and promotes.

Of somebody's own pictures it need not notice within the season: then the demo asks for the emergency by its command.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from deploy.record.drift_lines import DRIFT, DRIFT_EVENT, DriftLine
from deploy.record.kind import Body, Kind, Line
from deploy.record.verdicts import ALARM
from deploy.stores.sql.ledger import Ledger
from latentloop.demo.approval import approve_as_the_ui_does
from latentloop.demo.noticing import find_noticed
from latentloop.demo.telling import Chapter, Story, expect
from latentloop.demo.traffic import Client, Traffic
from latentloop.errors import DemoFailed
from latentloop.runs.progress import ProgressLines
from latentloop.runs.retraining import retrain_and_wait
from tasks.dataset.images import WINDOW_STEP
from tasks.run.steps import finished_step
from tasks.values import Registered, WindowSelection

MOST_REQUESTS = 12_000
MOST_SECONDS = 600.0  # the demo's watchdog is stricter; this one says what was waited for
STRETCH = 50
DRIFT_PAGE = "drift.html"
BY_HAND = "latentloop retrain --tier emergency"


@dataclass(slots=True)
class _Ledger:
    """New lines of the ledger since the season began."""

    ledger: Ledger
    since: datetime

    def first(self, kind: Kind[Body]) -> Line[Body] | None:
        """The oldest line of a kind."""
        found = [each for each in kind.lines(self.ledger) if each.at >= self.since]
        return found[-1] if found else None


def season_changes(story: Story, chapter: Chapter) -> None:
    """Until the emergency tier has registered its candidate."""
    assert story.settings.service_url is not None
    ledger = story.world.ledger
    story.figures["false_alarms_before_drift"] = len(ALARM.lines(ledger))
    lines = _Ledger(ledger, datetime.now(UTC))
    season = Traffic()
    with Client(story.settings.service_url, story.say) as client:

        def send(until: Callable[[], bool], what: str) -> bool:
            began, most = time.monotonic(), story.supply.most_season

            def over() -> bool:
                limit_s = MOST_SECONDS if most is None or season.sent < most else story.scale.patience_s
                return until() or time.monotonic() - began > limit_s

            client.send(story.supply.season(), season, until=over, at_most=MOST_REQUESTS)
            came = until()
            expect(came or most is not None, f"{what} within {MOST_REQUESTS:,} requests and {MOST_SECONDS:.0f} s")
            return came

        what = "new kinds noticed, not black frames alone,"
        noticed = send(lambda: find_noticed(ledger, lines.since) is not None, what)
        story.season_noticed_at, detected = time.monotonic(), season.sent
        if noticed:
            story.detected_by = find_noticed(ledger, lines.since) or ""
            story.say(f"new kinds noticed after {detected:,} requests of the season: {story.detected_by}")
            send(lambda: lines.first(DRIFT_EVENT) is not None, "the event that starts the emergency tier")
    drift = _retraining(ledger, lines)
    story.figures |= {
        "requests_to_detection": detected if noticed else None,
        "recon_error_during_old": float(np.mean(season.recon_error["old"])),
        "recon_error_during_new": float(np.mean(season.recon_error["new"])),
    }
    story.traffic.add(season)
    chapter.show("requests of the season", f"{season.sent:,}, {season.failed} failed")
    chapter.show("black frames refused", f"{season.refused['low_variance']:,} of {season.black_sent:,}")
    if noticed:
        chapter.show("new kinds noticed after", f"{detected:,} requests")
        chapter.show("noticed by", story.detected_by)
    chapter.show("recon_error, old and new kinds", _old_new(season))
    by_itself = drift is not None and (drift.action == "emergency" or story.supply.most_season is None)
    story.figures["noticed_by_itself"] = float(by_itself)
    if drift is not None:
        _show_drift(story, chapter, drift)
    registered, why = None, "no emergency was started by itself within the season"
    if drift is not None and by_itself:
        story.say(f"{drift.key}: the event was emitted; waiting for the emergency tier")
        registered, key = await_candidate(story, ledger, drift.key), drift.key
        why = "the emergency that was started by itself learnt nothing"
    if registered is None:
        chapter.show("noticed by itself", f"no: {why}, so it was asked for by hand, `{BY_HAND}`")
        story.say(f"{why}: `{BY_HAND}`")
        story.figures["noticed_by_itself"] = 0.0
        registered = retrain_and_wait(story.world, "emergency", False, story.say)
        key = story.world.registry.version(registered.version).tags["latentloop.trigger"]
    story.versions["emergency"] = registered
    chapter.show("candidate", f"version {registered.version}, benchmark {registered.benchmark}")
    chapter.show("gate", registered.reason)
    _show_new_kind(story, chapter, key)
    expect(registered.benchmark == "passed", f"a candidate that passes its gate, came: {registered.reason}")


def candidate_is_tried(story: Story, chapter: Chapter) -> None:
    """Approval, shadow, canary, promotion, on the season's traffic."""
    version, began = story.versions["emergency"].version, time.monotonic()
    releases = story.world.releases
    approve_as_the_ui_does(story.settings, version)
    traffic, canary_from = Traffic(), 0
    with Client(story.settings.service_url or "", story.say) as client:
        while (release := releases.read()).champion is None or release.champion.version != version:
            if time.monotonic() - began > MOST_SECONDS or _taken_back(story, version):
                raise DemoFailed(f"expected version {version} to be promoted, came {_fate(story, version)}")
            if release.canary is not None and not canary_from:
                canary_from = traffic.sent
                story.say(f"canary after {canary_from:,} requests in the shadow")
            client.send(story.supply.season(), traffic, at_most=STRETCH)
    story.traffic.add(traffic)
    story.figures |= {
        "alarm_to_promotion_s": time.monotonic() - story.season_noticed_at,
        "canary_requests_to_promotion": traffic.sent - canary_from,
    }
    answered = ", ".join(f"version {name}: {count:,}" for name, count in sorted(traffic.versions.items()))
    chapter.show("requests in the shadow", f"{canary_from:,}")
    chapter.show("requests in the canary", f"{traffic.sent - canary_from:,}, {traffic.failed} failed")
    chapter.show("answered by", answered)
    chapter.show("why promoted", release.reason)
    expect(traffic.failed == 0, f"0 failed requests, came {traffic.failed}: {traffic.first_failure}")


def _show_drift(story: Story, chapter: Chapter, drift: DriftLine) -> None:
    chapter.show("triage", f"{drift.action}: {drift.reason}")
    for action, reason in drift.also:
        chapter.show(f"also: {action}", reason)
    story.pages[DRIFT_PAGE] = story.world.objects.get(f"snapshots/{drift.snapshot}/report.html").data
    chapter.show("Evidently report", DRIFT_PAGE)
    chapter.show("its failed tests", ", ".join(drift.failed))


def _retraining(ledger: Ledger, lines: _Ledger) -> DriftLine | None:
    """The drift line behind the first event of the season, if there was one."""
    event = lines.first(DRIFT_EVENT)
    if event is None:
        return None
    for record in (each.body for each in DRIFT.lines(ledger)):
        if record.key == event.body.key:
            return record
    raise DemoFailed(f"expected the drift line behind the event {event.body.key}")


def await_candidate(story: Story, ledger: Ledger, key: str) -> Registered | None:
    """What the trigger brought; None for one that learnt nothing from somebody's own pictures, whose reason is said."""
    objects, began, lines = story.world.objects, time.monotonic(), ProgressLines(story.say)
    while time.monotonic() - began < MOST_SECONDS:
        if (registered := finished_step(objects, key, "registered", Registered)) is not None:
            return registered
        lines.look(objects, key)
        story.tend()
        time.sleep(0.5)
        trigger = ledger.get_trigger(key)
        if trigger is not None and trigger.state == "failed":
            expect(story.supply.most_season is not None, f"a candidate of {key}, came: {trigger.result}")
            story.say(f"{key}: {trigger.result}")
            return None
    trigger = ledger.get_trigger(key)
    raise DemoFailed(
        f"expected a candidate of {key} within {MOST_SECONDS:.0f} s, the trigger is "
        f"{'not claimed' if trigger is None else trigger.state}; see {story.settings.home}/logs/worker-gpu.log"
    )


def _show_new_kind(story: Story, chapter: Chapter, key: str) -> None:
    """How well the images that were found without labels agree with the classes that only the demo knows."""
    selection = finished_step(story.world.objects, key, WINDOW_STEP, WindowSelection)
    assert selection is not None
    # the window is the newest stretch of what was sent
    window = list(story.supply.kinds.items())[-selection.n :]
    truly = {digest for digest, kind in window if kind == "new"}
    if selection.found is None or selection.found.is_whole_window:
        story.figures |= {"new_kind_precision": None, "new_kind_recall": None}
        told = (
            f"in no cluster: the newest {selection.n:,} images as a whole take its place; {len(truly):,} are truly new"
        )
        chapter.show("new kind, found without labels", told)
        return
    found = set(selection.new_kind)
    story.figures |= {
        "new_kind_precision": len(found & truly) / max(1, len(found)),
        "new_kind_recall": len(found & truly) / max(1, len(truly)),
    }
    chapter.show(
        "new kind, found without labels",
        f"{len(found):,} of {selection.n:,} images; {len(found & truly):,} are truly new, {len(truly):,} came",
    )


def _taken_back(story: Story, version: str) -> bool:
    tags = story.world.registry.version(version).tags
    return tags.get("delivery") in {"rolled_back", "refused"}


def _fate(story: Story, version: str) -> str:
    tags = story.world.registry.version(version).tags
    return f"{tags.get('delivery') or 'waiting'}: {tags.get('delivery_reason') or 'no reason yet'}"


def _old_new(traffic: Traffic) -> str:
    return " and ".join(
        f"{np.mean(traffic.recon_error[kind]):.5f} (n={len(traffic.recon_error[kind]):,})" for kind in ("old", "new")
    )
