"""Rows go in as batches and come out as columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from sqlalchemy import Engine

from deploy.stores.errors import StoreCorrupt
from deploy.stores.sql.telemetry import RequestRow, Telemetry
from tests.deploy.stores.racing import kill_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _row(number: int = 0, latent_dim: int = 32) -> RequestRow:
    rng = np.random.default_rng(number)
    return RequestRow(
        at=NOW + timedelta(seconds=number),
        request_id=f"r{number}",
        replica="one",
        route="champion",
        version="3",
        refusal=None,
        recon_error=0.01 * (number + 1),
        mu=rng.normal(size=latent_dim).astype(np.float32),
        norm=5.7,
        image_mean=0.3,
        image_variance=0.1,
        image_entropy=2.5,
        histogram=np.full(16, 1 / 16, dtype=np.float32),
        latency_ms=float(number + 1),
        own={"logvar": rng.normal(size=latent_dim).astype(np.float32), "kl": 15.0},
    )


def _refused(number: int) -> RequestRow:
    nothing = dict.fromkeys(("recon_error", "mu", "norm", "image_mean", "image_variance"))
    return replace(_row(number), refusal="low_variance", image_entropy=None, histogram=None, own={}, **nothing)


@pytest.fixture
def telemetry(engine: Engine) -> Telemetry:
    return Telemetry(engine)


def _vq_row(number: int = 0, places: int = 49) -> RequestRow:
    codes = np.random.default_rng(number).integers(0, 512, (places // 7, 7)).astype(np.int32)
    return replace(_row(number), own={"codes": codes, "code_distance": 0.5 + number})


def test_a_window_gives_back_what_was_written(telemetry: Telemetry) -> None:
    rows = [_row(number) for number in range(3)]
    telemetry.write(rows)
    window = telemetry.window(NOW - HOUR, NOW + HOUR)
    assert len(window) == 3
    assert window.at.tolist() == [row.at.replace(tzinfo=None) for row in rows]
    assert window.request_id.tolist() == ["r0", "r1", "r2"]
    assert window.refusal.tolist() == ["", "", ""]
    assert window.recon_error.tolist() == [row.recon_error for row in rows]
    assert window.latency_ms.tolist() == [1.0, 2.0, 3.0]
    # float16 keeps 11 bits: half a unit in the last place is 2**-11 of the value
    np.testing.assert_allclose(window.mu, [row.mu for row in rows], rtol=2**-11, atol=2**-24)
    np.testing.assert_allclose(window.own["logvar"], [row.own["logvar"] for row in rows], rtol=2**-11, atol=2**-24)
    assert window.mu.dtype == np.float16 and window.histogram.shape == (3, 16)


def test_images_keep_eight_bytes_of_their_digest_and_are_zero_without(telemetry: Telemetry) -> None:
    telemetry.write([replace(_row(0), image_digest=-(2**63)), replace(_row(1), image_digest=2**63 - 1), _row(2)])
    assert telemetry.window(NOW - HOUR, NOW + HOUR).image_digest.tolist() == [-(2**63), 2**63 - 1, 0]


def test_what_a_refused_request_did_not_have_is_nan(telemetry: Telemetry) -> None:
    telemetry.write([_row(0), _refused(1)])
    window = telemetry.window(NOW - HOUR, NOW + HOUR)
    assert window.refusal.tolist() == ["", "low_variance"]
    assert np.isnan(window.recon_error).tolist() == [False, True]
    assert np.isnan(window.mu).all(axis=1).tolist() == [False, True]
    assert np.isnan(window.histogram).all(axis=1).tolist() == [False, True]


def test_an_empty_window_has_empty_columns(telemetry: Telemetry) -> None:
    window = telemetry.window(NOW - HOUR, NOW)
    assert len(window) == 0
    assert window.mu.shape == (0, 0) and window.recon_error.dtype == np.float64


def test_a_window_of_refusals_has_no_codes(telemetry: Telemetry) -> None:
    telemetry.write([_refused(0)])
    window = telemetry.window(NOW - HOUR, NOW + HOUR)
    assert window.mu.shape == (1, 0)


def test_an_interval_has_its_start_and_not_its_end(telemetry: Telemetry) -> None:
    telemetry.write([_row(number) for number in range(5)])
    since, until = NOW + timedelta(seconds=1), NOW + timedelta(seconds=4)
    assert telemetry.count(since, until) == 3
    assert telemetry.window(since, until).request_id.tolist() == ["r1", "r2", "r3"]
    assert telemetry.summary(since, until).requests == 3


def test_a_limit_takes_the_newest_in_the_order_of_time(telemetry: Telemetry) -> None:
    telemetry.write([_row(number) for number in (2, 0, 3, 1)])
    assert telemetry.window(NOW, NOW + HOUR, limit=2).request_id.tolist() == ["r2", "r3"]


def test_a_time_zone_does_not_move_a_request(telemetry: Telemetry) -> None:
    east = timezone(timedelta(hours=9))
    telemetry.write([replace(_row(0), at=NOW.astimezone(east))])
    assert telemetry.count(NOW, NOW + timedelta(microseconds=1)) == 1
    assert telemetry.count(NOW.astimezone(east), NOW + HOUR) == 1


def test_a_time_without_a_zone_is_refused_and_the_batch_with_it(telemetry: Telemetry) -> None:
    with pytest.raises(ValueError, match="time zone"):
        telemetry.write([_row(0), replace(_row(1), at=datetime(2026, 3, 1, 12))])
    assert telemetry.count(NOW - HOUR, NOW + HOUR) == 0


def test_codes_of_different_length_are_read_one_version_at_a_time(telemetry: Telemetry) -> None:
    telemetry.write([_row(0), replace(_row(1, latent_dim=64), version="4")])
    with pytest.raises(StoreCorrupt, match=r"found \[32, 64\] values; .*ask for one version"):
        telemetry.window(NOW, NOW + HOUR)
    assert telemetry.window(NOW, NOW + HOUR, version="4").mu.shape == (1, 64)


def test_a_summary_counts_all_and_measures_the_answered(telemetry: Telemetry) -> None:
    telemetry.write([*(_row(number) for number in range(100)), _refused(100), replace(_row(101), route="canary")])
    summary = telemetry.summary(NOW, NOW + HOUR)
    assert summary.requests == 102
    assert summary.per_route == {"champion": 101, "canary": 1}
    assert summary.per_refusal == {"low_variance": 1}
    answered = [0.01 * (number + 1) for number in (*range(100), 101)]
    assert summary.recon_error_mean == pytest.approx(np.mean(answered))
    latencies = [number + 1 for number in (*range(100), 101)]
    assert summary.latency_p50_ms == pytest.approx(np.quantile(latencies, 0.5))
    assert summary.latency_p99_ms == pytest.approx(np.quantile(latencies, 0.99))


def test_the_summary_of_silence_has_no_means(telemetry: Telemetry) -> None:
    summary = telemetry.summary(NOW, NOW + HOUR)
    assert (summary.requests, summary.per_route, summary.per_refusal) == (0, {}, {})
    assert summary.recon_error_mean is summary.latency_p50_ms is summary.latency_p99_ms is None


def test_the_answered_requests_of_a_version_count_once_however_many_images_they_had(telemetry: Telemetry) -> None:
    both = [replace(_row(1), recon_error=error) for error in (0.1, 0.2)]
    telemetry.write([_row(2), *both, _refused(3), replace(_row(4), version="4"), _row(5)])
    answered = telemetry.answered(NOW, NOW + timedelta(seconds=5), "3")
    assert answered.latency_ms.tolist() == [2.0, 3.0] and answered.latency_ms.dtype == np.float64
    assert (answered.count, answered.images) == (2, 3)
    assert telemetry.answered(NOW, NOW + HOUR, "4").latency_ms.tolist() == [5.0]
    nothing = telemetry.answered(NOW, NOW + HOUR, "5")
    assert (nothing.count, nothing.images, nothing.latency_ms.shape) == (0, 0, (0,))


def test_a_request_id_that_came_twice_is_two_requests(telemetry: Telemetry) -> None:
    telemetry.write([_row(0), replace(_row(1), request_id="r0"), replace(_row(0), replica="two")])
    assert telemetry.answered(NOW, NOW + HOUR, "3").count == 3


def test_writing_nothing_is_allowed(telemetry: Telemetry) -> None:
    telemetry.write([])
    assert telemetry.count(NOW - HOUR, NOW + HOUR) == 0


@pytest.mark.parametrize(("moment", "count"), [("before", 0), ("after", 2)])
def test_a_killed_write_is_whole_or_was_never_made(
    database_url: str, telemetry: Telemetry, moment: str, count: int
) -> None:
    code = f"""
        from deploy.stores.sql.database import open_engine
        from deploy.stores.sql.telemetry import Telemetry
        from tests.deploy.stores.sql.test_telemetry import _row
        Telemetry(open_engine({database_url!r})).write([_row(0), _row(1)])
    """
    kill_at("telemetry.write", moment, code)
    assert telemetry.count(NOW, NOW + HOUR) == count


def test_the_codes_of_a_vq_vae_come_back_row_by_row_of_the_grid(telemetry: Telemetry) -> None:
    rows = [_vq_row(number) for number in range(3)]
    telemetry.write(rows)
    window = telemetry.window(NOW - HOUR, NOW + HOUR)
    assert list(window.own) == ["codes", "code_distance"]
    assert window.own["codes"].tolist() == [np.ravel(row.own["codes"]).tolist() for row in rows]
    assert window.own["codes"].dtype == np.int32
    assert window.own["code_distance"].tolist() == [0.5, 1.5, 2.5]


def test_the_largest_code_that_a_codebook_may_have_is_kept_and_no_larger_one(telemetry: Telemetry) -> None:
    telemetry.write([replace(_vq_row(0), own={"codes": np.full((7, 7), 65_535)})])
    assert telemetry.window(NOW, NOW + HOUR).own["codes"].max() == 65_535
    for code in (-1, 65_536):
        with pytest.raises(ValueError, match="expected codes of 0 to 65535"):
            telemetry.write([replace(_vq_row(1), own={"codes": np.full((7, 7), code)})])


def test_codes_that_a_row_does_not_have_are_minus_one(telemetry: Telemetry) -> None:
    telemetry.write([_vq_row(0), _refused(1)])
    window = telemetry.window(NOW - HOUR, NOW + HOUR)
    assert (window.own["codes"] == -1).all(axis=1).tolist() == [False, True]
    assert np.isnan(window.own["code_distance"]).tolist() == [False, True]


def test_traffic_of_vaes_has_no_codes(telemetry: Telemetry) -> None:
    telemetry.write([_row(0), _refused(1)])
    window = telemetry.window(NOW - HOUR, NOW + HOUR)
    assert list(window.own) == ["logvar", "kl"] and np.isnan(window.own["kl"]).tolist() == [False, True]


def test_versions_of_two_kinds_are_read_one_at_a_time(telemetry: Telemetry) -> None:
    telemetry.write([_row(0), replace(_vq_row(1), version="4")])
    with pytest.raises(
        StoreCorrupt,
        match=r"own: expected scores of one model, found b'codes=u2\*49 .* and b'logvar=f2\*32 .*ask for one version",
    ):
        telemetry.window(NOW, NOW + HOUR)
    assert telemetry.window(NOW, NOW + HOUR, version="3").own["logvar"].shape == (1, 32)
    assert telemetry.window(NOW, NOW + HOUR, version="4").own["codes"].shape == (1, 49)
    assert telemetry.summary(NOW, NOW + HOUR).requests == 2


def test_grids_of_two_sizes_are_read_one_version_at_a_time(telemetry: Telemetry) -> None:
    telemetry.write([_vq_row(0), replace(_vq_row(1, places=28), version="4")])
    with pytest.raises(StoreCorrupt, match=r"own: .*found b'codes=u2\*28 .* and b'codes=u2\*49 .*ask for one version"):
        telemetry.window(NOW, NOW + HOUR)
