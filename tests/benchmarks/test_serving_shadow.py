"""The benchmark of the shadow measures a real replica, with a shadow and without."""

from __future__ import annotations

from pathlib import Path

from benchmarks import serving_shadow


def test_both_are_measured_and_every_answer_of_the_shadowed_rounds_is_compared(tmp_path: Path) -> None:
    found = {result.name: result for result in serving_shadow.run(tmp_path, rounds=2, requests=5)}
    assert found["p50_ratio"].value == (found["p50_with_shadow_ms"].value / found["p50_without_shadow_ms"].value), (
        "a ratio of this run's medians"
    )
    assert found["p99_ratio"].n == 2 * 5
    assert found["p99_with_shadow_ms"].value >= found["p50_with_shadow_ms"].value > 0
    assert (found["pairs_scored"].value, found["pairs_dropped"].value) == (3 * 5, 0), "the warm-up among them"
