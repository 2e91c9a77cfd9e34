import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data_checks.verdict import Evidence, Phase, Verdict, combine

verdicts = st.builds(Verdict, phase=st.sampled_from(Phase), reason=st.just("a 1 <= limit 2"))


def test_not_knowing_is_graver_than_passing_and_failing_is_gravest() -> None:
    order = [Phase.passed, Phase.inconclusive, Phase.no_data, Phase.failed]
    assert sorted(reversed(order)) == order
    for lower, higher in itertools.pairwise(order):
        assert lower < higher and lower <= higher and higher > lower and higher >= lower
    assert max(Phase.failed, Phase.passed) is Phase.failed


@pytest.mark.parametrize(
    ("evidence", "phrase"),
    [
        (
            Evidence(
                name="fd_efflite0", value=31.8, limit=30.4, unit="", direction="lower",
                low=30.9, high=32.7, n=10000,
            ),
            "fd_efflite0 31.8 [30.9, 32.7] > limit 30.4 (n=10000)",
        ),
        (
            Evidence(name="latency_p99", value=80.0, limit=100.0, unit="ms", direction="lower"),
            "latency_p99 80 <= limit 100 ms",
        ),
        (
            Evidence(name="active_units", value=7, limit=10, unit="units", direction="higher", n=500),
            "active_units 7 < limit 10 units (n=500)",
        ),
        (
            Evidence(name="active_units", value=10, limit=10, unit="units", direction="higher"),
            "active_units 10 >= limit 10 units",
        ),
        (
            Evidence(name="refusals", value=0.000012345, limit=None, unit="", direction="lower"),
            "refusals 1.234e-05",
        ),
    ],
)  # fmt: skip
def test_evidence_names_both_numbers_and_which_side_the_value_is_on(evidence: Evidence, phrase: str) -> None:
    assert evidence.describe() == phrase


@pytest.mark.parametrize(
    "fields",
    [
        {"value": float("nan")},
        {"limit": float("inf")},
        {"low": 0.1},
        {"low": 0.3, "high": 0.2},
        {"n": -1},
        {"name": ""},
        {"direction": "sideways"},
    ],
)
def test_evidence_that_no_json_or_no_reader_could_take_is_refused(fields: dict[str, object]) -> None:
    sound = {"name": "kl", "value": 0.1, "limit": 0.2, "unit": "nats", "direction": "lower"}
    Evidence.model_validate(sound)
    with pytest.raises(ValidationError):
        Evidence.model_validate(sound | fields)


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 2001])
def test_a_reason_is_one_line(reason: str) -> None:
    with pytest.raises(ValidationError):
        Verdict(phase=Phase.failed, reason=reason)


def test_a_verdict_survives_json() -> None:
    evidence = Evidence(name="kl", value=14.7, limit=30.0, unit="nats", direction="lower", low=14.0, high=15.0, n=9)
    verdict = Verdict(phase=Phase.inconclusive, reason="kl 14.7 nats, limit 30", evidence=(evidence,))
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_a_verdict_of_another_schema_or_with_unknown_words_is_refused() -> None:
    for extra in ({"schema_version": 2}, {"mood": "good"}):
        with pytest.raises(ValidationError):
            Verdict.model_validate({"phase": "passed", "reason": "a 1 <= limit 2"} | extra)


def test_nothing_judged_is_no_data_and_not_a_pass() -> None:
    assert combine([]).phase is Phase.no_data


@given(st.lists(verdicts, min_size=1))
def test_combining_keeps_the_gravest_phase_in_any_order(given_verdicts: list[Verdict]) -> None:
    combined = combine(given_verdicts)
    assert combined.phase is max(verdict.phase for verdict in given_verdicts)
    assert combine(given_verdicts[::-1]).phase is combined.phase
    assert combined.passed == all(verdict.passed for verdict in given_verdicts)


def test_combining_gives_the_reasons_of_the_gravest_phase_and_all_evidence() -> None:
    kl = Evidence(name="kl", value=1.0, limit=2.0, unit="nats", direction="lower")
    norm = Evidence(name="norm", value=3.0, limit=2.0, unit="", direction="lower")
    combined = combine(
        [
            Verdict(phase=Phase.passed, reason="kl is fine", evidence=(kl,)),
            Verdict(phase=Phase.failed, reason=norm.describe(), evidence=(norm,)),
        ]
    )
    assert combined.reason == "norm 3 > limit 2"
    assert combined.evidence == (kl, norm)


def test_a_thousand_long_reasons_still_make_one_line_that_can_be_stored() -> None:
    combined = combine([Verdict(phase=Phase.failed, reason="x" * 2000)] * 1000)
    assert len(combined.reason) <= 2000 and combined.reason.endswith("and 997 more")
