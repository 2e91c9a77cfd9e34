from __future__ import annotations

from datetime import UTC, datetime

import pytest

from data_checks.verdict import Phase, Verdict
from tasks.model_card import CAPTIONS, write_model_card
from tasks.values import BenchmarkSet, RetrainPlan, Trained
from vae_core.config import Budget, ConvVaeConfig, TrainConfig
from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore
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
    assert "| fd_efflite0 of samples, fitted mixture (n = 5,000) | 22.00 | 21.80 to 22.20 | lower |" in table


def test_pictures_are_shown_by_the_url_that_mlflow_serves_them_under() -> None:
    card = _card()
    for name, caption in CAPTIONS.items():
        assert f"![{caption}](/get-artifact?path={name}&run_uuid=run1)" in card
    assert "data:" not in card


def test_a_picture_that_was_not_drawn_is_not_linked() -> None:
    card = _card(pictures=("curves.png",))
    assert card.count("/get-artifact") == 1
