"""Delivery as a table: a state of the world in, the next step and its message out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from data_checks.verdict import Phase, Verdict
from deploy.delivery.steps import (
    Candidate,
    LoadBeside,
    Promote,
    RecordApproval,
    Refuse,
    ServiceView,
    Step,
    TakeBack,
    TryGolden,
    Wait,
    plan_step,
)
from deploy.release import Release, ServedVersion

TIMEOUT_S = 300.0
SEVEN = ServedVersion(version="7", digest="d7", artifact="artifacts/d7")
SIX = ServedVersion(version="6", digest="d6", artifact="artifacts/d6")
IDLE = Release()
IN_FLIGHT = Release(epoch=3, champion=SIX, shadow=SEVEN, changed_at=datetime(2026, 1, 1, tzinfo=UTC))
ABSENT = ServiceView(reachable=False)
LOADING = ServiceView(reachable=True, epoch=3, loaded={"6": "d6"})
LOADED = ServiceView(reachable=True, epoch=3, loaded={"6": "d6", "7": "d7"})
TROUBLED = ServiceView(reachable=True, epoch=3, loaded={"6": "d6"}, troubles={"shadow": "weights are damaged"})
PASSED = Verdict(phase=Phase.passed, reason="golden inputs agree")
FAILED = Verdict(phase=Phase.failed, reason="golden_deviation 0.3 > limit 0.01")
UNKNOWN = Verdict(phase=Phase.inconclusive, reason="golden inputs were cut short")
NO_OVERRIDE = "and no override is recorded: expected benchmark=passed"


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
    }
    return Candidate(**{**facts, **changes})


def plan(
    candidates: list[Candidate],
    release: Release = IDLE,
    service: ServiceView = ABSENT,
    golden: dict[str, Verdict] | None = None,
    waited_s: float = 0.0,
) -> Step:
    return plan_step(candidates, release, service, golden or {}, waited_s, TIMEOUT_S)


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
            Refuse("9", "d9", "superseded: version 10 is newer and approved as well"),
            id="superseded, by number and not by the alphabet",
        ),
        pytest.param(
            [candidate("9"), candidate("10", benchmark="failed"), candidate("8")],
            Refuse("8", "d8", "superseded: version 10 is newer and approved as well"),
            id="the oldest is refused first",
        ),
        pytest.param(
            [candidate(approved_digest="old")],
            Refuse("7", "d7", "digest changed after the approval: approved old, now d7"),
            id="digest changed",
        ),
        pytest.param(
            [candidate(benchmark="failed")], Refuse("7", "d7", f"benchmark=failed {NO_OVERRIDE}"), id="benchmark failed"
        ),
        pytest.param(
            [candidate(benchmark="inconclusive")],
            Refuse("7", "d7", f"benchmark=inconclusive {NO_OVERRIDE}"),
            id="benchmark inconclusive",
        ),
        pytest.param(
            [candidate(benchmark="")], Refuse("7", "d7", f"benchmark=missing {NO_OVERRIDE}"), id="benchmark missing"
        ),
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


@pytest.mark.parametrize(
    ("candidates", "service", "golden", "waited_s", "step"),
    [
        pytest.param(
            [candidate(approval="rejected")],
            LOADED,
            {"7": PASSED},
            0,
            TakeBack("7", "the approval was withdrawn before the version served"),
            id="approval withdrawn",
        ),
        pytest.param(
            [candidate("6")],
            LOADED,
            {"7": PASSED},
            0,
            TakeBack("7", "the approval was withdrawn before the version served"),
            id="version deleted",
        ),
        pytest.param(
            [candidate(digest="new")],
            LOADED,
            {"7": PASSED},
            0,
            TakeBack("7", "digest changed after the approval: approved d7, now new"),
            id="digest changed",
        ),
        pytest.param(
            [candidate(approval="pending")],
            ABSENT,
            {},
            0,
            TakeBack("7", "the approval was withdrawn before the version served"),
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
            TakeBack("7", "not loaded by the service after 301 s, expected 300 s at most: weights are damaged"),
            id="load timeout with trouble",
        ),
        pytest.param(
            [candidate()],
            LOADING,
            {},
            301,
            TakeBack("7", "not loaded by the service after 301 s, expected 300 s at most: no trouble is reported"),
            id="load timeout in silence",
        ),
        pytest.param([candidate()], LOADED, {}, 9999, TryGolden(SEVEN), id="golden missing"),
        pytest.param([candidate()], LOADED, {"6": PASSED}, 0, TryGolden(SEVEN), id="golden of another version"),
        pytest.param([candidate()], LOADED, {"7": PASSED}, 0, Promote(SEVEN, PASSED.reason), id="golden passed"),
        pytest.param([candidate()], LOADED, {"7": FAILED}, 0, TakeBack("7", FAILED.reason), id="golden failed"),
        pytest.param([candidate()], LOADED, {"7": UNKNOWN}, 0, TakeBack("7", UNKNOWN.reason), id="golden unknown"),
        pytest.param(
            [candidate(), candidate("8", approved_digest=None)],
            LOADED,
            {"7": PASSED},
            0,
            Promote(SEVEN, PASSED.reason),
            id="a newer approval waits until this one is through",
        ),
    ],
)
def test_a_version_in_the_shadow_slot_goes_on_or_is_taken_back(
    candidates: list[Candidate], service: ServiceView, golden: dict[str, Verdict], waited_s: float, step: Step
) -> None:
    assert plan(candidates, IN_FLIGHT, service, golden, waited_s) == step
