"""The ingest benchmark measures what it says, on a few images."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from benchmarks import ingest
from benchmarks.ingest import Seconds, Sizes, large_jpeg, small_png


def test_the_images_are_of_the_stated_kinds_and_no_two_are_alike() -> None:
    small, large = Image.open(io.BytesIO(small_png(3))), Image.open(io.BytesIO(large_jpeg(3)))
    assert (small.format, small.mode, small.size) == ("PNG", "L", (28, 28))
    assert (large.format, large.mode) == ("JPEG", "RGB")
    assert 0.9e6 < large.width * large.height < 1.1e6
    assert len({small_png(seed) for seed in range(50)}) == 50


def test_overhead_is_what_comes_on_top_of_the_bare_decode() -> None:
    results = {each.name: each for each in Seconds([0.5, 0.3], [0.2, 0.2]).results("small", 1_000, 1.5)}
    assert results["overhead_small"].value == pytest.approx(1.0) and results["overhead_small"].passed
    assert results["ours_small_us"].value == pytest.approx(400)


def test_a_short_run_has_every_figure() -> None:
    sizes = Sizes(small=20, large=2, rounds=1, few=10, many=20)
    found = {each.name: each for each in ingest.run(sizes, lambda folder, images: 400.0 + images)}
    assert set(found) == {
        "ours_small_us", "bare_small_us", "overhead_small", "ours_large_us", "bare_large_us", "overhead_large",
        "memory_few_mib", "memory_many_mib", "memory_growth",
    }  # fmt: skip
    assert found["memory_growth"].value == pytest.approx(420 / 410 - 1) and found["memory_growth"].passed
    assert (found["overhead_small"].limit, found["overhead_large"].limit) == (1.5, 0.3)
