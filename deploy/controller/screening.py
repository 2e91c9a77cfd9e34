"""The cheap screening: every few hundred requests of the champion, has its traffic left what it was accepted on?

A suspicion is a line in the ledger (kind `alarm`) before it is a run, so a kill or an orchestrator that is away loses
none, and one suspicion makes one run of the `monitor` flow, and another one where that died. What was looked at last
is memory only: a controller that is started again looks once more, and the cooldown is read from the ledger.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from data_checks.drift.policy import DriftPolicy
from data_checks.drift.screening import judge_screening
from data_checks.verdict import Verdict
from deploy.controller.neighbours import Neighbours
from deploy.controller.retries import AskedAgain, Job, Retries, read_asked_again, retry_dead
from deploy.controller.yardstick import Yardstick, read_yardstick
from deploy.record.asked_runs import ALARM_RETRY, ALARM_RUN, AskedRun
from deploy.record.drift_lines import DRIFT, DriftLine
from deploy.record.history import read_fates
from deploy.record.kind import Line
from deploy.record.traffic import read_window, serving_since
from deploy.record.verdicts import ALARM
from deploy.release import ServedVersion
from deploy.stores.sql.ledger import Ledger

DEPLOYMENT = "monitor/monitor"
RETRIES = Retries(ALARM_RETRY, most=2)  # three runs in all; then the hourly run looks, and a person at theirs
UNDECIDED = frozenset({"none", "cannot_judge"})

_log = logging.getLogger("latentloop.controller")


class Screening:
    """Looks at the champion's newest rows when enough new ones came.

    `clock_factor` compresses the waiting of `policy`; `retry_s`, which a run has to start, is never compressed.
    """

    def __init__(
        self, world: Neighbours, policy: DriftPolicy, clock_factor: float = 1.0, retry_s: float = 600.0
    ) -> None:
        self._world, self._policy, self._retry_s = world, policy.compressed(clock_factor), retry_s
        self._looked: tuple[str, datetime] | None = None
        self._yardstick: tuple[str, Yardstick] | None = None

    def look(self, now: datetime) -> Verdict | None:
        """The verdict when it was time for one; on a suspicion the run was asked for, or will be at a later look."""
        release = self._world.releases.read()
        champion = release.champion
        since = serving_since(release, read_fates(self._world.ledger))
        if champion is None or since is None:
            return None
        self._start_monitor(champion, since, now)
        if not self._is_time(champion, since, now):
            return None
        yardstick = self._yardstick_of(champion, since, now)
        judged_since = since if yardstick is None else yardstick.since
        window = read_window(self._world.telemetry, champion.version, judged_since, now, self._policy.window_images)
        if window.received < self._policy.screening_every_requests:
            return None
        self._looked = (_name(champion, since), now)
        verdict = judge_screening(window, None if yardstick is None else yardstick.sample, self._policy)
        if verdict.failed and self._suspect(champion, since, verdict, now):
            self._start_monitor(champion, since, now)
        return verdict

    def _is_time(self, champion: ServedVersion, since: datetime, now: datetime) -> bool:
        known = self._looked is not None and self._looked[0] == _name(champion, since)
        last = self._looked[1] if known and self._looked is not None else since
        enough = self._policy.screening_every_requests
        fresh = len(self._world.telemetry.window(last, now, enough, version=champion.version))
        return fresh >= enough or (fresh > 0 and now - last >= timedelta(seconds=self._policy.screening_every_s))

    def _yardstick_of(self, champion: ServedVersion, since: datetime, now: datetime) -> Yardstick | None:
        name = _name(champion, since)
        if self._yardstick is not None and self._yardstick[0] == name:
            return self._yardstick[1]
        world = self._world
        found = read_yardstick(world.objects, world.telemetry, champion, since, now, self._policy)
        if found is not None and found.complete:  # one that could not be read may be there at the next look
            self._yardstick = (name, found)
        return found

    def _suspect(self, champion: ServedVersion, since: datetime, verdict: Verdict, now: datetime) -> bool:
        """Write the alarm down, unless one of this champion was just looked into."""
        ledger = self._world.ledger
        before = ALARM.lines(ledger, champion.version, limit=10_000)
        newest = _newest_alarm(ledger, champion, since)
        if newest is not None and now - newest.at < timedelta(seconds=self._pause_s(champion, newest)):
            return False
        # numbered: of two controllers that suspect the same, one writes the line
        key = f"suspicion-version-{champion.version}-{len(before) + 1}"
        _log.warning("%s: %s", key, verdict.reason)
        return ALARM.write(ledger, champion.version, verdict, now, key=key)

    def _pause_s(self, champion: ServedVersion, alarm: Line[Verdict]) -> float:
        """The cooldown after an alarm that led to something; a short pause after one that came too early to tell."""
        answer = _read_answer(self._world.ledger, champion.version, alarm)
        said = answer.readable if answer is not None else None
        early = said is not None and said.action in UNDECIDED
        return self._policy.suspicion_pause_s if early else self._policy.cooldown_s

    def _start_monitor(self, champion: ServedVersion, since: datetime, now: datetime) -> None:
        """The run of the champion's newest alarm: once, and again where it died before it left its line."""
        ledger = self._world.ledger
        alarm = _newest_alarm(ledger, champion, since)
        if alarm is None or alarm.key is None:
            return
        parameters = {"key": alarm.key, "reason": alarm.body.reason}
        asked = ALARM_RUN.newest(ledger, alarm.key)
        if asked is None:
            run = self._world.orchestrator.create_run(DEPLOYMENT, parameters, alarm.key)
            ALARM_RUN.write(
                ledger, alarm.key, AskedRun(run=run.id, url=run.url), now, key=f"{ALARM_RUN.name}:{alarm.key}"
            )
            _log.info("%s: asked for a monitor run: %s", alarm.key, run.url)
        elif _read_answer(ledger, champion.version, alarm) is None:
            job = Job(alarm.key, DEPLOYMENT, parameters, asked.at)
            retry_dead(self._world, job, RETRIES, self._retry_s, now)


def monitor_asked_again(ledger: Ledger, champion: ServedVersion, since: datetime) -> AskedAgain | None:
    """The run of the newest alarm, if it was asked for more than once and nobody has answered the alarm."""
    alarm = _newest_alarm(ledger, champion, since)
    if alarm is None or alarm.key is None or _read_answer(ledger, champion.version, alarm) is not None:
        return None
    trigger = ledger.get_trigger(alarm.key)
    if trigger is None or trigger.state == "running":
        return read_asked_again(ledger, alarm.key, RETRIES)
    return None


def _newest_alarm(ledger: Ledger, champion: ServedVersion, since: datetime) -> Line[Verdict] | None:
    """The newest since it serves: of before it, the number may have been another model's."""
    alarm = ALARM.newest(ledger, champion.version)
    return alarm if alarm is not None and alarm.at >= since else None


def _read_answer(ledger: Ledger, champion: str, alarm: Line[Verdict]) -> Line[DriftLine] | None:
    """The monitor's newest line of this champion, if its traffic reaches to the alarm: the hourly run looks too."""
    line = DRIFT.newest(ledger, champion)
    if line is None or line.key == f"{DRIFT.name}:{alarm.key}":
        return line
    said = line.readable
    return line if said is not None and said.window_since >= alarm.at else None


def _name(champion: ServedVersion, since: datetime) -> str:
    return f"{champion.digest}@{since.isoformat()}"
