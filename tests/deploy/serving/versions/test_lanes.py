"""A champion that hangs: who asked is told, a rollback serves at once, and the replica still ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from deploy.serving.service import Service
from deploy.serving.versions.lanes import Lanes
from deploy.serving.versions.router import LoadedVersion, Slots
from tests.deploy.serving.house import House, pictures, png, quick_config, running, tiny_artifact, wait_until
from vae_core.inference import score_images

IMAGE = pictures(1, seed=21)


def _version(name: str, seed: int) -> LoadedVersion:
    return LoadedVersion(name, name * 64, tiny_artifact(seed), datetime.now(UTC))


class Hang:
    """A decoder that blocks from now on until `end`, whose first call says that it is stuck."""

    def __init__(self, version: LoadedVersion) -> None:
        self.stuck, self.end = threading.Event(), threading.Event()
        healthy = version.artifact.model.decode

        def decode(mu: torch.Tensor) -> torch.Tensor:
            self.stuck.set()
            self.end.wait()
            return healthy(mu)

        version.artifact.model.decode = decode


@pytest.fixture
def hang() -> Iterator[Callable[[LoadedVersion], Hang]]:
    """Break versions until the test is over: no thread stays behind."""
    hangs: list[Hang] = []

    def begin(version: LoadedVersion) -> Hang:
        hangs.append(Hang(version))
        return hangs[-1]

    yield begin
    for each in hangs:
        each.end.set()


def _lane_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "serving-torch"}


async def _until(event: threading.Event) -> None:
    while not event.is_set():
        await asyncio.sleep(0.005)


def _lanes(**changes: Any) -> Lanes:
    return Lanes(quick_config(**changes), lambda images: None)


async def _mu(lanes: Lanes, version: LoadedVersion, slots: Slots) -> np.ndarray:
    return (await lanes.score(version, slots, IMAGE)).scores.mu


def test_who_waits_for_a_champion_that_hangs_is_let_go_and_the_version_before_answers_at_once(
    hang: Callable[[LoadedVersion], Hang],
) -> None:
    one, two = _version("1", 1), _version("2", 2)
    # a client would wait a thousand seconds: only the change of the release can let it go
    lanes = _lanes(champion_timeout_s=1000, beside_timeout_s=0.05)
    stuck = hang(two).stuck

    async def scenario() -> tuple[np.ndarray, list[Any]]:
        now = Slots(champion=two, previous=one)
        lanes.follow(now)
        waiting = [asyncio.create_task(_mu(lanes, two, now)) for _ in range(3)]
        await _until(stuck)
        lanes.follow(Slots(champion=one))
        answered = await _mu(lanes, one, Slots(champion=one))
        return answered, await asyncio.gather(*waiting, return_exceptions=True)

    answered, problems = asyncio.run(scenario())
    lanes.stop()
    np.testing.assert_allclose(answered, score_images(one.artifact.model, IMAGE).mu, rtol=1e-5)
    assert [each.status for each in problems] == [503] * 3
    assert {str(each) for each in problems} == {"version 2 hangs and left the release; try again"}


def test_a_champion_that_takes_too_long_is_503_and_cannot_pile_up_requests(
    hang: Callable[[LoadedVersion], Hang],
) -> None:
    one = _version("1", 1)
    lanes = _lanes(champion_timeout_s=0.05, beside_timeout_s=1000, queue_limit=3, max_images=3)
    broken, beside = hang(one), Slots(previous=one)

    async def scenario() -> list[str]:
        said = []
        patient = asyncio.create_task(_mu(lanes, one, beside))
        await _until(broken.stuck)
        for _ in range(3):
            with pytest.raises(Problem) as caught:
                await _mu(lanes, one, Slots(champion=one))
            assert caught.value.status == 503
            said.append(str(caught.value))
        assert lanes.images_waiting == 3, "the thread has not come past them"
        broken.end.set()
        await patient
        while lanes.images_waiting:
            await asyncio.sleep(0.005)
        await _mu(lanes, one, beside)
        return said

    said = asyncio.run(scenario())
    lanes.stop()
    assert said == ["version 1 did not answer within 0.05 s"] * 2 + ["3 images wait, 3 is the limit; try again"]


def test_requests_in_flight_for_a_version_that_leaves_are_answered_by_it(
    hang: Callable[[LoadedVersion], Hang],
) -> None:
    one, two = _version("1", 1), _version("2", 2)
    expected = score_images(two.artifact.model, IMAGE).mu
    lanes, slow = _lanes(batch_max=2), hang(two)

    async def scenario() -> list[np.ndarray]:
        now = Slots(champion=two, previous=one)
        waiting = [asyncio.create_task(_mu(lanes, two, now)) for _ in range(6)]
        await _until(slow.stuck)
        lanes.follow(Slots(champion=one))
        slow.end.set()
        return await asyncio.gather(*waiting)

    before = _lane_threads()
    for mu in asyncio.run(scenario()):
        np.testing.assert_allclose(mu, expected, rtol=1e-5)
    lanes.stop()
    wait_until(lambda: _lane_threads() <= before, "the end of all lanes")


def test_a_version_keeps_its_lane_from_canary_to_champion_to_previous() -> None:
    one, two = _version("1", 1), _version("2", 2)
    lanes, before = _lanes(), _lane_threads()

    async def scenario() -> None:
        first = Slots(champion=one, canary=two, canary_share=0.5)
        lanes.follow(first)
        await _mu(lanes, two, first)
        opened = _lane_threads() - before
        assert len(opened) == 2
        for slots in (
            Slots(champion=two, previous=one),
            Slots(champion=one, previous=two),
            Slots(champion=replace(one, version="1b"), previous=two),
        ):
            lanes.follow(slots)
            for _, version in slots.named():
                await _mu(lanes, version, slots)
            assert _lane_threads() - before == opened

    asyncio.run(scenario())
    lanes.stop()
    assert _lane_threads() <= before


def test_a_champion_has_more_time_than_a_version_beside_it_and_less_than_a_load_balancer() -> None:
    config = ServingConfig()
    assert config.beside_timeout_s < config.champion_timeout_s < 60


@contextmanager
def _promoted(house: House, hang: Callable[[LoadedVersion], Hang], **changes: Any) -> Iterator[Any]:
    """Run a replica on which version 2 was promoted from canary and hangs from now on."""
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one, canary=two, canary_share=1.0)
    with running(house, canary_failures_to_stop=1000, **changes) as (client, service), ThreadPoolExecutor(8) as clients:
        wait_until(lambda: _serving(service).get("canary") == "2", "the canary")
        wait_until(lambda: _score(client).json()["version"] == "2", "an answer of the canary in its time")
        house.publish(champion=two, previous=one)
        wait_until(lambda: _serving(service) == {"champion": "2", "previous": "1"}, "the promotion")
        champion = service.state.slots.champion
        assert champion is not None
        stuck = hang(champion).stuck
        waiting = [clients.submit(_score, client) for _ in range(4)]
        wait_until(stuck.is_set, "the champion's hang")
        yield client, service, one, waiting


def _score(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/score", content=png(IMAGE[0]))


def _serving(service: Service) -> dict[str, str]:
    return {name: loaded.version for name, loaded in service.state.slots.named()}


def test_after_a_rollback_from_a_champion_that_hangs_the_replica_serves_without_a_restart(
    house: House, hang: Callable[[LoadedVersion], Hang]
) -> None:
    waiting: list[Future[httpx.Response]]
    # as many requests as may be in work hang: the door itself is shut until they are let go
    limits = {"queue_limit": 4, "max_images": 4}
    with _promoted(house, hang, champion_timeout_s=1000, beside_timeout_s=0.05, final_flush_s=1, **limits) as (
        client,
        service,
        one,
        waiting,
    ):
        depth = 'queue_depth{queue="requests"} 4.0'
        wait_until(lambda: depth in client.get("/metrics").text, "as many requests as may be in work")
        assert _score(client).status_code == 503
        house.publish(champion=one)
        let_go = [each.result(240) for each in waiting]
        answers = [_score(client) for _ in range(3)]
        assert _serving(service) == {"champion": "1"}
    assert [each.status_code for each in let_go] == [503] * 4
    assert all("Retry-After" in each.headers for each in let_go)
    assert [(each.status_code, each.json()["version"]) for each in answers] == [(200, "1")] * 3


def test_a_replica_ends_although_its_champion_hangs(house: House, hang: Callable[[LoadedVersion], Hang]) -> None:
    with _promoted(house, hang, champion_timeout_s=1, final_flush_s=1) as (_, _, _, waiting):
        pass
    assert [each.result(0).status_code for each in waiting] == [503] * 4
    assert {each.result(0).json()["detail"] for each in waiting} == {"version 2 did not answer within 1 s"}
