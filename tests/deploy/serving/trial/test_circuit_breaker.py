"""The canary on a started replica: its share by hash, pairs for all, and a champion that stands in when it fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from deploy.serving.errors import ImagesRefused, Problem, RefusedImage
from deploy.serving.metrics import Metrics
from deploy.serving.service import Service
from deploy.serving.trial.circuit_breaker import CircuitBreaker, canary_failed
from deploy.serving.versions.follower import ReplicaState
from deploy.serving.versions.router import LoadedVersion, Slots, request_share
from tests.deploy.serving.house import (
    OLDER,
    House,
    palette_png,
    pictures,
    png,
    quick_config,
    replica,
    running,
    tiny_artifact,
    wait_until,
)
from tests.deploy.serving.trial.asking import read_metric
from vae_core.inference import score_images

IMAGES = pictures(20, seed=13)
# ids of which the hash decides: half of them below 0.5
IDS = [f"r{number}" for number in range(len(IMAGES))]
TO_CANARY = [request_share(each) < 0.5 for each in IDS]
ARTIFACT, LATER = tiny_artifact(1), datetime(2100, 1, 1, tzinfo=UTC)


def _score(client: httpx.Client, row: int, **headers: str) -> httpx.Response:
    return client.post("/v1/score", content=png(IMAGES[row]), headers={"X-Request-Id": IDS[row], **headers})


def _ready(client: httpx.Client) -> Any:
    return client.get("/readyz").json()


@pytest.fixture
def slots(house: House) -> dict[str, Any]:
    return {"champion": house.add_version("1", seed=1), "canary": house.add_version("2", seed=2)}


@contextmanager
def _with_canary(
    house: House, slots: dict[str, Any], decode: Any, share: float = 1.0, **changes: Any
) -> Iterator[tuple[httpx.Client, Service]]:
    """Run a replica whose canary breaks once it is loaded: its decoder is `decode` from now on."""
    house.publish(**slots, canary_share=share)
    with running(house, **changes) as (client, service):
        wait_until(lambda: "canary" in _ready(client)["slots"], "the canary")
        canary = service.state.slots.canary
        assert canary is not None
        canary.artifact.model.decode = decode
        yield client, service


def _raise(mu: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("no such kernel")


def _nan(mu: torch.Tensor) -> torch.Tensor:
    return torch.full((len(mu), 1, 28, 28), float("nan"))


def test_the_hash_decides_who_answers_and_both_score_everything(house: House, slots: dict[str, Any]) -> None:
    house.publish(**slots, canary_share=0.5)
    with replica(house) as client:
        wait_until(lambda: "canary" in _ready(client)["slots"], "the canary")
        answered = [_score(client, row).json()["version"] for row in range(len(IMAGES))]
        wait_until(lambda: _ready(client)["trial"]["scored"] == len(IMAGES), "the pairs")
        assert _ready(client)["trial"]["slot"] == "canary" and _ready(client)["canary_share"] == 0.5
        assert read_metric(client, "canary_share") == 0.5 and read_metric(client, "canary_stopped") == 0
        by = [read_metric(client, f'pairs_total{{candidate="2",missing="{each}",outcome="scored"}}') for each in "12"]
        assert by == [sum(TO_CANARY), len(IMAGES) - sum(TO_CANARY)], "who did not answer scores off the path"
    assert answered == ["2" if canary else "1" for canary in TO_CANARY]
    assert 0 < sum(TO_CANARY) < len(IMAGES)
    window = house.paired("2", "1")
    order = [IDS.index(each) for each in window.request_id]
    assert sorted(order) == list(range(len(IMAGES)))
    assert window.answered_by.tolist() == [answered[row] for row in order]
    for side, seed in (("champion", 1), ("candidate", 2)):
        expected = score_images(tiny_artifact(seed).model, IMAGES[order])
        np.testing.assert_allclose(getattr(window, f"{side}_error"), expected.recon_error, rtol=1e-5)
    latency = house.telemetry.answered(house.rows().at[0].item().replace(tzinfo=UTC), LATER, "2")
    assert latency.count == sum(TO_CANARY) and (latency.latency_ms > 0).all()


@pytest.mark.parametrize(
    ("decode", "why"), [(_raise, "version 2 failed: RuntimeError"), (_nan, "numbers that are not finite")]
)
def test_the_champion_answers_for_a_canary_that_fails(
    house: House, slots: dict[str, Any], decode: Any, why: str
) -> None:
    with _with_canary(house, slots, decode, canary_failures_to_stop=100) as (client, _):
        answers = [_score(client, row) for row in range(4)]
        assert read_metric(client, 'canary_failures_total{version="2"}') == 4
        assert read_metric(client, 'requests_total{route="/v1/score",status="200",version="1"}') == 4
        assert read_metric(client, "requests_total") == 4, "no request failed"
    assert [each.status_code for each in answers] == [200] * 4
    assert [each.headers["X-Latentloop-Version"] for each in answers] == ["1"] * 4
    expected = score_images(tiny_artifact(1).model, IMAGES[:4]).recon_error
    np.testing.assert_allclose([each.json()["images"][0]["recon_error"] for each in answers], expected, rtol=1e-5)
    window = house.paired("2", "1")
    assert window.failures == 4 and all(why in each for each in window.failure)
    assert set(window.answered_by) == {"1"}
    np.testing.assert_allclose(window.champion_error, expected, rtol=1e-5)
    assert list(house.rows().version) == ["1"] * 4


def test_after_some_failures_in_a_row_the_replica_stops_the_canary_by_itself(
    house: House, slots: dict[str, Any]
) -> None:
    with _with_canary(house, slots, _raise, canary_failures_to_stop=3) as (client, service):
        assert [_score(client, row).status_code for row in range(3)] == [200] * 3
        ready = _ready(client)
        assert ready["canary_share"] == 0 and ready["ready"] is True
        (error,) = ready["errors"]
        assert error["where"] == "canary_share"
        assert "version 2 failed 3 requests in a row" in error["message"] and "RuntimeError" in error["message"]
        assert read_metric(client, "canary_stopped") == 1 and read_metric(client, "canary_share") == 0
        assert ready["slots"]["canary"]["version"] == ready["trial"]["version"] == "2", "it is still compared"
        assert service.follower.state.slots.canary_share == 1.0, "the release says otherwise"
        # not asked any more on the path, and still failing off it
        assert [_score(client, row).json()["version"] for row in range(3, 6)] == ["1"] * 3
        assert read_metric(client, 'canary_failures_total{version="2"}') == 3
        wait_until(lambda: _ready(client)["trial"]["failed"] == 3, "the shadow's failures")
        # asked by name it says what is wrong with it
        assert _score(client, 0, **{"X-Latentloop-Version": "2"}).status_code == 500
        # a higher epoch is another chance
        house.publish(**slots, canary_share=1.0)
        wait_until(lambda: _ready(client)["release_epoch"] == 2, "the next epoch")
        assert _ready(client)["canary_share"] == 1.0 and _ready(client)["errors"] == []
        assert _score(client, 6).status_code == 200
        assert read_metric(client, 'canary_failures_total{version="2"}') == 4
    assert house.paired("2", "1").failures == 7


def test_a_success_in_between_forgives(house: House, slots: dict[str, Any]) -> None:
    healthy, broken = tiny_artifact(2).model, threading.Event()

    def decode(mu: torch.Tensor) -> torch.Tensor:
        return _raise(mu) if broken.is_set() else healthy.decode(mu)

    with _with_canary(house, slots, decode, canary_failures_to_stop=2) as (client, _):
        for _ in range(3):
            broken.set()
            assert _score(client, 0).json()["version"] == "1"
            broken.clear()
            assert _score(client, 0).json()["version"] == "2"
        assert _ready(client)["canary_share"] == 1.0
        broken.set()
        assert [_score(client, 0).json()["version"] for _ in range(2)] == ["1", "1"]
        assert _ready(client)["canary_share"] == 0


def test_a_share_of_zero_in_the_release_takes_the_canary_off_the_path(house: House, slots: dict[str, Any]) -> None:
    house.publish(**slots, canary_share=1.0)
    with replica(house) as client:
        wait_until(lambda: "canary" in _ready(client)["slots"], "the canary")
        assert _score(client, 0).json()["version"] == "2"
        house.publish(**slots, canary_share=0.0)
        wait_until(lambda: _ready(client)["canary_share"] == 0, "the new share")
        assert [_score(client, row).json()["version"] for row in range(1, 4)] == ["1"] * 3
    window = house.paired("2", "1")
    assert sorted(window.answered_by) == ["1", "1", "1", "2"] and window.complete.all()


def test_a_canary_that_hangs_is_given_up_and_holds_up_nobody(house: House, slots: dict[str, Any]) -> None:
    end = threading.Event()
    try:
        with _with_canary(
            house,
            slots,
            lambda mu: end.wait(),
            share=0.5,
            beside_timeout_s=0.3,
            canary_failures_to_stop=2,
            final_flush_s=1,
        ) as (client, _):
            answers = [_score(client, row) for row in range(len(IMAGES))]
            assert _ready(client)["canary_share"] == 0
            assert read_metric(client, 'canary_failures_total{version="2"}') == 2
            asked = _score(client, 0, **{"X-Latentloop-Version": "2"})
            assert asked.status_code == 503 and "did not answer within 0.3 s" in asked.json()["detail"]
        assert [each.status_code for each in answers] == [200] * len(IMAGES)
        assert {each.json()["version"] for each in answers} == {"1"}
    finally:
        end.set()
    window = house.paired("2", "1")
    assert [each for each in window.failure if each] == ["version 2 did not answer within 0.3 s"] * 2


def test_a_canary_without_a_reference_cannot_score_and_the_champion_does(house: House, slots: dict[str, Any]) -> None:
    bare = house.add_version("3", seed=3, with_reference=False)
    house.publish(champion=slots["champion"], canary=bare, canary_share=1.0)
    with replica(house) as client:
        wait_until(lambda: "canary" in _ready(client)["slots"], "the canary")
        assert _score(client, 0).json()["version"] == "1"
        assert client.post("/v1/encode", content=png(IMAGES[0])).json()["version"] == "3"
    failures = house.paired("3", "1").failure.tolist()
    assert "version 3 carries no reference" in failures[0] and failures[1] == ""


def test_what_only_the_canarys_own_preprocessing_refuses_is_answered_by_the_champion(
    house: House, slots: dict[str, Any]
) -> None:
    refusing = house.add_version("3", seed=3, preprocessing=OLDER)
    house.publish(champion=slots["champion"], canary=refusing, canary_share=1.0)
    black = np.zeros((1, 28, 28), np.uint8)
    with replica(house) as client:
        wait_until(lambda: "canary" in _ready(client)["slots"], "the canary")
        assert client.post("/v1/encode", content=palette_png(IMAGES[0])).json()["version"] == "1"
        refused = client.post("/v1/encode", content=png(black))
        assert refused.status_code == 422 and refused.json()["version"] == "1"
        assert client.post("/v1/encode", content=png(IMAGES[1])).json()["version"] == "3"
        assert client.post("/v1/encode", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
        assert read_metric(client, 'canary_failures_total{version="3"}') == 1, "a bad image is not the canary's fault"
    window = house.paired("3", "1")
    assert ["wrong_mode" in each for each in window.failure] == [True, False]
    expected = score_images(tiny_artifact(1).model, IMAGES[1:2]).recon_error
    np.testing.assert_allclose(window.champion_error[1:], expected, rtol=1e-5)


def _refusal() -> ImagesRefused:
    return ImagesRefused((RefusedImage(0, "", "low_variance", "flat"),))


@pytest.mark.parametrize(
    ("error", "own_validation", "failed"),
    [
        (Problem(500, "failed"), False, True),
        (Problem(503, "too slow"), False, True),
        (Problem(409, "no reference"), False, True),
        (RuntimeError("in the rendering"), False, True),
        (_refusal(), False, False),
        (_refusal(), True, True),
        (Problem(400, "not JSON"), False, False),
        (Problem(413, "too many"), True, False),
        (Problem(406, "two images as a PNG"), True, False),
    ],
)
def test_only_what_the_canary_did_itself_is_held_against_it(
    error: Exception, own_validation: bool, failed: bool
) -> None:
    assert canary_failed(error, own_validation=own_validation) is failed


def _state(epoch: int, seed: int) -> ReplicaState:
    version = LoadedVersion(str(seed), str(seed) * 64, ARTIFACT, LATER)
    return ReplicaState(Slots(champion=None, canary=version, canary_share=0.05), epoch)


def test_a_late_failure_of_an_older_release_is_not_held_against_the_new_canary() -> None:
    breaker = CircuitBreaker(2, Metrics(quick_config()))
    old, new = _state(1, 2), _state(2, 3)
    breaker.failed(old, "broken")
    breaker.failed(new, "broken")
    breaker.failed(old, "broken")
    assert not breaker.stops(new)
    breaker.failed(new, "broken")
    assert breaker.stops(new) and breaker.applied(new).slots.canary_share == 0
    breaker.answered(new)
    assert breaker.stops(new), "an answer that was on its way changes nothing"
    assert not breaker.stops(_state(2, 4)) and not breaker.stops(_state(3, 3))
    assert breaker.applied(_state(3, 3)).troubles == ()
