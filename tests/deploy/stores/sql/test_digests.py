"""A digest has one owner for ever; an ingest that runs again gets the same answer."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from deploy.stores.sql.database import open_engine
from deploy.stores.sql.digests import DigestIndex
from tests.deploy.stores.racing import PROCESSES, Racers


@pytest.fixture
def index(engine: Engine) -> DigestIndex:
    return DigestIndex(engine)


def test_the_first_owner_holds_a_digest_and_keeps_it(index: DigestIndex) -> None:
    assert index.claim(["b", "a"], ["s1:0", "s1:1"]) == [True, True]
    assert index.claim(["a", "c"], ["s2:0", "s2:1"]) == [False, True]
    assert index.claim(["b", "a"], ["s1:0", "s1:1"]) == [True, True]


def test_of_equal_images_in_one_call_the_first_wins_every_time(index: DigestIndex) -> None:
    for _ in range(2):
        assert index.claim(["x", "a", "x"], ["s1:0", "s1:1", "s1:2"]) == [True, True, False]


def test_nothing_claimed_is_nothing_held(index: DigestIndex) -> None:
    assert index.claim([], []) == []
    assert index.protected([]) == set()
    index.protect([], "benchmark_old")


def test_more_digests_than_a_statement_takes_are_claimed_in_chunks(index: DigestIndex) -> None:
    digests = [f"{number:064x}" for number in range(11_000)]
    assert all(index.claim(digests, [f"s1:{row}" for row in range(len(digests))]))
    assert not any(index.claim(digests, [f"s2:{row}" for row in range(len(digests))]))
    index.protect(digests[::2], "benchmark_old")
    assert index.protected(digests) == set(digests[::2])


def test_every_digest_needs_an_owner(index: DigestIndex) -> None:
    with pytest.raises(ValueError):
        index.claim(["a", "b"], ["s1:0"])


def test_protected_are_the_digests_of_any_benchmark(index: DigestIndex) -> None:
    index.protect(["a", "b", "a"], "benchmark_old")
    index.protect(["b"], "benchmark_new")
    index.protect(["b"], "benchmark_new")
    assert index.protected(["c", "b", "a", "b"]) == {"a", "b"}


def _claim_in_process(url: str, owner: str, reverse: bool) -> list[bool]:
    engine = open_engine(url)
    digests = [f"d{number:03d}" for number in range(200)]
    if reverse:
        digests.reverse()
    held = DigestIndex(engine).claim(digests, [owner] * len(digests))
    engine.dispose()
    return held[::-1] if reverse else held


def test_racing_owners_in_opposite_order_share_the_digests_without_a_deadlock(
    database_url: str, index: DigestIndex, racers: Racers
) -> None:
    held = racers.race(_claim_in_process, [(database_url, f"o{n}", n % 2 == 1) for n in range(PROCESSES)])
    assert [sum(owners) for owners in zip(*held, strict=True)] == [1] * 200
