"""Requests as a client sends them, to a real service: what was answered, refused and failed is told apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from latentloop.demo.supply import Shot
from latentloop.demo.traffic import Client, Traffic
from tests.deploy.serving.house import House, pictures, png, replica


@pytest.fixture
def service_url(house: House) -> Iterator[str]:
    """A replica that serves a tiny version."""
    house.publish(champion=house.add_version("7", seed=1))
    with replica(house) as client:
        yield str(client.base_url)


def shots(count: int, black: int = 0) -> list[Shot]:
    """Good images of two kinds in turn, then black frames."""
    good = [("old" if number % 2 else "new", pixels) for number, pixels in enumerate(pictures(count))]
    dark = [("black", np.zeros((1, 28, 28), np.uint8))] * black
    return [Shot(f"shot-{at}", kind, png(pixels), pixels[0]) for at, (kind, pixels) in enumerate([*good, *dark])]


def test_answers_refusals_and_versions_are_counted_by_kind_and_reason(service_url: str) -> None:
    traffic = Traffic()
    with Client(service_url, print) as client:
        client.send(shots(6, black=2), traffic)

    assert (traffic.sent, traffic.black_sent, traffic.failed, traffic.first_failure) == (8, 2, 0, "")
    assert traffic.refused == {"low_variance": 2}
    assert traffic.versions == {"7": 6}
    assert {kind: len(errors) for kind, errors in traffic.recon_error.items()} == {"old": 3, "new": 3}
    assert len(traffic.latency_ms) == 6 and 0 < traffic.percentile(50) <= traffic.percentile(99)


def test_a_service_that_is_away_is_a_failure_of_which_the_first_is_told(house: House) -> None:
    house.publish(champion=house.add_version("7", seed=1))
    with replica(house) as client:
        gone = str(client.base_url)
    traffic = Traffic()

    with Client(gone, print) as client:
        client.send(shots(3), traffic)

    assert (traffic.sent, traffic.failed, traffic.latency_ms) == (3, 3, [])
    assert traffic.first_failure.startswith("ConnectError: ")
    assert np.isnan(traffic.percentile(50))


def test_sending_ends_after_so_many_or_when_asked_every_25_requests(service_url: str) -> None:
    few, asked = Traffic(), Traffic()
    with Client(service_url, print) as client:
        client.send(shots(60), few, at_most=7)
        client.send(shots(60), asked, until=lambda: True)

    assert (few.sent, asked.sent) == (7, 25)


def test_two_stretches_of_traffic_are_one_together() -> None:
    one, other = Traffic(sent=3, black_sent=1, failed=0), Traffic(sent=2, failed=2, first_failure="500: broken")
    one.latency_ms, other.latency_ms = [1.0, 2.0], [9.0]
    one.recon_error["old"], other.recon_error["new"] = [0.1], [0.2]
    one.versions["1"] = other.versions["1"] = 2

    one.add(other)

    assert (one.sent, one.black_sent, one.failed, one.first_failure) == (5, 1, 2, "500: broken")
    assert (one.latency_ms, dict(one.recon_error)) == ([1.0, 2.0, 9.0], {"old": [0.1], "new": [0.2]})
    assert one.versions == {"1": 4}
