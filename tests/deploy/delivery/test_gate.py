"""The promotion gate as a table: measurements in, phase and message out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_checks.verdict import Phase
from deploy.delivery.gate import Change, ClusterChange, Standing, judge_candidate, judge_first_version
from deploy.delivery.policy import GatePolicy
from vae_core.families.units import UsedUnits

POLICY = GatePolicy(first_max_frechet_over_floor=25.0)
TIERS = ("full", "incremental", "emergency")


def active(used: int) -> UsedUnits:
    return UsedUnits("active_units", used, 32)


def coded(used: int, of: int = 512) -> UsedUnits:
    return UsedUnits("codes_used", used, of)


def recon(value: float, low: float, high: float, benchmark: Any = "old") -> Change:
    return Change(metric="recon_error", benchmark=benchmark, value=value, low=low, high=high, n=1000)


def frechet(value: float, low: float, high: float) -> Change:
    return Change(metric="fd_efflite0", benchmark="old", value=value, low=low, high=high, n=5000)


BETTER, SAME, WORSE = recon(-0.1, -0.12, -0.08), recon(0.0, -0.01, 0.01), recon(0.05, 0.03, 0.07)
BETTER_SAYS = "recon_error on benchmark_old -10.00% [-12.00%, -8.00%] (n=1000)"
SAME_SAYS = "recon_error on benchmark_old +0.00% [-1.00%, +1.00%] (n=1000)"
WORSE_SAYS = "recon_error_old_change_high 0.07 > limit 0.02 share"
UNITS_SAY = "active_units 15 < limit 16 units"


@pytest.mark.parametrize(
    ("standing", "phase", "message"),
    [
        pytest.param(
            Standing(0.8, active(10), 10.7),
            Phase.passed,
            "first version, judged on absolute bars: explained_variance 0.8 >= limit 0.5 share; "
            "active_units 10 >= limit 4 units; frechet_over_floor 10.7 <= limit 25 ratio",
            id="all bars are met",
        ),
        pytest.param(
            Standing(0.5, active(4), 25.0),
            Phase.passed,
            "first version, judged on absolute bars: explained_variance 0.5 >= limit 0.5 share; "
            "active_units 4 >= limit 4 units; frechet_over_floor 25 <= limit 25 ratio",
            id="a bar itself is met",
        ),
        pytest.param(
            Standing(0.8, active(10), None),
            Phase.passed,
            "first version, judged on absolute bars: explained_variance 0.8 >= limit 0.5 share; "
            "active_units 10 >= limit 4 units",
            id="without a Fréchet distance the others decide",
        ),
        pytest.param(
            Standing(0.49, active(10), 10.7),
            Phase.failed,
            "first version: explained_variance 0.49 < limit 0.5 share",
            id="explains too little",
        ),
        pytest.param(
            Standing(0.8, active(3), 10.7),
            Phase.failed,
            "first version: active_units 3 < limit 4 units",
            id="collapsed",
        ),
        pytest.param(
            Standing(0.8, active(10), 26.0),
            Phase.failed,
            "first version: frechet_over_floor 26 > limit 25 ratio",
            id="samples that look like nothing",
        ),
        pytest.param(
            Standing(0.1, active(0), 200.0),
            Phase.failed,
            "first version: explained_variance 0.1 < limit 0.5 share; active_units 0 < limit 4 units; "
            "frechet_over_floor 200 > limit 25 ratio",
            id="every failed bar is named",
        ),
    ],
)
def test_a_first_version_is_judged_on_absolute_bars(standing: Standing, phase: Phase, message: str) -> None:
    verdict = judge_first_version(standing, POLICY)
    assert (verdict.phase, verdict.reason) == (phase, message)
    assert len(verdict.evidence) == (2 if standing.frechet_over_floor is None else 3)


@pytest.mark.parametrize(
    ("changes", "tier", "active_units", "phase", "message"),
    [
        pytest.param([BETTER], "incremental", 30, Phase.passed, BETTER_SAYS, id="better"),
        pytest.param([SAME, BETTER], "incremental", 30, Phase.passed, BETTER_SAYS, id="only what is better is praised"),
        pytest.param(
            [SAME],
            "incremental",
            30,
            Phase.failed,
            f"nothing improves: {SAME_SAYS}, expected an upper bound below 0",
            id="the same is not enough",
        ),
        pytest.param(
            [SAME],
            "emergency",
            30,
            Phase.failed,
            f"nothing improves: {SAME_SAYS}, expected an upper bound below 0",
            id="the same is not enough in an emergency either",
        ),
        pytest.param([SAME], "full", 30, Phase.passed, SAME_SAYS, id="the same is enough for a full training"),
        pytest.param(
            [recon(-0.1, -0.2, 0.0)],
            "incremental",
            30,
            Phase.failed,
            "nothing improves: recon_error on benchmark_old -10.00% [-20.00%, +0.00%] (n=1000), "
            "expected an upper bound below 0",
            id="better by luck is not better",
        ),
        pytest.param(
            [recon(0.01, 0.005, 0.015), SAME],
            "incremental",
            30,
            Phase.failed,
            f"nothing improves: {SAME_SAYS}, expected an upper bound below 0",
            id="the best change is shown",
        ),
        pytest.param([WORSE], "full", 30, Phase.failed, WORSE_SAYS, id="worse"),
        pytest.param(
            [BETTER, recon(0.05, 0.03, 0.07, "new")],
            "incremental",
            30,
            Phase.failed,
            "recon_error_new_change_high 0.07 > limit 0.02 share",
            id="one gain does not pay for another loss",
        ),
        pytest.param(
            [BETTER, frechet(0.03, 0.01, 0.05)],
            "incremental",
            30,
            Phase.passed,
            BETTER_SAYS,
            id="a Fréchet distance has a margin of its own, and its end is within",
        ),
        pytest.param(
            [BETTER, frechet(0.04, 0.02, 0.06)],
            "incremental",
            30,
            Phase.failed,
            "fd_efflite0_old_change_high 0.06 > limit 0.05 share",
            id="a Fréchet distance beyond its margin",
        ),
        pytest.param([BETTER], "full", 15, Phase.failed, UNITS_SAY, id="lost codes"),
        pytest.param([BETTER], "full", 16, Phase.passed, BETTER_SAYS, id="half of the codes is just enough"),
        pytest.param([WORSE], "full", 15, Phase.failed, f"{WORSE_SAYS}; {UNITS_SAY}", id="every failed limit is named"),
        pytest.param(
            [],
            "full",
            30,
            Phase.no_data,
            "no benchmark was measured for both champion and candidate: expected at least 1, came 0",
            id="nothing was measured",
        ),
    ],
)
def test_a_candidate_is_judged_against_the_champion(
    changes: list[Change], tier: Any, active_units: int, phase: Phase, message: str
) -> None:
    verdict = judge_candidate(changes, tier=tier, units=active(active_units), champion_units=active(32), policy=POLICY)
    assert (verdict.phase, verdict.reason) == (phase, message)
    assert len(verdict.evidence) == (len(changes) + 1 if changes else 0)


@given(
    value=st.floats(-0.5, 0.5),
    half_width=st.floats(0, 0.2),
    tier=st.sampled_from(TIERS),
    units=st.integers(0, 64),
)
def test_a_wider_margin_never_fails_what_a_narrow_one_passed(
    value: float, half_width: float, tier: Any, units: int
) -> None:
    changes = [recon(value, value - half_width, value + half_width)]
    narrow, wide = (
        judge_candidate(
            changes,
            tier=tier,
            units=active(units),
            champion_units=active(32),
            policy=GatePolicy(recon_error_margin=margin),
        )
        for margin in (0.02, 0.2)
    )
    assert wide.phase <= narrow.phase


def on(metric: Any, benchmark: Any, high: float) -> Change:
    return Change(metric, benchmark, high - 0.01, high - 0.02, high, 5000)


RECON_NEW = on("recon_error", "new", -0.2)


@pytest.mark.parametrize(
    ("changes", "clusters", "phase", "message"),
    [
        pytest.param(
            [on("recon_error", "old", 0.02), RECON_NEW],
            [],
            Phase.passed,
            "recon_error on benchmark_new -21.00% [-22.00%, -20.00%] (n=5000)",
            id="a little worse on the old ones and better on the new",
        ),
        pytest.param(
            [on("recon_error", "old", 0.021), RECON_NEW],
            [],
            Phase.failed,
            "recon_error_old_change_high 0.021 > limit 0.02 share",
            id="the new kind does not pay for the old ones",
        ),
        pytest.param(
            [on("fd_efflite0", "old", 0.3), RECON_NEW],
            [],
            Phase.passed,
            "recon_error on benchmark_new -21.00% [-22.00%, -20.00%] (n=5000)",
            id="samples in the new mix are not held against benchmark_old",
        ),
        pytest.param(
            [on("fd_efflite0", "old", 0.3), on("recon_error", "old", -0.1)],
            [],
            Phase.failed,
            "fd_efflite0_old_change_high 0.3 > limit 0.05 share",
            id="samples are judged on benchmark_old where there is no newer mix",
        ),
        pytest.param(
            [RECON_NEW, on("fd_efflite0_reconstructions", "old", 0.03)],
            [],
            Phase.failed,
            "fd_efflite0_reconstructions_old_change_high 0.03 > limit 0.02 share",
            id="reconstructions of known images must stay as sharp",
        ),
        pytest.param(
            [RECON_NEW, Change("kid_efflite0", "new", 0.45, 0.3, 0.6, 100)],
            [],
            Phase.failed,
            "kid_efflite0_new_change_low 0.3 > limit 0.05 share",
            id="few images that show that samples are worse",
        ),
        pytest.param(
            [RECON_NEW, Change("kid_efflite0", "new", 0.04, -0.11, 0.19, 100)],
            [],
            Phase.passed,
            "recon_error on benchmark_new -21.00% [-22.00%, -20.00%] (n=5000); "
            "kid_efflite0 on benchmark_new: less than +15% is not seen with n=100",
            id="few images that show nothing, and say what they could not show",
        ),
        pytest.param(
            [RECON_NEW],
            [ClusterChange(3, 1.05, 1.02, 50), ClusterChange(7, 1.4, 1.2, 40), ClusterChange(9, 3.0, 2.0, 19)],
            Phase.failed,
            "cluster_7_error_ratio_low 1.2 > limit 1.1 ratio (n=40)",
            id="a lost cluster, and one of too few images",
        ),
        pytest.param(
            [RECON_NEW],
            [ClusterChange(3, 1.05, 1.02, 50), ClusterChange(7, 1.4, 1.1, 40)],
            Phase.passed,
            "recon_error on benchmark_new -21.00% [-22.00%, -20.00%] (n=5000)",
            id="a cluster at the bar is not lost",
        ),
    ],
)
def test_an_emergency_candidate_is_judged_on_both_benchmarks_and_every_cluster(
    changes: list[Change], clusters: list[ClusterChange], phase: Phase, message: str
) -> None:
    verdict = judge_candidate(
        changes, tier="emergency", units=active(30), champion_units=active(32), policy=POLICY, clusters=clusters
    )
    assert (verdict.phase, verdict.reason) == (phase, message)


def test_what_is_not_judged_is_on_record_without_a_limit() -> None:
    verdict = judge_candidate(
        [RECON_NEW, on("fd_efflite0", "old", 0.3)], tier="emergency", units=active(30), champion_units=active(32),
        policy=POLICY,
    )  # fmt: skip
    limits = {each.name: each.limit for each in verdict.evidence}
    assert limits["fd_efflite0_old_change_high"] is None
    assert limits["recon_error_new_change_high"] == 0.02


@pytest.mark.parametrize(
    ("used", "of", "phase", "message"),
    [
        pytest.param(
            504,
            512,
            Phase.passed,
            "first version, judged on absolute bars: explained_variance 0.8 >= limit 0.5 share; "
            "codes_used 504 >= limit 256 codes",
            id="a healthy codebook",
        ),
        pytest.param(
            256,
            512,
            Phase.passed,
            "first version, judged on absolute bars: explained_variance 0.8 >= limit 0.5 share; "
            "codes_used 256 >= limit 256 codes",
            id="half of the codes is enough",
        ),
        pytest.param(
            11, 512, Phase.failed, "first version: codes_used 11 < limit 256 codes", id="a codebook that collapsed"
        ),
        pytest.param(
            255, 1024, Phase.failed, "first version: codes_used 255 < limit 512 codes", id="the bar grows with K"
        ),
    ],
)
def test_a_first_vq_vae_is_judged_by_the_share_of_its_codes(used: int, of: int, phase: Phase, message: str) -> None:
    verdict = judge_first_version(Standing(0.8, coded(used, of), None), POLICY)
    assert (verdict.phase, verdict.reason) == (phase, message)


@pytest.mark.parametrize(
    ("units", "champion", "expected"),
    [
        pytest.param(coded(251), coded(500), "", id="half of the champion's codes"),
        pytest.param(coded(249), coded(500), "codes_used 249 < limit 250 codes", id="fewer than half of them"),
        pytest.param(coded(504, 1024), coded(500, 512), "", id="a larger codebook, half as well used"),
        pytest.param(
            coded(490, 1024), coded(500, 512), "codes_used 490 < limit 500 codes", id="a larger one that is not"
        ),
        pytest.param(coded(120, 128), coded(504, 512), "", id="a smaller codebook that is used well lost nothing"),
        pytest.param(coded(255), active(4), "codes_used 255 < limit 256 codes", id="codes are not compared with units"),
        pytest.param(coded(256), active(400), "", id="nor do many units ask for many codes"),
        pytest.param(active(3), coded(500), "active_units 3 < limit 4 units", id="nor units with codes"),
        pytest.param(active(4), coded(500), "", id="a VAE after a VQ-VAE"),
    ],
)
def test_units_are_compared_with_units_and_codes_with_codes(
    units: UsedUnits, champion: UsedUnits, expected: str
) -> None:
    verdict = judge_candidate([BETTER], tier="full", units=units, champion_units=champion, policy=POLICY)
    assert (verdict.phase, verdict.reason) == ((Phase.failed, expected) if expected else (Phase.passed, BETTER_SAYS))
