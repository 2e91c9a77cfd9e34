import pytest

from data_checks.batch import decision_digest, describe_hold, find_least_share, judge_groups, judge_refused_shares
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from data_checks.verdict import Phase
from vae_core.images.preprocessing import Preprocessing

GREY, POLICY = Preprocessing(), InputPolicy()


def test_a_source_whose_camera_went_black_is_held_and_says_by_how_much_and_its_neighbour_is_not() -> None:
    received = {"dark": 300, "bright": 4202}
    refused = {"dark": {Refusal.low_variance: 30}, "bright": {Refusal.low_variance: 3}}
    verdicts = judge_groups(received, refused, POLICY)
    assert {group: verdict.failed for group, verdict in verdicts.items()} == {"dark": True, "bright": False}
    assert "refused_low_variance 0.1 [" in verdicts["dark"].reason
    assert "> limit 0.01 (n=300)" in verdicts["dark"].reason


def test_a_group_of_which_nothing_was_refused_is_judged_too() -> None:
    assert judge_groups({"a": 1000}, {}, POLICY)["a"].passed


def test_a_decision_is_named_by_everything_that_it_depends_on() -> None:
    names = {
        decision_digest(policy, preprocessing)
        for policy in (POLICY, InputPolicy(min_variance=0.001))
        for preprocessing in (GREY, GREY.model_copy(update={"height": 32}))
    }
    assert len(names) == 4
    assert decision_digest(InputPolicy(), Preprocessing()) == decision_digest(POLICY, GREY)


@pytest.mark.parametrize(
    ("refused", "received", "phase", "words"),
    [
        ({}, 0, Phase.no_data, "0 images received"),
        ({}, 50, Phase.inconclusive, "refused 0 [0, 0.129] <= limit 0.01 (n=50): too few to judge"),
        ({}, 1000, Phase.passed, "refused 0 [0, 0.006884] <= limit 0.01 (n=1000)"),
        ({Refusal.truncated: 0}, 1000, Phase.passed, "refused 0 "),
        ({Refusal.duplicate: 99}, 99, Phase.inconclusive, "at least 100 needed"),
        ({Refusal.truncated: 12}, 1000, Phase.inconclusive, "refused_truncated 0.012"),
        (
            {Refusal.truncated: 180, Refusal.low_variance: 180},
            36_000,
            Phase.passed,
            "refused_truncated 0.005 [",
        ),
        ({Refusal.truncated: 1, Refusal.leakage: 40}, 1000, Phase.failed, "refused_leakage 0.04 ["),
    ],
)
def test_refused_shares_give_phase_and_message(
    refused: dict[Refusal, int], received: int, phase: Phase, words: str
) -> None:
    verdict = judge_refused_shares(refused, received, POLICY)
    assert verdict.phase is phase
    assert words in verdict.reason


def test_many_small_reasons_do_not_hold_a_batch_that_no_single_one_would() -> None:
    few = dict.fromkeys([Refusal.truncated, Refusal.wrong_mode, Refusal.wrong_shape, Refusal.low_variance], 50)
    assert judge_refused_shares(few, 10_000, POLICY).passed
    assert judge_refused_shares({Refusal.truncated: 200}, 10_000, POLICY).failed


def test_a_hold_is_told_with_the_share_of_each_reason_and_the_full_name_of_the_setting() -> None:
    verdict = judge_refused_shares({Refusal.low_variance: 173, Refusal.leakage: 60, Refusal.truncated: 2}, 2000, POLICY)
    assert describe_hold(verdict) == (
        "60 of 2,000 were refused for leakage (3 %, surely at least 1.954 %) and 173 of 2,000 were refused for "
        "low_variance (8.65 %, surely at least 6.823 %), `input_policy.max_refused_share = 0.01` allows 1 %"
    )


@pytest.mark.parametrize("count", [60, 173, 200, 1_000, 1_990])
def test_the_least_share_of_a_hold_holds_it_no_more_and_the_percent_below_it_does(count: int) -> None:
    refused = {Refusal.low_variance: count}
    share = find_least_share([describe_hold(judge_refused_shares(refused, 2_000, POLICY))])
    assert share is not None
    assert not judge_refused_shares(refused, 2_000, InputPolicy(max_refused_share=share)).failed
    if share > 0.02:
        assert judge_refused_shares(refused, 2_000, InputPolicy(max_refused_share=share - 0.01)).failed


def test_where_all_were_refused_no_share_is_enough() -> None:
    assert find_least_share([describe_hold(judge_refused_shares({Refusal.low_variance: 2_000}, 2_000, POLICY))]) is None
    assert find_least_share(["no share in it"]) is None
