"""The model card: the one page on which a person decides. Markdown as the MLflow UI renders it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data_checks.verdict import Verdict
from tasks.values import RetrainPlan, Trained

if TYPE_CHECKING:
    from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore

CAPTIONS = {
    "reconstructions.png": "Benchmark images (upper row) and their reconstructions (lower row)",
    "worst.png": "The images with the largest error, worst first",
    "samples.png": "Samples from the fitted mixture",
    "traversals.png": "One code moved along its eight strongest dimensions, −3 to +3",
    "curves.png": "Training",
    "errors.png": "Reconstruction error over the benchmark",
}


def write_model_card(
    plan: RetrainPlan,
    trained: Trained,
    result: BenchmarkResult,
    verdict: Verdict,
    run_id: str,
    pictures: Sequence[str],
) -> str:
    """Verdict, one plain sentence, the benchmark as a table, pictures by URL (a data URI would be stripped)."""
    lines = [
        f"## Benchmark {'passed' if verdict.passed else 'failed'}",
        "",
        _plain_sentence(result, verdict),
        "",
        f"_{verdict.reason}_",
        "",
        "To approve, set the tag `approval` to `approved`; to refuse, to `rejected`.",
        "",
        f"| {plan.benchmark.prefix.split('/')[-1]}, n = {result.n_images:,} | value | 95 % interval | better |",
        "|---|---|---|---|",
        *_rows(result),
        "",
        f"Tier {plan.tier} ({plan.reason}); {plan.n_training:,} images of catalogue version {plan.catalogue_version}; "
        f"{trained.steps:,} steps, {trained.epochs:.1f} epochs, {trained.seconds:.0f} s"
        + (f", resumed from step {trained.resumed_from_step:,}" if trained.resumed_from_step is not None else "")
        + ".",
    ]
    for name, caption in CAPTIONS.items():
        if name in pictures:
            lines += ["", f"**{caption}**", "", f"![{caption}](/get-artifact?path={name}&run_uuid={run_id})"]
    return "\n".join(lines)


def _plain_sentence(result: BenchmarkResult, verdict: Verdict) -> str:
    explained = f"It explains {result.explained_variance:.0%} of the pixel variance of images that it never saw"
    alive = f"uses {result.active_units} of {result.latent_dim} latent units"
    return f"{explained} and {alive}. " + (
        "The gate found nothing against it."
        if verdict.passed
        else "The gate is against it; approving needs an override."
    )


def _rows(result: BenchmarkResult) -> list[str]:
    rows = [
        f"| recon_error (MSE on [0, 1]) | {result.recon_error:.5f} | "
        f"{result.recon_error_low:.5f} to {result.recon_error_high:.5f} | lower |",
        f"| recon_error, 99th percentile | {result.recon_error_p99:.5f} | | lower |",
        f"| −ELBO (nats, {result.likelihood}) | {result.neg_elbo:.2f} | "
        f"{result.neg_elbo_low:.2f} to {result.neg_elbo_high:.2f} | lower |",
        f"| KL (nats) | {result.kl:.2f} | | |",
        f"| active units | {result.active_units} of {result.latent_dim} | | higher |",
        _distance("reconstructions", result.fd_reconstructions),
        _distance("samples, N(0, I)", result.fd_samples_standard),
    ]
    if result.fd_samples_mixture is not None:
        rows.append(_distance("samples, fitted mixture", result.fd_samples_mixture))
    kind = "independent real images" if result.fd_floor_kind == "independent_set" else "two halves"
    return [*rows, _distance(f"floor: real against real ({kind})", result.fd_floor)]


def _distance(of_what: str, score: FrechetScore) -> str:
    small = ", n too small" if score.n_too_small else ""
    return (
        f"| fd_{score.feature_space} of {of_what} (n = {score.n_fake:,}{small}) | {score.value:.2f} | "
        f"{score.low:.2f} to {score.high:.2f} | lower |"
    )
