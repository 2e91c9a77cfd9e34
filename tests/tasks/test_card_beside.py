"""The card of a version that has a champion: before and after, and where the version comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_checks.verdict import Phase, Verdict
from deploy.record.holdouts import BenchmarkSet
from deploy.release import ServedVersion
from tasks.card.model_card import CAPTIONS, Beside, write_model_card
from tasks.values import ChangeShown, Mixing, NewKindFound, Tier
from tests.tasks.card.test_model_card import PLAN, RESULT, TRAINED, VQ_RESULT


def _change(metric: str, benchmark: str, value: float) -> ChangeShown:
    return ChangeShown.model_validate(
        {
            "metric": metric,
            "benchmark": benchmark,
            "value": value,
            "low": value - 0.01,
            "high": value + 0.01,
            "n": 1_020 if benchmark == "new" else 5_000,
        }
    )


BESIDE = Beside(
    version="4",
    old=RESULT.model_copy(update={"recon_error": 0.0125}),
    new=RESULT.model_copy(update={"recon_error": 0.0301, "n_images": 1_020}),
    candidate_new=RESULT.model_copy(update={"recon_error": 0.0221, "n_images": 1_020}),
    changes=(
        _change("recon_error", "old", -0.013),
        _change("fd_efflite0_reconstructions", "old", -0.021),
        _change("fd_efflite0", "old", 0.2),
        _change("recon_error", "new", -0.266),
    ),
    reference="1,020 images of benchmark_new, in the mix of the traffic",
    encoders=None,
)


FOUND = NewKindFound(n=689, share=0.17, share_low=0.14, purity=0.81, error_ratio=2.8, clusters=7)


def _card_of(tier: Tier, beside: Beside = BESIDE, found: NewKindFound = FOUND) -> str:
    plan = PLAN.model_copy(
        update={
            "tier": tier,
            "reason": "drift",
            "snapshot": "snap-1",
            "champion": ServedVersion(version="4", digest="c", artifact="artifacts/c"),
            "benchmark_new": BenchmarkSet(
                name="new", prefix="benchmarks/new-def", digest="def", n=1_020, sources=(), n_new_kind=172
            ),
            "found": found,
        }
    )
    mixing = Mixing(new_images=517, natural_share=0.014, new_share=0.143, oversampling=10, replay_weight=0.87)
    trained = TRAINED.model_copy(update={"mixing": mixing, "best_step": 950, "stop_reason": "no_improvement"})
    verdict = Verdict(phase=Phase.passed, reason="recon_error on benchmark_new -26.60%")
    return write_model_card(plan, trained, RESULT, verdict, "run1", tuple(CAPTIONS), beside)


def test_the_card_of_an_emergency_shows_before_and_after_on_both_benchmarks() -> None:
    table = [line for line in _card_of("emergency").splitlines() if line.count("|") == 6]
    assert table == [
        "| against version 4 | before | after | change | 95 % interval |",
        "|---|---|---|---|---|",
        "| recon_error on benchmark_old, n = 5,000 | 0.01250 | 0.01234 | -1.3% | -2.3% to -0.3% |",
        "| fd_efflite0 of samples on benchmark_old, n = 5,000 | 22.00 | 22.00 | +20.0% | +19.0% to +21.0% |",
        "| fd_efflite0 of reconstructions on benchmark_old, n = 5,000 | 11.00 | 11.00 | -2.1% | -3.1% to -1.1% |",
        "| recon_error on benchmark_new, n = 1,020 | 0.03010 | 0.02210 | -26.6% | -27.6% to -25.6% |",
        "| fd_efflite0 of samples on benchmark_new, n = 1,020 | 22.00 | 22.00 | n too small |  |",
        "| fd_efflite0 of reconstructions on benchmark_new, n = 1,020 | 11.00 | 11.00 | n too small |  |",
    ]


def test_the_card_of_an_emergency_says_where_the_version_comes_from() -> None:
    card = _card_of("emergency")
    for line in (
        "Where n is too small for a distance, the gate judges recon_error alone.",
        "- Parent: version 4, whose weights it began with.",
        "Evidently snapshot `snap-1`, its report in the object store at `snapshots/snap-1/report.html`.",
        "- New kind, found without labels: 689 images, 17.0% of the window's traffic in 7 clusters, purity 81%, "
        "error 2.80 times the reference's.",
        "- benchmark_new: 1,020 images held out by time, 172 of them of the new kind; none was trained on.",
        "- Of what was drawn, 14.3% showed one of 517 distinct images of the new kind (1.4% by nature, each 10.0 times "
        "in a pass over the images); the rest replayed known ones.",
        "- Reference for its traffic: 1,020 images of benchmark_new, in the mix of the traffic.",
        "weights of step 950, stopped: no improvement.",
        "| new-def, n = 1,020 | value | 95 % interval | better |",
        "(/get-artifact?path=new_kind.png&run_uuid=run1)",
    ):
        assert line in card


def test_the_card_of_a_window_that_is_new_as_a_whole_says_that_no_cluster_could_be_named() -> None:
    whole = NewKindFound(n=2_000, share=1.0, share_low=0.38, purity=0.38, error_ratio=1.4, clusters=0)
    card = _card_of("emergency", found=whole)
    assert (
        "- New kind: no cluster could be named, so the newest 2,000 images of the traffic as a whole take its place; "
        "at least 38% of them moved, error 1.40 times the reference's."
    ) in card
    assert "found without labels" not in card


@pytest.mark.parametrize(
    ("own", "line"),
    [
        ("a" * 64, f"- Encoder digest `{'a' * 16}`, equal to the parent's `{'a' * 16}`."),
        ("b" * 64, f"- Encoder digest `{'b' * 16}`, DIFFERENT from the parent's `{'a' * 16}`."),
    ],
)
def test_the_card_of_an_incremental_version_compares_the_encoders(own: str, line: str) -> None:
    assert line in _card_of("incremental", replace(BESIDE, encoders=("a" * 64, own)))


def test_the_card_of_a_full_version_names_its_parent_and_no_warm_start() -> None:
    assert "- Parent: version 4; trained from scratch." in _card_of("full")


def test_the_card_says_in_one_sentence_what_a_person_approves() -> None:
    card = _card_of("emergency")
    assert "Against version 4: better on the newest traffic (-26.6% error), better on the old images (-1.3%" in card
    same = replace(BESIDE, changes=(_change("recon_error", "old", 0.001), _change("recon_error", "new", 0.03)))
    assert "worse on the newest traffic (+3.0% error), no different on the old images" in _card_of("emergency", same)


def test_a_champion_of_another_kind_that_has_no_samples_is_compared_on_the_rest() -> None:
    silent = VQ_RESULT.model_copy(update={"fd_samples_codes": None})
    others = tuple(each for each in BESIDE.changes if (each.metric, each.benchmark) != ("fd_efflite0", "old"))
    card = _card_of("full", replace(BESIDE, old=silent, changes=others))
    row = "| fd_efflite0 of samples on benchmark_old, n = 5,000 | no samples | 22.00 | no samples to compare |  |"
    assert row in card.splitlines()
