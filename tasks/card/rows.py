"""The measurements of one version as rows of a card's table: value, interval, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tasks.card.traversal_rows import traversal_rows

if TYPE_CHECKING:
    from vae_core.evaluation.benchmark_result import BenchmarkResult, FrechetScore
    from vae_core.evaluation.benchmark_scores import MeanScore

KL_BANDS = (0.1, 0.5, 2.0)
"""Nats: below the first a dimension carries hardly anything, between the last two what one usually does."""

STILL_VARIANCE = 0.1
"""Var[μ] below which a dimension's mean hardly depends on the image; in a healthy model 19 of 32 are."""

HEAD = ("value | 95 % interval | better |", "|---|---|---|---|")


def benchmark_table(title: str, result: BenchmarkResult, code_nats: float | None = None) -> list[str]:
    """One table; `code_nats`: of a prior over codes, on the version's reference. What a kind has not, has no row."""
    return [
        f"| {title}, n = {result.n_images:,} | {HEAD[0]}",
        HEAD[1],
        f"| recon_error (MSE on [0, 1]) | {result.recon_error:.5f} | "
        f"{result.recon_error_low:.5f} to {result.recon_error_high:.5f} | lower |",
        *_group_row(result),
        f"| recon_error, 99th percentile | {result.recon_error_p99:.5f} | | lower |",
        *_mean("PSNR (dB, mean over images)", result.psnr_db, 2),
        *_mean("SSIM", result.ssim, 4),
        *(row for figure in result.family.figures for row in OWN_ROWS.get(figure, _no_rows)(result, code_nats)),
        *_distance_rows(result),
        "",
    ]


def _group_row(result: BenchmarkResult) -> list[str]:
    """The error where it is largest: a mean over all images hides a kind that has gone bad."""
    if (worst := result.worst_group) is None or result.groups is None:
        return []
    name = f"the worst of {len(result.groups)} clusters of like images (cluster {worst.group}, n = {worst.n:,})"
    return [f"| recon_error of {name} | {worst.recon_error:.5f} | {worst.low:.5f} to {worst.high:.5f} | lower |"]


def _no_rows(result: BenchmarkResult, nats: float | None) -> list[str]:
    return []


def _posterior_rows(result: BenchmarkResult, nats: float | None) -> list[str]:
    """Of a KL and what stands beside it."""
    return [
        f"| −ELBO (nats, {result.likelihood}) | {result.neg_elbo:.2f} | "
        f"{result.neg_elbo_low:.2f} to {result.neg_elbo_high:.2f} | lower |",
        *_likelihood_row(result),
        f"| KL (nats) | {result.kl:.2f} | | |",
        f"| active units | {result.active_units} of {result.latent_dim} | | higher |",
        *_dimension_rows(result),
        *_information_rows(result),
        *traversal_rows(result.traversals),
    ]


def _dimension_rows(result: BenchmarkResult) -> list[str]:
    """How the KL is spread over the dimensions, in the field's bands, and how many means hardly move; no alarm.

    A healthy model has dimensions in every band; 0.5 to 2 nats is what a used one usually carries.
    """
    rows = []
    if result.kl_per_dim is not None:
        edges = (-math.inf, *KL_BANDS, math.inf)
        counts = [
            sum(low <= each < high for each in result.kl_per_dim) for low, high in zip(edges, edges[1:], strict=False)
        ]
        names = " / ".join(f"{edge:g}" for edge in KL_BANDS)
        rows.append(f"| dimensions by KL (nats), parted at {names} | {' / '.join(map(str, counts))} | | |")
    if result.mu_variance_per_dim is not None:
        still = sum(each < STILL_VARIANCE for each in result.mu_variance_per_dim)
        rows.append(f"| inactive means (Var[μ] < {STILL_VARIANCE:g}) | {still} of {result.latent_dim} | | |")
    return rows


def _information_rows(result: BenchmarkResult) -> list[str]:
    """What a code tells of its image, between two bounds, and how far the codes are from the prior as a whole."""
    rows = []
    low, high = result.mutual_information_lower, result.mutual_information_upper
    if low is not None and high is not None:
        between = f"{low.value:.2f} to {high.value:.2f}"
        rows.append(f"| information of a code (nats; bounds, n = {low.n:,}) | {between} | | |")
    if (mmd := result.mmd_prior) is not None:
        name = f"MMD² of the codes to N(0, I) (n = {mmd.n_real:,})"
        rows.append(f"| {name} | {mmd.value:.5f} | {mmd.low:.5f} to {mmd.high:.5f} | lower |")
    return rows + _occupancy_rows(result)


def _occupancy_rows(result: BenchmarkResult) -> list[str]:
    """Whether samples are drawn where the images' codes are, by cells of the code space."""
    if (found := result.occupancy) is None:
        return []
    name = f"cells of the code space that samples / images reach (of {found.cells}; n = {found.n_samples:,} / "
    chance = f"0 to 1; by chance {found.floor_mean:.3f}, seldom above {found.floor_p95:.3f}"
    return [
        f"| {name}{found.n_images:,}) | {found.used_by_samples} / {found.used_by_images} | | |",
        f"| distance between samples and images by these cells (Jensen-Shannon, {chance}) | {found.distance:.3f} | | "
        "lower |",
    ]


def _likelihood_row(result: BenchmarkResult) -> list[str]:
    """-log p(x) by importance samples: of few images and draws, so n and k are in its name."""
    if (nll := result.nll) is None:
        return []
    name = f"−log p (nats, {result.likelihood}; n = {nll.n:,}, k = {nll.k:,})"
    return [f"| {name} | {nll.value:.2f} | {nll.low:.2f} to {nll.high:.2f} | lower |"]


def _mean(name: str, score: MeanScore | None, digits: int) -> list[str]:
    """A mean over images of which more is better; no row where an older release did not measure it."""
    if score is None:
        return []
    return [f"| {name} | {score.value:.{digits}f} | {score.low:.{digits}f} to {score.high:.{digits}f} | higher |"]


def _code_rows(result: BenchmarkResult, nats: float | None) -> list[str]:
    """Of a codebook."""
    rows = [
        f"| codes used | {result.codes_used:,} of {result.codes:,} | | higher |",
        f"| perplexity of the codes | {result.code_perplexity:.1f} | | higher |",
        f"| distance of a vector from its code | {result.code_distance:.4f} | {_interval(result)} | lower |",
    ]
    if nats is not None:
        ignorant = math.log(result.figure("codes"))
        rows.append(f"| nats per code by the prior, of {ignorant:.3f} (log K) | {nats:.3f} | | lower |")
    return rows


OWN_ROWS: Mapping[str, Callable[[BenchmarkResult, float | None], list[str]]] = {
    "kl": _posterior_rows,
    "codes_used": _code_rows,
}
"""The rows of a figure that only some families have; `nats` are those of a prior over codes, for one code."""


def _interval(result: BenchmarkResult) -> str:
    low, high = result.code_distance_low, result.code_distance_high
    return "" if low is None else f"{low:.4f} to {high:.4f}"


def _distance_rows(result: BenchmarkResult) -> list[str]:
    kind = "independent real images" if result.fd_floor_kind == "independent_set" else "two halves"
    distances = {
        "reconstructions": result.fd_reconstructions,
        "samples, N(0, I)": result.fd_samples_standard,
        "samples, fitted mixture": result.fd_samples_mixture,
        "samples, prior over codes": result.fd_samples_codes,
        f"floor: real against real ({kind})": result.fd_floor,
    }
    return [
        # of too few images the value is bias: the kernel distance below has none
        *(_distance(name, score) for name, score in distances.items() if score is not None and not score.n_too_small),
        *_infinity_row(result),
        *_neighbour_rows(result),
    ]


def _infinity_row(result: BenchmarkResult) -> list[str]:
    """The distance without its bias, where a thorough evaluation was asked for it."""
    limit, name = (
        result.fd_samples_at_infinity,
        f"fd_{result.fd_reconstructions.feature_space} of samples at infinite n",
    )
    if limit is not None:
        interval = f"{limit.low:.2f} to {limit.high:.2f}"
        return [f"| {name} (from n = {limit.n_fake:,}) | {limit.value:.2f} | {interval} | lower |"]
    if result.thorough and result.fd_samples is not None:
        return [
            f"| {name} | not measured: a third of the images, or samples, are no more than the features | | lower |"
        ]
    return []


def _neighbour_rows(result: BenchmarkResult) -> list[str]:
    """What Fréchet's two moments cannot see: KID, and how densely and how widely samples lie among real images."""
    rows, space = [], result.fd_reconstructions.feature_space
    if (kid := result.kid_samples) is not None:
        name = f"kid_{space} of samples (n = {kid.n_fake:,})"
        rows.append(f"| {name} | {kid.value:.4f} | {kid.low:.4f} to {kid.high:.4f} | lower |")
    if (found := result.coverage_samples) is not None:
        name = f"density / coverage of samples (n = {found.n_fake:,})"
        rows.append(f"| {name} | {found.density:.3f} / {found.coverage:.3f} | | higher |")
    if (least := result.least_covered_group) is not None and (share := least.coverage) is not None:
        name = f"coverage of the cluster that samples cover least (cluster {least.group}, n = {share.n:,})"
        rows.append(f"| {name} | {share.value:.3f} | {share.low:.3f} to {share.high:.3f} | higher |")
    return rows


def _distance(of_what: str, score: FrechetScore) -> str:
    return (
        f"| fd_{score.feature_space} of {of_what} (n = {score.n_fake:,}) | {score.value:.2f} | "
        f"{score.low:.2f} to {score.high:.2f} | lower |"
    )
