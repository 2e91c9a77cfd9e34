"""The season of somebody's own pictures: what he named, or a cluster that lies apart and is as detailed as the rest."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from latentloop.demo.own.pictures import FEWEST_NEW, MOST_NEW, Pictures
from latentloop.demo.own.season import choose_season, measure_detail, pick_cluster
from latentloop.demo.own.settings import OWN_FULL, OWN_QUICK
from latentloop.demo.settings import Scale
from latentloop.errors import DemoFailed
from latentloop.sources.folder import FolderSource
from latentloop.sources.found import Found
from tests.latentloop.demo.own.three_kinds import no_features


def test_a_kind_with_too_few_pictures_is_told_with_both_numbers(pictures: Pictures) -> None:
    with pytest.raises(DemoFailed, match=f"--season hats: 550 different pictures .* at least {FEWEST_NEW}"):
        choose_season(pictures, ("hats",), OWN_FULL, no_features)


def blobs(sizes: list[int], apart: float) -> np.ndarray:
    """Clusters on axes of their own; the last one lies beyond them all."""
    random = np.random.default_rng(0)
    centres = np.eye(len(sizes), 20)
    centres[:-1, 19] = apart
    rows = [centre + random.normal(0, 0.02, (size, 20)) for centre, size in zip(centres, sizes, strict=True)]
    return np.concatenate(rows).astype(np.float32)


EQUALLY = np.ones(2_400)


def test_the_cluster_that_lies_apart_is_picked() -> None:
    rows, _ = pick_cluster(blobs([300] * 8, 2.0), EQUALLY, fewest=100, most=1_000)
    assert rows.tolist() == list(range(2_100, 2_400))


def test_a_cluster_that_is_emptier_than_the_rest_is_no_season() -> None:
    detail = np.where(np.arange(2_400) >= 2_100, 0.1, 1.0)
    rows, _ = pick_cluster(blobs([300] * 8, 2.0), detail, fewest=100, most=1_000)
    assert len(rows) >= 100 and rows.max() < 2_100


def test_a_cluster_that_is_too_small_is_filled_up_and_a_large_one_cut() -> None:
    filled = set(pick_cluster(blobs([300] * 3, 2.0), EQUALLY[:900], fewest=310, most=1_000)[0].tolist())
    assert len(filled) == 310 and any(set(range(start, start + 300)) <= filled for start in (0, 300, 600))
    cut, alike = pick_cluster(blobs([300] * 8, 2.0), EQUALLY, fewest=100, most=200)
    assert len(cut) == 200
    assert {row // 300 for row in alike} == {row // 300 for row in cut} and not set(alike) & set(cut)
    assert (len(cut) + len(alike)) % 300 == 0  # of its own clusters nothing stays in the shipment


@pytest.mark.parametrize(("scale", "fewest"), [(OWN_FULL, 1_000), (OWN_QUICK, 1_250)])
def test_a_season_that_nobody_named_is_as_large_as_the_scale_says(scale: Scale, fewest: int, tmp_path: Path) -> None:
    n, random = 5_400, np.random.default_rng(3)
    pixels = random.integers(0, 256, (n, 1, 4, 4), np.uint8)
    none = (Found("", 0, "", datetime.fromtimestamp(0, UTC)),) * n
    pictures = Pictures(FolderSource(tmp_path), none, pixels, ("",) * n, np.ones(n, np.bool_), (), Counter())

    season = choose_season(pictures, (), scale, lambda given: random.normal(size=(len(given), 20)).astype(np.float32))

    assert fewest <= len(season.rows) <= MOST_NEW


def test_nothing_is_shipped_whose_nearest_picture_is_of_the_season() -> None:
    features = np.random.default_rng(5).normal(size=(1_500, 20)).astype(np.float32)  # no gaps between its clusters
    rows, alike = pick_cluster(features, np.ones(1_500), fewest=300, most=350)
    shipped = np.setdiff1d(np.arange(1_500), np.concatenate([rows, alike]))

    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    distances = np.linalg.norm(directions[shipped, None] - directions[None], axis=2)
    distances[np.arange(len(shipped)), shipped] = np.inf
    # distances are kept by the projection to a tenth: near ties may fall either way
    ahead = distances[:, rows].min(axis=1) / np.delete(distances, rows, axis=1).min(axis=1)
    assert len(rows) and len(alike) and len(shipped) > 700
    assert (ahead > 0.8).all() and (ahead < 1.0).mean() < 0.1


def test_detail_is_the_difference_of_neighbouring_pixels() -> None:
    stripes = np.zeros((3, 6, 8), np.uint8)
    stripes[:, :, ::2] = 255
    half = stripes // 2
    assert measure_detail(np.stack([stripes, half, stripes * 0])) == pytest.approx([1.0, (127 / 255) ** 2, 0.0])
