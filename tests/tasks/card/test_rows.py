"""Rows of the card's table: what was measured, in which unit, and which way is better."""

from __future__ import annotations

from tasks.card.rows import benchmark_table
from tests.tasks.card.test_model_card import RESULT, VQ_RESULT
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.evaluation.benchmark_scores import (
    CoverageScore,
    GroupScore,
    MeanScore,
    NllScore,
    OccupancyScore,
    UnbiasedScore,
)

MEASURED = RESULT.model_copy(
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
        "kid_samples": UnbiasedScore(value=1.97, standard_error=0.02, low=1.93, high=2.01, n_real=5_000, n_fake=5_000),
    }
)
GROUPED = RESULT.model_copy(
    update={
        "groups": (
            GroupScore(
                group="7", n=212, recon_error=0.02315, low=0.0215, high=0.0248, ratio=1.88,
                coverage=MeanScore(value=0.9, low=0.8, high=0.95, n=85),
            ),
            GroupScore(
                group="1", n=700, recon_error=0.0111, low=0.0108, high=0.0114, ratio=0.9,
                coverage=MeanScore(value=0.62, low=0.55, high=0.68, n=280),
            ),
            GroupScore(
                group="16", n=12, recon_error=0.09, low=None, high=None, ratio=7.3,
                coverage=MeanScore(value=0.0, low=0.0, high=0.6, n=5),
            ),
        ),
        "coverage_samples": CoverageScore(
            density=0.9, coverage=0.8, precision=0.7, recall=0.6, expected_coverage=0.97, k=5, n_real=2_000,
            n_fake=2_000,
        ),
    }
)  # fmt: skip


def _rows(result: BenchmarkResult, code_nats: float | None = None) -> list[str]:
    return [line for line in benchmark_table("old-abc", result, code_nats) if line]


def test_the_table_holds_every_measurement_with_its_interval_and_sense() -> None:
    table = _rows(RESULT)
    assert {line.count("|") for line in table} == {5}, "a row of another width breaks the table"
    assert table[0] == "| old-abc, n = 5,000 | value | 95 % interval | better |"
    for row in (
        "| recon_error (MSE on [0, 1]) | 0.01234 | 0.01210 to 0.01260 | lower |",
        "| active units | 1 of 2 | | higher |",
        "| fd_efflite0 of samples, fitted mixture (n = 5,000) | 22.00 | 21.80 to 22.20 | lower |",
    ):
        assert row in table
    assert any(line.startswith("| dimensions by KL (nats), parted at 0.1 / 0.5 / 2 | ") for line in table)


def test_quality_and_likelihood_have_rows_where_they_were_measured() -> None:
    table = _rows(MEASURED)
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
        assert row in table
    for words in ("PSNR", "SSIM", "log p"):
        assert words not in "".join(_rows(RESULT))


def test_the_worst_cluster_stands_below_the_whole_and_the_least_covered_below_the_coverage() -> None:
    table = _rows(GROUPED)
    assert {line.count("|") for line in table} == {5}, "a row of another width breaks the table"
    worst = (
        "| recon_error of the worst of 3 clusters of like images (cluster 7, n = 212) | 0.02315 | 0.02150 to 0.02480 "
        "| lower |"
    )
    least = (
        "| coverage of the cluster that samples cover least (cluster 1, n = 280) | 0.620 | 0.550 to 0.680 | higher |"
    )
    assert table[table.index(worst) - 1].startswith("| recon_error (MSE")
    assert table[table.index(least) - 1].startswith("| density / coverage of samples")
    unsampled = tuple(group.model_copy(update={"coverage": None}) for group in GROUPED.groups or ())
    alone = _rows(GROUPED.model_copy(update={"groups": unsampled, "coverage_samples": None}))
    assert worst in alone and "cluster that samples" not in "".join(alone)
    small = GROUPED.model_copy(update={"groups": (GROUPED.groups or ())[2:]})
    assert "cluster" not in "".join(_rows(small) + _rows(RESULT))


def test_the_distance_at_infinite_n_has_a_row_where_it_was_asked_for_also_where_the_set_is_too_small() -> None:
    limit = UnbiasedScore(value=18.42, standard_error=0.2, low=18.03, high=18.81, n_real=5_000, n_fake=5_000)
    asked = RESULT.model_copy(update={"thorough": True})
    table = _rows(asked.model_copy(update={"fd_samples_at_infinity": limit}))
    assert "| fd_efflite0 of samples at infinite n (from n = 5,000) | 18.42 | 18.03 to 18.81 | lower |" in table and {
        line.count("|") for line in table
    } == {5}
    small = [row for row in _rows(asked) if "infinite" in row]
    assert small == [
        "| fd_efflite0 of samples at infinite n | not measured: a third of the images, or samples, are no more than "
        "the features | | lower |"
    ]
    silent = VQ_RESULT.model_copy(update={"thorough": True, "fd_samples_codes": None})
    assert "infinite" not in "".join(_rows(RESULT) + _rows(silent)), "nobody asked, or there are no samples"


def test_cells_of_the_code_space_have_two_rows_where_they_were_counted() -> None:
    occupancy = OccupancyScore(
        cells=64, n_images=2_500, n_samples=5_000, used_by_images=64, used_by_samples=61, perplexity_of_images=58.1,
        perplexity_of_samples=51.0, distance=0.1234, floor_mean=0.0711, floor_p95=0.0823,
    )  # fmt: skip
    rows = [row for row in _rows(RESULT.model_copy(update={"occupancy": occupancy})) if "cells" in row]
    assert rows == [
        "| cells of the code space that samples / images reach (of 64; n = 5,000 / 2,500) | 61 / 64 | | |",
        "| distance between samples and images by these cells (Jensen-Shannon, 0 to 1; by chance 0.071, seldom above "
        "0.082) | 0.123 | | lower |",
    ]
    assert "cells" not in "".join(_rows(RESULT))


def test_the_table_of_a_vq_vae_has_its_codes_and_their_prior_and_nothing_of_a_posterior() -> None:
    table = _rows(VQ_RESULT, code_nats=1.75)
    assert {line.count("|") for line in table} == {5}, "a row of another width breaks the table"
    for row in (
        "| codes used | 504 of 512 | | higher |",
        "| perplexity of the codes | 176.7 | | higher |",
        "| distance of a vector from its code | 0.1234 | 0.1200 to 0.1268 | lower |",
        "| nats per code by the prior, of 6.238 (log K) | 1.750 | | lower |",
        "| fd_efflite0 of samples, prior over codes (n = 5,000) | 44.00 | 43.80 to 44.20 | lower |",
    ):
        assert row in table
    for words in ("ELBO", "KL", "active units", "evenly", "N(0, I)", "mixture", "None"):
        assert words not in "".join(table)


def test_codes_have_rows_only_where_they_were_measured() -> None:
    assert "by the prior" not in "".join(_rows(VQ_RESULT))
    assert "codes" not in "".join(_rows(RESULT))
