from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from data_checks.verdict import Phase, Verdict
from deploy.release import ServedVersion
from tasks.model_card import CAPTIONS, Beside, write_model_card
from tasks.values import (
    BenchmarkSet,
    ChangeShown,
    CodePriorFitted,
    Mixing,
    NewKindFound,
    RetrainPlan,
    Tier,
    Trained,
    TrainingEvent,
)
from vae_core.config import Budget, ConvVaeConfig, TrainConfig
from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore
from vae_core.evaluation.benchmark_scores import MeanScore, NllScore, UnbiasedScore
from vae_core.preprocessing import Preprocessing

PLAN = RetrainPlan(
    key="one",
    tier="full",
    reason="schedule",
    catalogue_version=3,
    n_training=12_345,
    sources=("a", "b"),
    benchmark=BenchmarkSet(name="old", prefix="benchmarks/old-abc", digest="abc", n=5_000, sources=("c",)),
    model=ConvVaeConfig(),
    train=TrainConfig(budget=Budget(amount=1, unit="epochs")),
    preprocessing=Preprocessing(),
    planned_at=datetime(2026, 1, 2, tzinfo=UTC),
)
TRAINED = Trained(
    key="one", prefix="runs/one/trained", digest="d", steps=1_200, epochs=4, seconds=61, resumed_from_step=None
)


def _score(value: float) -> FrechetScore:
    return FrechetScore(
        feature_space="efflite0",
        value=value,
        standard_error=0.1,
        low=value - 0.2,
        high=value + 0.2,
        n_real=5_000,
        n_fake=5_000,
        n_too_small=False,
    )


RESULT = BenchmarkResult(
    n_images=5_000,
    n_samples=5_000,
    seed=0,
    data_digest="abc",
    extractor_digest="def",
    recon_error=0.01234,
    recon_error_low=0.0121,
    recon_error_high=0.0126,
    recon_error_p50=0.01,
    recon_error_p99=0.0456,
    recon_error_baseline=0.08,
    explained_variance=0.846,
    neg_elbo=234.56,
    neg_elbo_low=233,
    neg_elbo_high=236,
    kl=17.5,
    latent_dim=2,
    active_units=1,
    inactive_dims=(1,),
    kl_per_dim=(17.5, 0.0),
    mu_variance_per_dim=(1.0, 0.0),
    posterior_mean_per_dim=(0.0, 0.0),
    posterior_variance_per_dim=(1.0, 1.0),
    fd_reconstructions=_score(11),
    fd_samples_standard=_score(33),
    fd_samples_mixture=_score(22),
    fd_floor=_score(2),
    fd_floor_kind="independent_set",
)


def _card(phase: Phase = Phase.passed, pictures: tuple[str, ...] = tuple(CAPTIONS)) -> str:
    verdict = Verdict(phase=phase, reason="recon_error 0.0123 < limit 0.02 (n=5000)")
    return write_model_card(PLAN, TRAINED, RESULT, verdict, "run1", pictures)


@pytest.mark.parametrize(
    ("phase", "headline", "sentence"),
    [
        (Phase.passed, "## Benchmark passed", "The gate found nothing against it."),
        (Phase.failed, "## Benchmark failed", "approving needs an override."),
        (Phase.inconclusive, "## Benchmark failed", "approving needs an override."),
    ],
)
def test_the_card_begins_with_the_verdict_in_plain_words(phase: Phase, headline: str, sentence: str) -> None:
    card = _card(phase)
    assert card.startswith(f"{headline}\n")
    assert sentence in card
    assert "explains 85% of the pixel variance" in card
    assert "_recon_error 0.0123 < limit 0.02 (n=5000)_" in card


def test_the_card_says_how_to_approve() -> None:
    assert "`approval` to `approved`" in _card()


def test_the_table_holds_every_measurement_with_its_interval_and_sense() -> None:
    table = [line for line in _card().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {5}, "a row of another width breaks the table"
    assert table[0] == "| old-abc, n = 5,000 | value | 95 % interval | better |"
    assert "| recon_error (MSE on [0, 1]) | 0.01234 | 0.01210 to 0.01260 | lower |" in table
    assert "| active units | 1 of 2 | | higher |" in table
    assert any(line.startswith("| dimensions by KL (nats), parted at 0.1 / 0.5 / 2 | ") for line in table)
    assert "| fd_efflite0 of samples, fitted mixture (n = 5,000) | 22.00 | 21.80 to 22.20 | lower |" in table


def test_pictures_are_shown_by_the_url_that_mlflow_serves_them_under() -> None:
    card = _card()
    for name, caption in CAPTIONS.items():
        assert f"![{caption}](/get-artifact?path={name}&run_uuid=run1)" in card
    assert "data:" not in card


def test_a_picture_that_was_not_drawn_is_not_linked() -> None:
    card = _card(pictures=("curves.png",))
    assert card.count("/get-artifact") == 1


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


FOUND = NewKindFound(n=689, share=0.17, share_low=0.14, purity=0.81, error_ratio=2.8, cells=7)


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
        "an epoch); the rest replayed known ones.",
        "- Reference for its traffic: 1,020 images of benchmark_new, in the mix of the traffic.",
        "weights of step 950, stopped: no improvement.",
        "| new-def, n = 1,020 | value | 95 % interval | better |",
        "(/get-artifact?path=new_kind.png&run_uuid=run1)",
    ):
        assert line in card


def test_the_card_of_a_window_that_is_new_as_a_whole_says_that_no_cluster_could_be_named() -> None:
    whole = NewKindFound(n=2_000, share=1.0, share_low=0.38, purity=0.38, error_ratio=1.4, cells=0)
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


def test_an_interval_in_the_verdict_is_not_taken_for_a_link() -> None:
    verdict = Verdict(phase=Phase.passed, reason="recon_error -2.84% [-3.06%, -2.62%]")
    card = write_model_card(PLAN, TRAINED, RESULT, verdict, "run1", ())
    assert r"_recon_error -2.84% \[-3.06%, -2.62%\]_" in card


def test_images_that_another_run_holds_out_are_counted_on_the_card() -> None:
    trained = TRAINED.model_copy(update={"n_images": 12_300, "excluded": 45})
    verdict = Verdict(phase=Phase.passed, reason="ok")
    card = write_model_card(PLAN, trained, RESULT, verdict, "run-1", [])
    assert "12,300 images (45 left out, another run holds them out) of catalogue version 3" in card
    assert "12,345" not in card


VQ_RESULT = RESULT.model_copy(
    update={
        **dict.fromkeys(("likelihood", "neg_elbo", "neg_elbo_low", "neg_elbo_high", "kl", "active_units")),
        **dict.fromkeys(("fd_samples_standard", "fd_samples_mixture")),
        "latent_dim": 64,
        "codes": 512,
        "codes_used": 504,
        "code_perplexity": 176.72,
        "code_distance": 0.1234,
        "code_distance_low": 0.12,
        "code_distance_high": 0.1268,
        "fd_samples_codes": _score(44),
    }
)
FITTED = CodePriorFitted(steps=6_000, seconds=300, warm=True, nats_per_code=1.736, before=2.2, independent=3.933)


def _card_of_codes(trained: Trained = TRAINED, code_nats: float | None = 1.75) -> str:
    verdict = Verdict(phase=Phase.passed, reason="codes_used 504 >= limit 256 codes")
    return write_model_card(PLAN, trained, VQ_RESULT, verdict, "run1", ("codes.png",), code_nats=code_nats)


def test_the_table_of_a_vq_vae_has_its_codes_and_their_prior_and_nothing_of_a_posterior() -> None:
    card = _card_of_codes()
    table = [line for line in card.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {5}, "a row of another width breaks the table"
    for row in (
        "| codes used | 504 of 512 | | higher |",
        "| perplexity of the codes | 176.7 | | higher |",
        "| distance of a vector from its code | 0.1234 | 0.1200 to 0.1268 | lower |",
        "| nats per code by the prior, of 6.238 (log K) | 1.750 | | lower |",
        "| fd_efflite0 of samples, prior over codes (n = 5,000) | 44.00 | 43.80 to 44.20 | lower |",
    ):
        assert row in table
    for words in ("ELBO", "KL", "active units", "latent units", "N(0, I)", "mixture", "None"):
        assert words not in card
    assert "and uses 504 of 512 codes." in card


def test_a_card_without_a_measured_prior_has_no_row_of_it() -> None:
    assert "by the prior" not in _card_of_codes(code_nats=None)
    assert "codes" not in _card().replace("codes.png", "").replace(CAPTIONS["codes.png"], "")


def test_the_card_says_how_the_prior_was_fitted_and_what_became_of_the_parents_codes() -> None:
    card = _card_of_codes(TRAINED.model_copy(update={"code_prior": FITTED, "codes_kept": 0.958}))
    assert "- 95.8% of the tokens keep the code that the parent gives them." in card
    assert (
        "- Prior over codes: 6,000 steps, 300 s, begun at the parent's; 1.736 nats per held-out code, 2.200 before, "
        "3.933 by each position's frequencies."
    ) in card


def test_what_happened_while_training_is_told_on_the_card() -> None:
    event = TrainingEvent(kind="codes_unused", step=1_450, detail="200 of 512 codes used in the epoch < 50%")
    card = _card_of_codes(TRAINED.model_copy(update={"events": (event,)}))
    assert "- While training, step 1,450: `codes_unused`: 200 of 512 codes used in the epoch < 50%." in card


def test_a_champion_of_another_kind_that_has_no_samples_is_compared_on_the_rest() -> None:
    silent = VQ_RESULT.model_copy(update={"fd_samples_codes": None})
    others = tuple(each for each in BESIDE.changes if (each.metric, each.benchmark) != ("fd_efflite0", "old"))
    card = _card_of("full", replace(BESIDE, old=silent, changes=others))
    row = "| fd_efflite0 of samples on benchmark_old, n = 5,000 | no samples | 22.00 | no samples to compare |  |"
    assert row in card.splitlines()


def test_quality_and_likelihood_have_rows_where_they_were_measured() -> None:
    measured = RESULT.model_copy(
        update={
            "psnr_db": MeanScore(value=19.5, low=19.4, high=19.6, n=5_000),
            "ssim": MeanScore(value=0.812, low=0.81, high=0.814, n=5_000),
            "nll": NllScore(value=233.1, low=225.0, high=241.2, n=200, k=50, ess_mean=4.2, draws_standard_error=0.3),
            "kl_per_dim": (0.05, 0.1, 0.7, 1.9, 2.0),
            "mu_variance_per_dim": (0.01, 0.099, 0.1, 0.9, 1.0),
            "latent_dim": 5,
            "mutual_information_lower": MeanScore(value=8.1, low=8.0, high=8.2, n=5_000),
            "mutual_information_upper": MeanScore(value=14.8, low=14.7, high=14.9, n=5_000),
            "mmd_prior": UnbiasedScore(
                value=0.0021, standard_error=0.0001, low=0.0019, high=0.0023, n_real=5_000, n_fake=5_000
            ),
            "kid_samples": UnbiasedScore(
                value=1.97, standard_error=0.02, low=1.93, high=2.01, n_real=5_000, n_fake=5_000
            ),
        }
    )
    verdict = Verdict(phase=Phase.passed, reason="ok")
    card = write_model_card(PLAN, TRAINED, measured, verdict, "run1", ())
    for row in (
        "| PSNR (dB, mean over images) | 19.50 | 19.40 to 19.60 | higher |",
        "| SSIM | 0.8120 | 0.8100 to 0.8140 | higher |",
        "| −log p (nats, bernoulli; n = 200, k = 50) | 233.10 | 225.00 to 241.20 | lower |",
        "| dimensions by KL (nats), parted at 0.1 / 0.5 / 2 | 1 / 1 / 2 / 1 | | |",
        "| inactive means (Var[μ] < 0.1) | 2 of 5 | | |",
        "| information of a code (nats; bounds, n = 5,000) | 8.10 to 14.80 | | |",
        "| MMD² of the codes to N(0, I) (n = 5,000) | 0.00210 | 0.00190 to 0.00230 | lower |",
        "| kid_efflite0 of samples (n = 5,000) | 1.9700 | 1.9300 to 2.0100 | lower |",
    ):
        assert row in card
    for words in ("PSNR", "SSIM", "log p"):
        assert words not in _card()
