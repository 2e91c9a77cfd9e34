"""How an approved version reaches the traffic: the next step as a value.

Pure and level-triggered: the same facts give the same step, so a controller that was killed continues where the world
stands, not where its memory stood.

    approved ─> beside the champion (shadow) ─> golden inputs ─> paired trial in the shadow ─> canary ─> champion
                                                      │ no champion yet                                    │
                                                      └> champion at once              settled <─ watch period

A version that makes other pixels of an image than the champion (another size, other channels, another fit) goes the way
of a first one: errors of different images are not compared, neither in a trial nor in a watch period.
One version is on trial at a time. A newer approval supersedes a version that is still in the shadow (it answered
nobody), and waits for the end of a canary. It pauses a watch period, which goes on when the newer version is taken back
and ends with its promotion: whoever is watched has passed shadow and canary, and a remedy must not wait a day for it.
An approval of an older version than the one on trial is refused. A canary that a replica has stopped is taken back.
A version that was taken back is tried again when it is approved again; one that was shown to be worse needs an override
as well.
While the registry is away nothing moves towards the traffic, and what is bad is taken back all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from data_checks.verdict import Phase
from deploy.delivery.causes import Cause, find_cause
from deploy.delivery.next_step import say_override
from deploy.delivery.steps import (
    BeginTrial,
    Candidate,
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
from deploy.release import Release, ServedVersion

APPROVED = "approved"
SETTLED = frozenset({"promoted", "rolled_back", "refused"})


def plan_step(facts: Facts) -> Step:
    """The next step of delivery."""
    going = _continue(facts)
    if facts.candidates is None:
        safe = isinstance(going, TakeBack | RollBack | Settle)
        return going if going is not None and safe else Wait("the registry does not answer: approvals are unknown")
    if going is not None and not isinstance(going, Wait):
        return going
    waiting = find_waiting(facts.candidates, facts.release)
    if not waiting:
        return going or Wait("no approved version is waiting")
    *older, newest = waiting
    if (reason := find_objection(newest, facts.release)) is not None:  # first: what cannot count supersedes nobody
        return Refuse(newest.version, newest.digest, reason)
    if older:
        return _superseded(older[0], newest.version)
    on_trial = facts.release.canary or facts.release.shadow
    if on_trial is not None and int(newest.version) < int(on_trial.version):
        return _superseded(newest, on_trial.version)
    if newest.approved_digest is None:
        return RecordApproval(newest.version, newest.digest)
    if on_trial is None:
        return LoadBeside(_served(newest))
    if facts.release.canary is None:
        return TakeBack(on_trial.version, _newer(newest.version), Cause.withdrawn)
    assert isinstance(going, Wait)
    return Wait(f"version {newest.version} is approved and waits its turn: {going.reason}")


def _continue(facts: Facts) -> Step | None:
    """The next step of whatever is on trial; None when nothing is."""
    if facts.release.canary is not None:
        return _continue_canary(facts.release.canary, facts)
    if facts.release.shadow is not None:
        return _continue_shadow(facts.release.shadow, facts)
    if facts.trial is not None:
        return _continue_watch(facts.trial, facts)
    return None


def _continue_shadow(served: ServedVersion, facts: Facts) -> Step:
    trial = facts.trial
    if (ended := _withdrawn(served, facts) or _lost(trial)) is not None:
        return ended
    if (absent := _absence(served, facts)) is not None:
        # a store that is away for a moment is a trouble too: only what lasts is held against the version, and nothing
        # of it once the trial has begun, for then a replica has been started again
        if trial is None and facts.service.reachable and facts.waited_s > facts.load_timeout_s:
            return TakeBack(served.version, _not_loaded(facts), Cause.technical)
        return Wait(absent)
    golden = facts.golden.get(served.version)
    if golden is None:
        return TryGolden(served)
    if golden.phase is not Phase.passed:
        return TakeBack(served.version, golden.reason, Cause.technical)
    if facts.release.champion is None:
        return Promote(served, golden.reason)
    if not facts.comparable:
        return Promote(served, _first_of_its_images(facts.release.champion, golden.reason))
    if trial is None:
        return BeginTrial(served, facts.release.champion)
    if trial.verdict is not None and trial.verdict.passed:
        return StartCanary(served, trial.verdict.reason)
    return Wait(_goes_on(trial))


def _continue_canary(served: ServedVersion, facts: Facts) -> Step:
    trial = facts.trial
    if (ended := _withdrawn(served, facts) or _lost(trial)) is not None:
        return ended
    # a replica that still follows an older release speaks of an older canary
    stopped = facts.service.troubles.get("canary_share") if facts.service.epoch == facts.release.epoch else None
    if stopped is not None:
        return TakeBack(served.version, stopped, Cause.technical)
    if (absent := _absence(served, facts)) is not None:
        return Wait(absent)
    if trial is None:
        return Wait(f"version {served.version} is canary and not judged yet")
    if trial.verdict is not None and trial.verdict.passed:
        return Promote(served, trial.verdict.reason)
    return Wait(_goes_on(trial))


def _continue_watch(trial: RunningTrial, facts: Facts) -> Step:
    if not facts.comparable:
        return Settle(trial.version, "the version before it makes other pixels of an image: nothing to compare with")
    if trial.verdict is not None and trial.verdict.failed:
        return RollBack(trial.version, trial.verdict.reason)
    if trial.verdict is not None and trial.verdict.passed:
        return Settle(trial.version, trial.verdict.reason)
    return Wait(_goes_on(trial))


def _withdrawn(served: ServedVersion, facts: Facts) -> TakeBack | None:
    """Why the version on trial must go whatever its numbers say, or None."""
    if facts.candidates is None:
        return None
    candidate = next((each for each in facts.candidates if each.version == served.version), None)
    if candidate is None:
        return TakeBack(served.version, "the registry holds no such version any more", Cause.withdrawn)
    if candidate.approval != APPROVED:
        reason = "the approval was withdrawn before the version became champion"
        return TakeBack(served.version, reason, Cause.withdrawn)
    if candidate.digest != served.digest:
        return TakeBack(served.version, _another_digest(served.digest, candidate.digest), Cause.withdrawn)
    return None


def _lost(trial: RunningTrial | None) -> TakeBack | None:
    """Why the trial ended against the version, or None; what cannot be judged at the moment ends nothing."""
    verdict = trial.verdict if trial is not None else None
    if trial is None or verdict is None or not verdict.failed:
        return None
    return TakeBack(trial.version, verdict.reason, find_cause(verdict))


def _absence(served: ServedVersion, facts: Facts) -> str | None:
    """Why the service cannot take a step with this version now, or None."""
    if not facts.service.reachable:
        return "the service does not answer"
    if facts.service.loaded.get(served.version) != served.digest:
        slot = "shadow" if facts.release.canary is None else "canary"
        trouble = facts.service.troubles.get(slot, "no trouble is reported")
        return f"the service is loading version {served.version}: {trouble}"
    return None


def _not_loaded(facts: Facts) -> str:
    """What is known of a version whose time to load is over: its trouble, or that it loads still."""
    service, release = facts.service, facts.release
    limit = f"expected {facts.load_timeout_s:.0f} s at most (controller.load_timeout_s)"
    if (trouble := service.troubles.get("shadow")) is not None:
        return f"not loaded by the service after {facts.waited_s:.0f} s, {limit}: {trouble}"
    if service.epoch != release.epoch:
        return (
            f"not seen by the service after {facts.waited_s:.0f} s, {limit}: it follows release {service.epoch} and "
            f"not {release.epoch} yet, and reports no trouble; see its log"
        )
    return (
        f"still loading after {facts.waited_s:.0f} s, {limit}: the service reports no trouble; see its log, give it "
        "more time, and approve the version again"
    )


def _first_of_its_images(champion: ServedVersion, golden: str) -> str:
    return (
        f"it makes other pixels of an image than version {champion.version} (another [preprocessing]), so their errors "
        f"are not compared and it serves as a first version does; {golden}. `latentloop rollback` takes it back"
    )


def _goes_on(trial: RunningTrial) -> str:
    said = trial.verdict.reason if trial.verdict is not None else f"cannot be judged now: {trial.trouble}"
    return f"version {trial.version}, {trial.stage} since {trial.elapsed_s:.0f} s: {said}"


def find_waiting(candidates: Sequence[Candidate], release: Release) -> list[Candidate]:
    """Approved versions that wait for their turn, the newest last."""
    # the release row is the truth: the tag of a version that was just moved may lag behind
    taken = {each.digest for each in (release.champion, release.canary, release.shadow) if each is not None}
    found = [
        each
        for each in candidates
        if each.approval == APPROVED and each.delivery not in SETTLED and each.digest not in taken
    ]
    return sorted(found, key=lambda each: int(each.version))


def _superseded(candidate: Candidate, by: str) -> Refuse:
    reason = f"{_newer(by)}; `latentloop approve {candidate.version}` has it tried after that one"
    return Refuse(candidate.version, candidate.digest, reason)


def _newer(version: str) -> str:
    return f"superseded: version {version} is newer and approved as well"


def find_objection(candidate: Candidate, release: Release) -> str | None:
    """Why an approval of this version must not count, and what can be done about it, or None."""
    if (bearer := _other_bearer(candidate, release)) is not None:
        return _number_is_taken(candidate, bearer)
    if candidate.approved_digest is not None and candidate.approved_digest != candidate.digest:
        return _another_digest(candidate.approved_digest, candidate.digest)
    if candidate.benchmark != "passed" and not candidate.overridden:
        return _not_passed(candidate)
    if candidate.taken_back is not None and candidate.taken_back.stays_away:
        return (
            f"it was taken back before (cause: {candidate.taken_back.cause}) and no override is recorded since: "
            f"{say_override(candidate.version)} has it tried again; {candidate.taken_back.reason}"
        )
    if not candidate.intact:
        return f"the object store holds no artifact {candidate.digest or '(tag model_digest is missing)'}"
    return None


def _other_bearer(candidate: Candidate, release: Release) -> ServedVersion | None:
    """Another model that stands in the release under this number, or None: requests and telemetry go by numbers."""
    slots = (release.champion, release.canary, release.shadow, release.previous)
    held = (each for each in slots if each is not None and each.version == candidate.version)
    return next((each for each in held if each.digest != candidate.digest), None)


def _number_is_taken(candidate: Candidate, bearer: ServedVersion) -> str:
    return (
        f"version {bearer.version} of the release is another model (digest {bearer.digest[:12]}, not "
        f"{candidate.digest[:12]}): the registry was set up anew, or its model renamed, and counts from the beginning. "
        "Approve a version of a number that the release does not hold: each training makes the next one"
    )


def _not_passed(candidate: Candidate) -> str:
    override = f"{say_override(candidate.version)} lets it be approved"
    if candidate.benchmark is None:
        return (
            "no gate of this installation judged it: expected a version that a training or `latentloop register` made, "
            f"with its digest {candidate.digest[:12] or '(tag model_digest is missing)'} on record; {override}"
        )
    edited = " (its tag says passed, and decides nothing)" if candidate.shown == "passed" else ""
    return f"benchmark={candidate.benchmark}{edited} and no override is recorded: expected benchmark=passed; {override}"


def _another_digest(approved: str, found: str) -> str:
    return f"digest changed after the approval: approved {approved}, now {found}"


def _served(candidate: Candidate) -> ServedVersion:
    return ServedVersion(version=candidate.version, digest=candidate.digest, artifact=candidate.artifact)
