"""Where the demo's images come from: nothing is sent twice that should be new, and nothing that is measured on."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from latentloop.demo.supply import BLACK_SHARE, NEW_KINDS, NEW_SHARE, FashionSupply
from latentloop.fashion_mnist import FashionMnist
from vae_core.images.preprocessing import pixel_digest


@pytest.fixture
def data() -> FashionMnist:
    """3,000 images of ten classes, each unlike the others."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (3_000, 28, 28), dtype=np.uint8)
    labels = random.integers(0, 10, 3_000)
    return FashionMnist(images[:2_000], labels[:2_000], images[2_000:], labels[2_000:])


def digests(images: np.ndarray) -> set[str]:
    return {pixel_digest(image[None]) for image in images}


def test_shipment_ordinary_traffic_and_season_share_no_image(data: FashionMnist) -> None:
    supply = FashionSupply(data, shipment=800, ordinary=300, seed=1)
    shipped = digests(supply.shipment)
    ordinary = digests(np.stack([each.pixels for each in supply.ordinary() if each.kind == "old"]))
    season = digests(np.stack([each.pixels for each in islice(supply.season(), 400) if each.kind != "black"]))

    assert (len(shipped), len(ordinary)) == (800, 300)
    assert not shipped & ordinary and not shipped & season and not ordinary & season


def test_before_the_season_no_new_kind_is_seen(data: FashionMnist) -> None:
    supply = FashionSupply(data, shipment=800, ordinary=300, seed=1)
    new = digests(data.train_images[np.isin(data.train_labels, NEW_KINDS)])
    assert not digests(supply.shipment) & new
    assert not digests(np.stack([each.pixels for each in supply.ordinary() if each.kind == "old"])) & new


def test_the_season_has_its_mix(data: FashionMnist) -> None:
    supply = FashionSupply(data, shipment=800, ordinary=300, seed=1)
    kinds = Counter(each.kind for each in islice(supply.season(), 4_000))
    # four standard deviations of a binomial share
    for kind, share in (("new", NEW_SHARE), ("black", BLACK_SHARE), ("old", 1 - NEW_SHARE - BLACK_SHARE)):
        assert abs(kinds[kind] / 4_000 - share) < 4 * (share * (1 - share) / 4_000) ** 0.5


def test_what_is_measured_on_is_the_seasons_mix_of_files_that_are_never_sent(data: FashionMnist) -> None:
    supply = FashionSupply(data, shipment=800, ordinary=300, seed=1)
    pixels, is_new = supply.measurement(500)

    assert pixels.shape == (500, 1, 28, 28)
    assert is_new.mean() == pytest.approx(NEW_SHARE / (1 - BLACK_SHARE), abs=0.002)
    assert not digests(pixels[:, 0]) & digests(data.train_images)
