from __future__ import annotations

from datetime import UTC, datetime

import pytest

from data_checks.verdict import Phase, Verdict
from deploy.record.holdouts import BenchmarkSet
from tasks.card.model_card import CAPTIONS, write_model_card
from tasks.values import CodePriorFitted, RetrainPlan, Trained, TrainingEvent
from vae_core.config import Budget, TrainConfig
from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.preprocessing import Preprocessing

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


def test_the_table_of_the_benchmark_stands_on_the_card_under_its_name() -> None:
    lines = _card().splitlines()
    assert lines[lines.index("| old-abc, n = 5,000 | value | 95 % interval | better |") + 1] == "|---|---|---|---|"


def test_pictures_are_shown_by_the_url_that_mlflow_serves_them_under() -> None:
    card = _card()
    for name, caption in CAPTIONS.items():
        assert f"![{caption}](/get-artifact?path={name}&run_uuid=run1)" in card
    assert "data:" not in card


def test_a_picture_that_was_not_drawn_is_not_linked() -> None:
    card = _card(pictures=("curves.png",))
    assert card.count("/get-artifact") == 1


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


def test_the_card_of_a_vq_vae_tells_of_codes_and_of_nothing_that_only_a_posterior_has() -> None:
    card = _card_of_codes()
    assert "and uses 504 of 512 codes." in card
    assert "| nats per code by the prior, of 6.238 (log K) | 1.750 | | lower |" in card.splitlines()
    for words in ("ELBO", "KL", "active units", "latent units", "N(0, I)", "mixture", "None"):
        assert words not in card
    assert "codes" not in _card().replace("codes.png", "").replace(CAPTIONS["codes.png"], "")


def test_the_card_says_how_the_prior_was_fitted_and_what_became_of_the_parents_codes() -> None:
    card = _card_of_codes(TRAINED.model_copy(update={"code_prior": FITTED, "codes_kept": 0.958}))
    assert "- 95.8% of the tokens keep the code that the parent gives them." in card
    assert (
        "- Prior over codes: 6,000 steps, 300 s, begun at the parent's; 1.736 nats per held-out code, 2.200 before, "
        "3.933 by each position's frequencies."
    ) in card


@pytest.mark.parametrize(("nats", "weak"), [(3.932, False), (3.933, True), (5.0, True)])
def test_samples_of_a_prior_that_learnt_less_than_counting_are_warned_of_on_the_first_screen(
    nats: float, weak: bool
) -> None:
    fitted = FITTED.model_copy(update={"nats_per_code": nats, "steps": 11})
    first = _card_of_codes(TRAINED.model_copy(update={"code_prior": fitted})).split("To approve")[0]
    assert ("**Its samples are not to be used**" in first) == weak
    assert ("after 11 steps. Reconstructions" in first) == weak


def test_what_happened_while_training_is_told_on_the_card() -> None:
    event = TrainingEvent(kind="codes_unused", step=1_450, detail="200 of 512 codes used in the epoch < 50%")
    card = _card_of_codes(TRAINED.model_copy(update={"events": (event,)}))
    assert "- While training, step 1,450: `codes_unused`: 200 of 512 codes used in the epoch < 50%." in card
