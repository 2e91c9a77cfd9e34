"""One look of the controller: gather facts, let `plan_step` decide, apply the step, until there is nothing to do.

Applying a step again is harmless: ledger rows have unique keys, the release row moves by compare-and-swap, and the
registry's tags are what the history of the row says. So a controller that is killed anywhere continues at its next
look. While the registry is away nothing is promoted, and a version that loses its trial is taken back all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from data_checks.shown_text import shorten
from data_checks.verdict import LONGEST_REASON, Phase, Verdict
from deploy.controller.candidates import read_candidate, record_approval
from deploy.controller.config import ControllerConfig
from deploy.controller.golden import try_golden
from deploy.controller.mirroring import mirror_aliases, mirror_benchmarks, mirror_fates, set_tags
from deploy.controller.neighbours import Neighbours
from deploy.controller.pixels import Pixels
from deploy.controller.trials import Standing, Trials, find_standing, record_beginning
from deploy.delivery.history import Fate
from deploy.delivery.planning import plan_step
from deploy.delivery.steps import (
    BeginTrial,
    Facts,
    LoadBeside,
    Promote,
    RecordApproval,
    Refuse,
    RollBack,
    RunningTrial,
    Settle,
    StartCanary,
    Step,
    TakeBack,
    TryGolden,
    Wait,
)
from deploy.delivery.trial_policy import DeliveryPolicy
from deploy.record.approvals import APPROVAL_REFUSED, RefusedApproval
from deploy.record.history import read_fates
from deploy.record.registries import find_other_registry, note_registry
from deploy.record.rollback import Desk, Order, undo, who
from deploy.record.taken_back import record_taken_back
from deploy.record.trials import SETTLED, Settled
from deploy.record.verdicts import GOLDEN, TRIALS
from deploy.release import Release, ServedVersion
from deploy.stores.errors import StoreCorrupt, StoreError, StoreRefused
from deploy.stores.mlflow.registry import RegisteredVersion
from deploy.stores.objects.artifacts import fetch_golden
from deploy.stores.objects.release_file import publish_release
from deploy.stores.sql.ledger import Ledger

MAX_STEPS = 50  # of one look; a plan that never ends would be our own mistake

_log = logging.getLogger("latentloop.controller")


@dataclass(frozen=True, slots=True)
class Look:
    """The steps that were taken, what is waited for, the trial that runs, and what the registry did not take or say."""

    taken: tuple[Step, ...]
    waits: str
    standing: Standing | None
    trial: RunningTrial | None
    trouble: StoreError | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """What one round of a look read."""

    release: Release
    fates: Mapping[str, Fate]
    standing: Standing | None
    facts: Facts


class Reconciler:
    """Brings the world to where the approvals want it.

    `clock_factor` compresses the waiting of `policy`; `golden_tolerance` is the largest relative deviation of a golden
    answer, the service's own.
    """

    def __init__(
        self,
        world: Neighbours,
        config: ControllerConfig,
        policy: DeliveryPolicy,
        clock: Callable[[], datetime],
        clock_factor: float = 1.0,
        *,
        golden_tolerance: float,
    ) -> None:
        self._world, self._config, self._clock = world, config, clock
        self._golden_tolerance = golden_tolerance
        self._policy = policy.compressed(clock_factor)
        self._service_away_at: datetime | None = None
        self._pixels = Pixels(world.objects)
        self._registry_is_noted = False
        self._trials = Trials(world.pairs, world.telemetry, world.ledger, world.objects, self._policy)

    def look(self) -> Look:
        """As far as it goes now; with a registry that is away, as far as it goes without it."""
        taken: list[Step] = []
        for _ in range(MAX_STEPS):
            now = self._clock()
            versions, trouble = self._versions()
            view = self._gather(versions, now)
            step = plan_step(view.facts)
            trouble = trouble or self._mirror(view, versions or [])
            if isinstance(step, Wait):
                return Look(tuple(taken), step.reason, view.standing, view.facts.trial, trouble)
            _log.info("%s", step)
            self._apply(step, view, now)
            taken.append(step)
        raise RuntimeError(f"delivery did not settle within {MAX_STEPS} steps; the last was {taken[-1]}")

    def _versions(self) -> tuple[list[RegisteredVersion] | None, StoreError | None]:
        try:
            versions = self._world.registry.versions()
            self._note_registry(versions)
        except StoreError as error:
            return None, error
        return versions, None

    def _note_registry(self, versions: list[RegisteredVersion]) -> None:
        """Once in its life: whose numbers these are, where that is not on record, and that they are another's."""
        if self._registry_is_noted:
            return
        ledger, registry = self._world.ledger, self._world.registry
        if (other := find_other_registry(ledger, registry)) != "":
            _log.warning("%s", other)
        elif versions:
            note_registry(ledger, registry, self._clock())
        self._registry_is_noted = True

    def _mirror(self, view: _View, versions: list[RegisteredVersion]) -> StoreError | None:
        """Tell the registry what happened; what it does not take must not keep a bad version in the traffic."""
        try:
            mirror_fates(self._world.registry, versions, view.fates, self._world.ledger, view.release)
            mirror_benchmarks(self._world.registry, view.facts.candidates or [])
            if versions:
                mirror_aliases(view.release, self._world.registry, {each.version: each.digest for each in versions})
        except StoreError as error:
            return error
        return None

    def _gather(self, versions: list[RegisteredVersion] | None, now: datetime) -> _View:
        world = self._world
        release, fates = world.releases.read(), read_fates(world.ledger)
        if publish_release(release, world.objects, world.signing_key):
            _log.info("published release %d", release.epoch)
        candidates = None
        if versions is not None:
            candidates = [
                read_candidate(each, fates.get(each.digest), world.ledger, world.objects) for each in versions
            ]
        standing = find_standing(release, fates, world.ledger)
        service = world.service.view()
        if not service.reachable:
            self._service_away_at = now
        facts = Facts(
            candidates=candidates,
            release=release,
            service=service,
            golden=_golden_verdicts(world.ledger, release),
            trial=self._trials.judge(standing, now) if standing is not None else None,
            waited_s=self._waited_s(release, now),
            load_timeout_s=self._config.load_timeout_s,
            comparable=self._pixels.comparable(release),
        )
        return _View(release, fates, standing, facts)

    def _waited_s(self, release: Release, now: datetime) -> float:
        """How long the service had for what the release holds; nobody loads while it is away."""
        began = [each for each in (release.changed_at, self._service_away_at) if each is not None]
        return (now - max(began)).total_seconds() if release.changed_at is not None else 0.0

    def _apply(self, step: Step, view: _View, now: datetime) -> None:
        world, release = self._world, view.release
        match step:
            case Wait():
                return
            case Refuse(version, digest, reason):
                refused = RefusedApproval(digest=digest, reason=reason)
                key = f"{APPROVAL_REFUSED.name}:{version}:{digest}:{reason}"
                APPROVAL_REFUSED.write(world.ledger, version, refused, now, key=key)
                set_tags(world.registry, version, {"delivery_reason": reason, "delivery": "refused"})
            case RecordApproval(version):
                assert view.facts.candidates is not None
                approved = next(each for each in view.facts.candidates if each.version == version)
                record_approval(world.ledger, approved, now)
            case LoadBeside(version):
                beside = " beside the champion" if release.champion is not None else ""
                reason = f"version {version.version} was approved; loading it{beside}"
                _swap(world, release, now, reason, shadow=version)
            case TryGolden(version):
                verdict = _golden_verdict(version, world, self._golden_tolerance, self._config.warmup_requests)
                subject = f"{version.version}@{release.epoch}"
                GOLDEN.write(world.ledger, subject, verdict, now, key=f"{GOLDEN.name}:{subject}")
            case BeginTrial(version):
                record_beginning(world.ledger, release, version, now)
            case StartCanary(version, reason):
                self._record_verdict(view, now)
                told = f"version {version.version} answers {self._policy.canary_share:.1%} of the requests: {reason}"
                share = self._policy.canary_share
                _swap(world, release, now, told, shadow=None, canary=version, canary_share=share)
            case Promote(version, reason):
                self._record_verdict(view, now)
                slots = {"champion": version, "previous": release.champion, "shadow": None, "canary": None}
                _swap(world, release, now, reason, **slots, canary_share=0.0)
            case TakeBack(version, reason, cause):
                self._record_verdict(view, now)
                told = f"version {version} taken back: {reason}"
                tried = release.canary or release.shadow
                assert tried is not None and tried.version == version
                record_taken_back(world.ledger, tried, release.epoch + 1, cause, told, now)
                _swap(world, release, now, told, shadow=None, canary=None, canary_share=0.0)
            case RollBack(version, reason):
                self._record_verdict(view, now)
                desk = Desk(world.releases, world.ledger, world.objects, world.signing_key)
                undo(desk, release, version, Order(who(), "watch period", reason), now)
            case Settle(version, reason):
                assert view.standing is not None
                settled = Settled(epoch=view.standing.epoch, reason=reason)
                SETTLED.write(world.ledger, version, settled, now, key=f"{SETTLED.name}:{view.standing.subject}")
            case _:
                assert_never(step)

    def _record_verdict(self, view: _View, now: datetime) -> None:
        """Keep the numbers that a step was taken on, before it is taken."""
        standing, trial = view.standing, view.facts.trial
        if standing is not None and trial is not None and trial.verdict is not None:
            key = f"verdict:{standing.stage}:{standing.subject}:{view.release.epoch}"
            TRIALS[standing.stage].write(self._world.ledger, standing.on_trial, trial.verdict, now, key=key)


def _golden_verdicts(ledger: Ledger, release: Release) -> dict[str, Verdict]:
    """Of the version in the shadow slot, since it entered the slot."""
    if release.shadow is None:
        return {}
    subject = f"{release.shadow.version}@{release.epoch}"
    found = GOLDEN.newest(ledger, subject)
    return {release.shadow.version: found.body} if found is not None else {}


def _golden_verdict(version: ServedVersion, world: Neighbours, tolerance: float, warmup_requests: int) -> Verdict:
    """Try the golden inputs; what no later look would change is a failed verdict, or the slot stayed taken for ever."""
    try:
        return try_golden(
            world.service,
            version,
            fetch_golden(world.objects, version.artifact, version.digest),
            tolerance=tolerance,
            warmup_requests=warmup_requests,
        )
    except (StoreCorrupt, StoreRefused) as error:
        reason = f"golden inputs could not be tried: {error}"
        return Verdict(phase=Phase.failed, reason=shorten(reason, LONGEST_REASON))


def _swap(world: Neighbours, release: Release, now: datetime, reason: str, **slots: object) -> None:
    wanted = release.model_copy(update={**slots, "changed_at": now, "reason": reason})
    fresh = world.releases.compare_and_swap(release.epoch, wanted)
    publish_release(fresh, world.objects, world.signing_key)
