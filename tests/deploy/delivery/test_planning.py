"""Delivery as a table: a state of the world in, the next step and its message out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from data_checks.verdict import Phase, Verdict
from deploy.delivery.causes import Cause, TakenBack
from deploy.delivery.planning import plan_step
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
    ServiceView,
    Settle,
    Stage,
    StartCanary,
    Step,
    TakeBack,
    TryGolden,
    Wait,
)
from deploy.release import Release, ServedVersion

TIMEOUT_S = 300.0
SEVEN = ServedVersion(version="7", digest="d7", artifact="artifacts/d7")
SIX = ServedVersion(version="6", digest="d6", artifact="artifacts/d6")
IDLE = Release()
AT = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Release(epoch=1, shadow=SEVEN, changed_at=AT)
LIMIT = "expected 300 s at most (controller.load_timeout_s)"
WAY_OUT = "see its log, give it more time, and approve the version again"
IN_FLIGHT = Release(epoch=3, champion=SIX, shadow=SEVEN, changed_at=AT)
CANARY = Release(epoch=4, champion=SIX, canary=SEVEN, canary_share=0.05, changed_at=AT)
WATCHED = Release(epoch=5, champion=SEVEN, previous=SIX, changed_at=AT)
ABSENT = ServiceView(reachable=False)
LOADING = ServiceView(reachable=True, epoch=3, loaded={"6": "d6"})
LOADED = ServiceView(reachable=True, epoch=3, loaded={"6": "d6", "7": "d7"})
TROUBLED = ServiceView(reachable=True, epoch=3, loaded={"6": "d6"}, troubles={"shadow": "weights are damaged"})
PASSED = Verdict(phase=Phase.passed, reason="golden inputs agree")
FAILED = Verdict(phase=Phase.failed, reason="golden_deviation 0.3 > limit 0.01")
UNKNOWN = Verdict(phase=Phase.inconclusive, reason="golden inputs were cut short")
GONE = "the registry holds no such version any more"
WITHDRAWN = "the approval was withdrawn before the version became champion"


def candidate(version: str = "7", **changes: Any) -> Candidate:
    facts: dict[str, Any] = {
        "version": version,
        "digest": f"d{version}",
        "artifact": f"artifacts/d{version}",
        "approval": "approved",
        "benchmark": "passed",
        "delivery": "",
        "overridden": False,
        "approved_digest": f"d{version}",
        "intact": True,
        "shown": changes.get("benchmark") or "passed",
    }
    return Candidate(**{**facts, **changes})


def no_override(version: str, benchmark: str) -> Refuse:
    """The refusal of an approval against its gate, with the command that goes against the gate."""
    reason = f"benchmark={benchmark} and no override is recorded: expected benchmark=passed"
    way = f"`latentloop override {version} --reason TEXT` lets it be approved"
    return Refuse(version, f"d{version}", f"{reason}; {way}")


def not_ours(version: str) -> Refuse:
    """The refusal of a version that is on no record, whatever its tags say."""
    reason = (
        "no gate of this installation judged it: expected a version that a training or `latentloop register` made, "
        f"with its digest d{version} on record"
    )
    way = f"`latentloop override {version} --reason TEXT` lets it be approved"
    return Refuse(version, f"d{version}", f"{reason}; {way}")


def superseded(version: str, by: str) -> Refuse:
    """The refusal of an approval that a newer one overtook, with the command for later."""
    reason = f"superseded: version {by} is newer and approved as well"
    return Refuse(version, f"d{version}", f"{reason}; `latentloop approve {version}` has it tried after that one")


def trial(stage: Stage, phase: Phase | None) -> RunningTrial:
    verdict = Verdict(phase=phase, reason=f"the {stage} says {phase}") if phase is not None else None
    return RunningTrial(stage, "7", 60.0, verdict, "" if phase is not None else "telemetry is away")


def plan(
    candidates: list[Candidate] | None,
    release: Release = IDLE,
    service: ServiceView = ABSENT,
    golden: dict[str, Verdict] | None = None,
    waited_s: float = 0.0,
    running: RunningTrial | None = None,
    *,
    comparable: bool = True,
) -> Step:
    return plan_step(Facts(candidates, release, service, golden or {}, running, waited_s, TIMEOUT_S, comparable))


@pytest.mark.parametrize(
    ("candidates", "step"),
    [
        pytest.param([], Wait("no approved version is waiting"), id="nothing is registered"),
        pytest.param(
            [candidate(approval="pending"), candidate("8", approval="rejected")],
            Wait("no approved version is waiting"),
            id="nobody approved",
        ),
        pytest.param(
            [
                candidate(delivery="promoted"),
                candidate("8", delivery="rolled_back"),
                candidate("9", delivery="refused"),
            ],
            Wait("no approved version is waiting"),
            id="all are settled",
        ),
        pytest.param(
            [candidate("10"), candidate("9")],
            superseded("9", "10"),
            id="superseded, by number and not by the alphabet",
        ),
        pytest.param(
            [candidate("9"), candidate("10"), candidate("8")],
            superseded("8", "10"),
            id="the oldest is refused first",
        ),
        pytest.param(
            [candidate("7"), candidate("10", benchmark="failed")],
            no_override("10", "failed"),
            id="what cannot count supersedes nobody",
        ),
        pytest.param(
            [candidate("7"), candidate("10", benchmark="failed", delivery="refused")],
            LoadBeside(SEVEN),
            id="and the older one is delivered",
        ),
        pytest.param(
            [candidate(approved_digest="old")],
            Refuse("7", "d7", "digest changed after the approval: approved old, now d7"),
            id="digest changed",
        ),
        pytest.param([candidate(benchmark="failed")], no_override("7", "failed"), id="benchmark failed"),
        pytest.param(
            [candidate(benchmark="failed", shown="passed")],
            no_override("7", "failed (its tag says passed, and decides nothing)"),
            id="a tag that was edited",
        ),
        pytest.param([candidate(benchmark=None)], not_ours("7"), id="made past the installation"),
        pytest.param([candidate(benchmark=None, overridden=True)], LoadBeside(SEVEN), id="and let in on record"),
        pytest.param([candidate(benchmark="failed", overridden=True)], LoadBeside(SEVEN), id="override"),
        pytest.param(
            [candidate(benchmark="failed", overridden=True, intact=False)],
            Refuse("7", "d7", "the object store holds no artifact d7"),
            id="an override brings no artifact back",
        ),
        pytest.param(
            [candidate(intact=False)],
            Refuse("7", "d7", "the object store holds no artifact d7"),
            id="artifact missing",
        ),
        pytest.param(
            [candidate(digest="", approved_digest=None, intact=False)],
            Refuse("7", "", "the object store holds no artifact (tag model_digest is missing)"),
            id="digest missing",
        ),
        pytest.param([candidate(approved_digest=None)], RecordApproval("7", "d7"), id="first sight of an approval"),
        pytest.param([candidate()], LoadBeside(SEVEN), id="recorded approval"),
        pytest.param(
            [candidate(delivery="shadow")], LoadBeside(SEVEN), id="a shadow that somebody else removed comes back"
        ),
    ],
)
def test_an_empty_shadow_slot_is_filled_by_the_newest_approval_that_counts(
    candidates: list[Candidate], step: Step
) -> None:
    assert plan(candidates) == step


def taken_back(cause: Cause, *, overridden: bool = False) -> TakenBack:
    return TakenBack(epoch=4, cause=cause, reason="version 7 taken back: why", overridden=overridden)


@pytest.mark.parametrize("cause", list(Cause))
def test_a_version_that_was_shown_to_be_worse_needs_an_override_and_any_other_only_an_approval(cause: Cause) -> None:
    step = plan([candidate(taken_back=taken_back(cause))])
    if cause in (Cause.quality, Cause.unknown):
        assert step == Refuse(
            "7",
            "d7",
            f"it was taken back before (cause: {cause}) and no override is recorded since: "
            "`latentloop override 7 --reason TEXT` has it tried again; version 7 taken back: why",
        )
        assert plan([candidate(taken_back=taken_back(cause, overridden=True))]) == LoadBeside(SEVEN)
    else:
        assert step == LoadBeside(SEVEN)


@pytest.mark.parametrize(
    ("candidates", "service", "golden", "waited_s", "step"),
    [
        pytest.param(
            [candidate(approval="rejected")],
            LOADED,
            {"7": PASSED},
            0,
            TakeBack("7", WITHDRAWN, Cause.withdrawn),
            id="approval withdrawn",
        ),
        pytest.param(
            [candidate("6")],
            LOADED,
            {"7": PASSED},
            0,
            TakeBack("7", GONE, Cause.withdrawn),
            id="version deleted",
        ),
        pytest.param(
            [candidate(digest="new")],
            LOADED,
            {"7": PASSED},
            0,
            TakeBack("7", "digest changed after the approval: approved d7, now new", Cause.withdrawn),
            id="digest changed",
        ),
        pytest.param(
            [candidate(approval="pending")],
            ABSENT,
            {},
            0,
            TakeBack("7", WITHDRAWN, Cause.withdrawn),
            id="withdrawn while the service is away",
        ),
        pytest.param([candidate()], ABSENT, {}, 9999, Wait("the service does not answer"), id="service unreachable"),
        pytest.param(
            [candidate()],
            LOADING,
            {},
            300,
            Wait("the service is loading version 7: no trouble is reported"),
            id="loading",
        ),
        pytest.param(
            [candidate()],
            TROUBLED,
            {},
            5,
            Wait("the service is loading version 7: weights are damaged"),
            id="a trouble may pass",
        ),
        pytest.param(
            [candidate()],
            ServiceView(reachable=True, loaded={"7": "other"}),
            {"7": PASSED},
            5,
            Wait("the service is loading version 7: no trouble is reported"),
            id="another digest under the same number is not it",
        ),
        pytest.param(
            [candidate()],
            TROUBLED,
            {},
            301,
            TakeBack("7", f"not loaded by the service after 301 s, {LIMIT}: weights are damaged", Cause.technical),
            id="load timeout with trouble",
        ),
        pytest.param(
            [candidate()],
            LOADING,
            {},
            301,
            TakeBack(
                "7", f"still loading after 301 s, {LIMIT}: the service reports no trouble; {WAY_OUT}", Cause.technical
            ),
            id="load timeout in silence",
        ),
        pytest.param(
            [candidate()],
            ServiceView(reachable=True, epoch=2, loaded={"6": "d6"}),
            {},
            301,
            TakeBack(
                "7",
                f"not seen by the service after 301 s, {LIMIT}: it follows release 2 and not 3 yet, and reports no "
                "trouble; see its log",
                Cause.technical,
            ),
            id="load timeout of a service that follows an older release",
        ),
        pytest.param([candidate()], LOADED, {}, 9999, TryGolden(SEVEN), id="golden missing"),
        pytest.param([candidate()], LOADED, {"6": PASSED}, 0, TryGolden(SEVEN), id="golden of another version"),
        pytest.param([candidate()], LOADED, {"7": PASSED}, 0, BeginTrial(SEVEN, SIX), id="golden passed"),
        pytest.param(
            [candidate()], LOADED, {"7": FAILED}, 0, TakeBack("7", FAILED.reason, Cause.technical), id="golden failed"
        ),
        pytest.param(
            [candidate()],
            LOADED,
            {"7": UNKNOWN},
            0,
            TakeBack("7", UNKNOWN.reason, Cause.technical),
            id="golden unknown",
        ),
    ],
)
def test_a_version_in_the_shadow_slot_is_loaded_and_tried_or_taken_back(
    candidates: list[Candidate], service: ServiceView, golden: dict[str, Verdict], waited_s: float, step: Step
) -> None:
    assert plan(candidates, IN_FLIGHT, service, golden, waited_s) == step


def test_without_a_champion_the_golden_inputs_are_enough() -> None:
    assert plan([candidate()], FIRST, LOADED, {"7": PASSED}) == Promote(SEVEN, PASSED.reason)


def test_a_version_that_makes_other_pixels_of_an_image_is_promoted_as_a_first_one_and_never_watched() -> None:
    step = plan([candidate()], IN_FLIGHT, LOADED, {"7": PASSED}, comparable=False)
    assert isinstance(step, Promote) and step.version == SEVEN
    assert "other pixels of an image than version 6" in step.reason and step.reason.index(PASSED.reason)
    for phase in Phase:
        settled = plan([], WATCHED, ABSENT, running=trial("watch", phase), comparable=False)
        assert isinstance(settled, Settle) and settled.version == "7" and "nothing to compare" in settled.reason


def test_golden_inputs_take_back_a_version_that_makes_other_pixels_too() -> None:
    step = plan([candidate()], IN_FLIGHT, LOADED, {"7": FAILED}, comparable=False)
    assert step == TakeBack("7", FAILED.reason, Cause.technical)


def goes_on(stage: Stage, said: str) -> Wait:
    return Wait(f"version 7, {stage} since 60 s: {said}")


AWAY = Wait("the service does not answer")
RELOADING = Wait("the service is loading version 7: weights are damaged")
UNJUDGED = "cannot be judged now: telemetry is away"


@pytest.mark.parametrize(
    ("stage", "phase", "service", "step"),
    [
        ("shadow", Phase.inconclusive, LOADED, goes_on("shadow", "the shadow says inconclusive")),
        ("shadow", Phase.no_data, LOADED, goes_on("shadow", "the shadow says no_data")),
        ("shadow", None, LOADED, goes_on("shadow", UNJUDGED)),
        ("shadow", Phase.passed, LOADED, StartCanary(SEVEN, "the shadow says passed")),
        ("shadow", Phase.passed, ABSENT, AWAY),
        ("shadow", Phase.passed, TROUBLED, RELOADING),
        ("shadow", Phase.failed, LOADED, TakeBack("7", "the shadow says failed", Cause.unknown)),
        ("shadow", Phase.failed, ABSENT, TakeBack("7", "the shadow says failed", Cause.unknown)),
        ("canary", Phase.inconclusive, LOADED, goes_on("canary", "the canary says inconclusive")),
        ("canary", None, LOADED, goes_on("canary", UNJUDGED)),
        ("canary", Phase.passed, LOADED, Promote(SEVEN, "the canary says passed")),
        ("canary", Phase.passed, ABSENT, AWAY),
        ("canary", Phase.failed, LOADED, TakeBack("7", "the canary says failed", Cause.unknown)),
        ("canary", Phase.failed, ABSENT, TakeBack("7", "the canary says failed", Cause.unknown)),
        ("watch", Phase.inconclusive, LOADED, goes_on("watch", "the watch says inconclusive")),
        ("watch", None, LOADED, goes_on("watch", UNJUDGED)),
        ("watch", Phase.passed, ABSENT, Settle("7", "the watch says passed")),
        ("watch", Phase.failed, ABSENT, RollBack("7", "the watch says failed")),
    ],
)
def test_a_trial_leads_where_its_verdict_says(
    stage: Stage, phase: Phase | None, service: ServiceView, step: Step
) -> None:
    release = {"shadow": IN_FLIGHT, "canary": CANARY, "watch": WATCHED}[stage]
    delivery = "promoted" if stage == "watch" else stage
    # however long the slot has held its version: once tried, a restart of the service is no failure to load
    found = plan([candidate(delivery=delivery)], release, service, {"7": PASSED}, 9_999, trial(stage, phase))
    assert found == step


@pytest.mark.parametrize("stage", ["shadow", "canary"])
@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        ([candidate(approval="rejected")], WITHDRAWN),
        ([], GONE),
        ([candidate(digest="new")], "digest changed after the approval: approved d7, now new"),
    ],
    ids=["rejected", "deleted", "digest changed"],
)
def test_whatever_its_numbers_a_version_without_its_approval_is_taken_back(
    stage: Stage, candidates: list[Candidate], reason: str
) -> None:
    release = {"shadow": IN_FLIGHT, "canary": CANARY}[stage]
    for phase in (Phase.passed, Phase.inconclusive):
        assert plan(candidates, release, LOADED, {"7": PASSED}, 60, trial(stage, phase)) == TakeBack(
            "7", reason, Cause.withdrawn
        )


STOPPED = {"canary_share": "version 7 failed 5 requests in a row"}


@pytest.mark.parametrize("candidates", [[candidate(delivery="canary")], None], ids=["approved", "registry away"])
@pytest.mark.parametrize("running", [trial("canary", Phase.passed), trial("canary", Phase.inconclusive), None])
def test_a_canary_that_a_replica_has_stopped_is_taken_back(
    candidates: list[Candidate] | None, running: RunningTrial | None
) -> None:
    loaded = {"6": "d6", "7": "d7"}
    stopped = ServiceView(reachable=True, epoch=CANARY.epoch, loaded=loaded, troubles=STOPPED)
    step = plan(candidates, CANARY, stopped, running=running)
    assert step == TakeBack("7", "version 7 failed 5 requests in a row", Cause.technical)


def test_what_a_replica_says_of_an_older_canary_takes_nobody_back() -> None:
    behind = ServiceView(reachable=True, epoch=CANARY.epoch - 1, loaded={"6": "d6"}, troubles=STOPPED)
    step = plan([candidate(delivery="canary")], CANARY, behind, running=trial("canary", Phase.inconclusive))
    assert isinstance(step, Wait)


BY_EIGHT = "superseded: version 8 is newer and approved as well"
EIGHT = ServedVersion(version="8", digest="d8", artifact="artifacts/d8")


@pytest.mark.parametrize(
    ("stage", "waiting", "step"),
    [
        pytest.param(
            "shadow",
            candidate("8"),
            TakeBack("7", BY_EIGHT, Cause.withdrawn),
            id="a shadow gives way to a newer approval",
        ),
        pytest.param(
            "shadow", candidate("8", approved_digest=None), RecordApproval("8", "d8"), id="which is recorded first"
        ),
        pytest.param(
            "shadow",
            candidate("8", benchmark="failed"),
            no_override("8", "failed"),
            id="but not to one that is refused",
        ),
        pytest.param("shadow", candidate("5"), superseded("5", "7"), id="nor to an older one"),
        pytest.param(
            "canary",
            candidate("8"),
            Wait(
                "version 8 is approved and waits its turn: version 7, canary since 60 s: the canary says inconclusive"
            ),
            id="a canary is not given up",
        ),
        pytest.param("canary", candidate("5"), superseded("5", "7"), id="an older one has no turn after a canary"),
        pytest.param("watch", candidate("8"), LoadBeside(EIGHT), id="a watch period is paused"),
    ],
)
def test_a_newer_approval_during_a_trial(stage: Stage, waiting: Candidate, step: Step) -> None:
    release = {"shadow": IN_FLIGHT, "canary": CANARY, "watch": WATCHED}[stage]
    on_trial = candidate(delivery="promoted" if stage == "watch" else stage)
    found = plan([on_trial, waiting], release, LOADED, {"7": PASSED}, 60, trial(stage, Phase.inconclusive))
    assert found == step


BLIND = Wait("the registry does not answer: approvals are unknown")


@pytest.mark.parametrize(
    ("stage", "phase", "step"),
    [
        ("shadow", Phase.passed, BLIND),
        ("shadow", Phase.inconclusive, BLIND),
        ("shadow", Phase.failed, TakeBack("7", "the shadow says failed", Cause.unknown)),
        ("canary", Phase.passed, BLIND),
        ("canary", Phase.inconclusive, BLIND),
        ("canary", Phase.failed, TakeBack("7", "the canary says failed", Cause.unknown)),
        ("watch", Phase.inconclusive, BLIND),
        ("watch", Phase.passed, Settle("7", "the watch says passed")),
        ("watch", Phase.failed, RollBack("7", "the watch says failed")),
    ],
)
def test_without_the_registry_nothing_moves_towards_the_traffic_and_what_is_bad_goes(
    stage: Stage, phase: Phase, step: Step
) -> None:
    release = {"shadow": IN_FLIGHT, "canary": CANARY, "watch": WATCHED}[stage]
    assert plan(None, release, LOADED, {"7": PASSED}, 60, trial(stage, phase)) == step
    assert plan(None) == BLIND


def test_a_model_whose_number_another_one_bears_in_the_release_is_not_tried() -> None:
    """In a registry that was set up anew, numbers come again; requests and telemetry know versions by them."""
    step = plan([candidate("6", digest="another", approved_digest="another")], WATCHED)

    assert isinstance(step, Refuse)
    assert step.reason.startswith(
        "version 6 of the release is another model (digest d6, not another): the registry was"
    )
    assert step.reason.endswith(
        "Approve a version of a number that the release does not hold: each training makes the next one"
    )


def test_what_serves_is_not_tried_again_under_another_number() -> None:
    assert plan([candidate("1", digest="d7", approved_digest="d7")], WATCHED) == Wait("no approved version is waiting")
