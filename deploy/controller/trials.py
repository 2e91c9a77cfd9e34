"""The trial that runs: which two versions, since when, and what the judges say of its pairs now.

Its beginning is a line of the ledger (kind `trial`), so a controller that is started again continues with the same
pairs. Pairs count from the beginning of the shadow on; latencies only from the stage that lets the version answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from data_checks.verdict import Verdict
from deploy.delivery.history import Fate
from deploy.delivery.steps import RunningTrial, Stage
from deploy.delivery.trial import FrechetChange, Trial, judge_canary, judge_shadow, judge_watch_period
from deploy.delivery.trial_policy import DeliveryPolicy
from deploy.record.trials import FRECHET, SETTLED, TRIAL, TrialBegun
from deploy.release import Release, ServedVersion
from deploy.stores.errors import ObjectMissing, StoreCorrupt, StoreError
from deploy.stores.objects.artifacts import fetch_reference
from deploy.stores.objects.port import ObjectStore
from deploy.stores.sql.followed_pairs import FollowedPairs, TrialPairs
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.pairs import Pairs
from deploy.stores.sql.telemetry import Telemetry

_JUDGES: Mapping[Stage, Callable[[Trial, DeliveryPolicy], Verdict]] = {
    "shadow": judge_shadow,
    "canary": judge_canary,
    "watch": judge_watch_period,
}
REST = 20  # a judgement that took a second is not made again for twenty: 5 % of one core, while it takes under 1.5 s
LONGEST_REST_S = 30.0  # however long it took: a canary that turns bad is seen soon; real time, as its cost is


@dataclass(frozen=True, slots=True)
class Standing:
    """A trial by the release row and the ledger.

    `since`: pairs count from here; `stage_since`: the present stage began; `epoch`: of the release under which the
    trial began. In the watch period `champion` is the promoted version and `candidate` the previous one.
    """

    stage: Stage
    candidate: ServedVersion
    champion: ServedVersion
    epoch: int
    since: datetime
    stage_since: datetime

    @property
    def on_trial(self) -> str:
        """The version whose fate hangs on it."""
        return self.champion.version if self.stage == "watch" else self.candidate.version

    @property
    def subject(self) -> str:
        """Its name in the ledger."""
        return f"{self.on_trial}@{self.epoch}"


def find_standing(release: Release, fates: Mapping[str, Fate], ledger: Ledger) -> Standing | None:
    """The trial that runs under this release, or None: nothing on trial, or its beginning is not recorded yet."""
    champion, candidate = release.champion, release.canary or release.shadow
    if champion is None or release.changed_at is None:
        return None
    if candidate is None:
        return _watch_period(release, fates, ledger)
    begun = _beginning(release, candidate, ledger)
    if release.canary is None:
        if begun is None or begun[0] != release.epoch:  # a champion that changed meanwhile begins another trial
            return None
        return Standing("shadow", candidate, champion, *begun, stage_since=begun[1])
    epoch, since = begun or (release.epoch, release.changed_at)
    return Standing("canary", candidate, champion, epoch, since, stage_since=release.changed_at)


def record_beginning(ledger: Ledger, release: Release, candidate: ServedVersion, now: datetime) -> None:
    """Write down that the shadow's pairs count from now on."""
    assert release.champion is not None
    begun = TrialBegun(
        digest=candidate.digest,
        champion=release.champion.version,
        champion_digest=release.champion.digest,
        epoch=release.epoch,
        since=now,
    )
    TRIAL.write(ledger, candidate.version, begun, now, key=f"{TRIAL.name}:{candidate.version}@{release.epoch}")


class Trials:
    """Reads trials and has them judged; a verdict is kept for a while when it was costly."""

    def __init__(
        self, pairs: Pairs, telemetry: Telemetry, ledger: Ledger, objects: ObjectStore, policy: DeliveryPolicy
    ) -> None:
        self._pairs, self._telemetry, self._ledger, self._objects = pairs, telemetry, ledger, objects
        self._policy = policy
        self._followed: tuple[tuple[str, str, datetime], FollowedPairs] | None = None
        self._thresholds: dict[str, float] = {}
        self._kept: tuple[str, float, Verdict] | None = None

    def judge(self, standing: Standing, now: datetime) -> RunningTrial:
        """What its judge says now; a store that is away makes no verdict, and no error: other steps go on."""
        elapsed_s = (now - standing.stage_since).total_seconds()
        try:
            verdict = self._verdict(standing, now, elapsed_s)
        except StoreError as error:
            return RunningTrial(standing.stage, standing.on_trial, elapsed_s, None, str(error))
        return RunningTrial(standing.stage, standing.on_trial, elapsed_s, verdict)

    def read(self, standing: Standing, now: datetime, elapsed_s: float) -> Trial:
        """The facts that a judge wants."""
        pairs = self._follow(standing).read()
        tried, failed = self._tries(standing, pairs)
        canary_ms, beside_ms = self._latencies(standing, now)
        return Trial(
            champion_error=pairs.champion_error[pairs.complete],
            candidate_error=pairs.candidate_error[pairs.complete],
            failures=int(np.count_nonzero(pairs.failed)),
            canary_answered=len(canary_ms),
            champion_latency_ms=beside_ms,
            canary_latency_ms=canary_ms,
            tail_threshold=self._threshold(standing.champion),
            elapsed_s=elapsed_s,
            frechet=read_frechet(self._ledger, standing),
            canary_tried=tried,
            canary_failures=failed,
        )

    def _follow(self, standing: Standing) -> FollowedPairs:
        """The pairs of this trial; those of another one are forgotten."""
        trial = (standing.candidate.version, standing.champion.version, standing.since)
        if self._followed is None or self._followed[0] != trial:
            candidate, champion, since = trial
            self._followed = (trial, self._pairs.follow(since, candidate=candidate, champion=champion))
        return self._followed[1]

    def _latencies(self, standing: Standing, now: datetime) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of the canary's answers, and, where these are too slow, of the champion's: nineteen times as many."""
        if standing.stage != "canary":
            return np.empty(0), np.empty(0)
        mine, theirs = standing.candidate.version, standing.champion.version
        canary_ms = self._telemetry.answered(standing.stage_since, now, mine).latency_ms
        if not len(canary_ms) or np.quantile(canary_ms, 0.99) <= self._policy.max_latency_p99_ms:
            return canary_ms, np.empty(0)
        return canary_ms, self._telemetry.answered(standing.stage_since, now, theirs).latency_ms

    def _tries(self, standing: Standing, pairs: TrialPairs) -> tuple[int, int]:
        """Images that the canary was to answer since it is canary, and those that it failed on.

        Who failed beside the champion failed nobody's request: the champion's answer for a canary is told from that by
        the request's id, which chose the canary.
        """
        if standing.stage != "canary":
            return 0, 0
        from deploy.serving.versions.router import request_share

        since = np.datetime64(standing.stage_since.astimezone(UTC).replace(tzinfo=None), "us")
        in_stage = pairs.at >= since
        own = in_stage & pairs.by_candidate
        share = self._policy.canary_share
        for row in np.flatnonzero(in_stage & pairs.failed & ~own):
            own[row] = request_share(pairs.request_id[row]) < share
        return int(np.count_nonzero(own)), int(np.count_nonzero(own & pairs.failed))

    def _verdict(self, standing: Standing, now: datetime, elapsed_s: float) -> Verdict:
        name = f"{standing.stage}:{standing.subject}"
        if self._kept is not None and self._kept[0] == name and time.monotonic() < self._kept[1]:
            return self._kept[2]
        began = time.monotonic()
        verdict = _JUDGES[standing.stage](self.read(standing, now, elapsed_s), self._policy)
        ended = time.monotonic()
        self._kept = (name, ended + min(REST * (ended - began), LONGEST_REST_S), verdict)
        return verdict

    def _threshold(self, champion: ServedVersion) -> float | None:
        """99th percentile of the errors of the champion's reference; None where it has none."""
        if champion.digest in self._thresholds:
            return self._thresholds[champion.digest]
        found = _reference_p99(self._objects, champion)
        if found is not None:  # one that could not be read may be there at the next look
            self._thresholds[champion.digest] = found
        return found


def read_frechet(ledger: Ledger, standing: Standing) -> FrechetChange | None:
    """The measured change of the Frechet distance, once the `deliver` flow wrote it down."""
    found = FRECHET.newest(ledger, standing.subject)
    if found is None:
        return None
    change = found.body
    return FrechetChange(value=change.value, low=change.low, high=change.high, n=change.n)


def _reference_p99(objects: ObjectStore, champion: ServedVersion) -> float | None:
    from vae_core.errors import ArtifactError

    try:
        return fetch_reference(objects, champion.artifact, champion.digest).threshold("recon_error", 0.99)
    except (StoreCorrupt, ObjectMissing, ArtifactError):
        return None


def _beginning(release: Release, candidate: ServedVersion, ledger: Ledger) -> tuple[int, datetime] | None:
    """Epoch and time of this pair's trial, the newest at or before this release."""
    assert release.champion is not None
    for line in TRIAL.lines(ledger, candidate.version):
        begun = line.body
        same = (begun.digest, begun.champion_digest) == (candidate.digest, release.champion.digest)
        if same and begun.epoch <= release.epoch:
            return begun.epoch, line.at
    return None


def _watch_period(release: Release, fates: Mapping[str, Fate], ledger: Ledger) -> Standing | None:
    champion, previous = release.champion, release.previous
    fate = fates.get(champion.digest) if champion is not None else None
    if champion is None or previous is None or fate is None or fate.delivery != "promoted":
        return None
    settled = SETTLED.newest(ledger, champion.version)
    if settled is not None and settled.body.epoch >= fate.epoch:
        return None
    return Standing("watch", previous, champion, fate.epoch, fate.at, stage_since=fate.at)
