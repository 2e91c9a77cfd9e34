"""The shadow on a started replica: it compares what both versions make of every answer, and disturbs none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from deploy.serving.http.answers import readiness
from deploy.serving.service import Service
from deploy.serving.trial.shadow_worker import ShadowStatus, ShadowWorker
from deploy.serving.versions.follower import ReplicaState
from deploy.serving.versions.router import LoadedVersion, Pairing, Slots
from tests.deploy.serving.house import (
    OLDER,
    House,
    palette_png,
    pictures,
    png,
    replica,
    running,
    tiny_artifact,
    wait_until,
)
from vae_core.images.preprocessing import Preprocessing
from vae_core.inference import score_images

IMAGES = pictures(6, seed=11)


def _ask(client: httpx.Client, image: np.ndarray, id: str = "", **headers: str) -> Any:
    """Ask for a score, without what differs between two equal answers."""
    given = {**headers, **({"X-Request-Id": id} if id else {})}
    answer = client.post("/v1/score", content=png(image), headers=given)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return {key: body[key] for key in ("version", "images")}


def _trial(client: httpx.Client) -> Any:
    return client.get("/readyz").json()["trial"]


def _wait_for_trial(client: httpx.Client, version: str) -> None:
    wait_until(lambda: (_trial(client) or {}).get("version") == version, f"version {version} on trial")


def _metric(client: httpx.Client, begins: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"latentloop_serving_{begins}"))


@pytest.fixture
def slots(house: House) -> dict[str, Any]:
    return {"champion": house.add_version("1", seed=1), "shadow": house.add_version("2", seed=2)}


def test_pairs_are_what_both_models_really_compute(house: House, slots: dict[str, Any]) -> None:
    house.publish(**slots)
    with replica(house) as client:
        _wait_for_trial(client, "2")
        for row, each in enumerate(IMAGES[:3]):
            _ask(client, each, id=f"r{row}")
        files = [("images", (str(row), png(each))) for row, each in enumerate(IMAGES[3:])]
        client.post("/v1/reconstruct", files=files, headers={"X-Request-Id": "three"})
        wait_until(lambda: _trial(client)["scored"] == 6, "six pairs")
        assert _metric(client, 'pairs_total{candidate="2",missing="2",outcome="scored"}') == 6
        assert _metric(client, 'queue_depth{queue="shadow"}') == 0
    window = house.paired("2", "1")
    assert window.request_id.tolist() == ["r0", "r1", "r2", "three", "three", "three"]
    assert set(window.answered_by) == {"1"} and set(window.replica) == {"test"} and window.failures == 0
    for side, seed in (("champion", 1), ("candidate", 2)):
        expected = score_images(tiny_artifact(seed).model, IMAGES)
        # float32 sums in batches of other sizes: a few units in the last place
        np.testing.assert_allclose(getattr(window, f"{side}_error"), expected.recon_error, rtol=1e-5)
    assert (window.candidate_ms > 0).all()
    rows = house.rows()
    np.testing.assert_array_equal(window.champion_error, rows.recon_error)
    np.testing.assert_array_equal(window.at, rows.at)


def test_answers_are_the_same_with_a_shadow_and_without(house: House, slots: dict[str, Any]) -> None:
    house.publish(champion=slots["champion"])
    with replica(house) as client:
        before = [_ask(client, each) for each in IMAGES]
        house.publish(**slots)
        _wait_for_trial(client, "2")
        assert [_ask(client, each) for each in IMAGES] == before
        wait_until(lambda: _trial(client)["scored"] == len(IMAGES), "the pairs")
    assert len(house.paired("2", "1")) == len(IMAGES)


def test_what_is_no_traffic_is_not_compared(house: House, slots: dict[str, Any]) -> None:
    house.publish(**slots)
    with replica(house) as client:
        _wait_for_trial(client, "2")
        _ask(client, IMAGES[0], **{"X-Latentloop-Version": "2"})
        _ask(client, IMAGES[0], **{"X-Latentloop-Version": "1"})
        assert client.post("/v1/score", content=png(np.zeros((1, 28, 28), np.uint8))).status_code == 422
        _ask(client, IMAGES[1], id="traffic")
    assert house.paired("2", "1").request_id.tolist() == ["traffic"]


def _raise(*arguments: Any) -> Any:
    raise RuntimeError("no such kernel")


def _nan(mu: torch.Tensor) -> torch.Tensor:
    return torch.full((len(mu), 1, 28, 28), float("nan"))


def _misshapen(mu: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(mu), 3, 5, 5)


@contextmanager
def _on_trial(house: House, slots: dict[str, Any], decode: Any, **changes: Any) -> Iterator[tuple[httpx.Client, Any]]:
    """Run a replica whose shadow breaks once it is loaded: its decoder is `decode` from now on."""
    house.publish(**slots)
    with running(house, **changes) as (client, service):
        _wait_for_trial(client, "2")
        shadow = service.state.slots.shadow
        assert shadow is not None
        whole = shadow.artifact.model.decode
        shadow.artifact.model.decode = decode if decode is not None else whole
        yield client, service


@pytest.mark.parametrize(
    ("decode", "why"),
    [(_raise, "raised RuntimeError: no such kernel"), (_nan, "not finite"), (_misshapen, "raised RuntimeError")],
)
def test_a_shadow_that_fails_fails_alone_and_is_counted(
    house: House, slots: dict[str, Any], decode: Any, why: str
) -> None:
    with _on_trial(house, slots, decode) as (client, _):
        answers = [_ask(client, each) for each in IMAGES]
        wait_until(lambda: _trial(client)["failed"] == len(IMAGES), "six failures")
        assert _metric(client, 'pairs_total{candidate="2",missing="2",outcome="failed"}') == len(IMAGES)
        assert client.get("/readyz").json()["errors"] == []
    expected = score_images(tiny_artifact(1).model, IMAGES).recon_error
    assert [each["version"] for each in answers] == ["1"] * len(IMAGES)
    np.testing.assert_allclose([each["images"][0]["recon_error"] for each in answers], expected, rtol=1e-5)
    window = house.paired("2", "1")
    assert window.failures == len(IMAGES) and all(why in each for each in window.failure)
    np.testing.assert_allclose(window.champion_error, expected, rtol=1e-5)
    assert np.isnan(window.candidate_error).all()


def test_one_image_that_a_shadow_cannot_bear_is_no_failure_of_its_neighbours(
    house: House, slots: dict[str, Any]
) -> None:
    poison = pictures(1, seed=12)[0]
    # the code of this one image, seen alone: batches change its last bits only
    bad = torch.from_numpy(score_images(tiny_artifact(2).model, poison[None]).mu[0])
    healthy = tiny_artifact(2).model

    def decode(mu: torch.Tensor) -> torch.Tensor:
        if (mu - bad).abs().max(1).values.min() < 1e-4:
            raise RuntimeError("poison")
        return healthy.decode(mu)

    with _on_trial(house, slots, decode) as (client, _):
        files = [("images", (str(row), png(each))) for row, each in enumerate([*IMAGES[:3], poison, *IMAGES[3:]])]
        assert client.post("/v1/score", files=files).status_code == 200
        wait_until(lambda: _trial(client)["scored"] == 6 and _trial(client)["failed"] == 1, "seven pairs")
    window = house.paired("2", "1")
    assert [bool(each) for each in window.failure] == [False, False, False, True, False, False, False]
    expected = score_images(healthy, IMAGES).recon_error
    np.testing.assert_allclose(window.candidate_error[window.complete], expected, rtol=1e-5)


def test_a_slow_shadow_is_late_and_nothing_else_is(house: House, slots: dict[str, Any]) -> None:
    healthy, answered = tiny_artifact(2).model, threading.Event()

    def decode(mu: torch.Tensor) -> torch.Tensor:
        answered.wait()
        time.sleep(0.05)
        return healthy.decode(mu)

    with _on_trial(house, slots, decode, shadow_batch=1) as (client, _):
        versions = [_ask(client, each)["version"] for each in IMAGES]
        assert (_trial(client)["waiting"], _trial(client)["scored"]) == (len(IMAGES), 0)
        answered.set()
        wait_until(lambda: _trial(client)["scored"] == len(IMAGES), "the late pairs")
    assert versions == ["1"] * len(IMAGES)
    assert house.paired("2", "1").failures == 0


def test_a_hanging_shadow_fills_its_queue_and_the_rest_is_dropped(house: House, slots: dict[str, Any]) -> None:
    release = threading.Event()

    def decode(mu: torch.Tensor) -> torch.Tensor:
        release.wait()
        raise RuntimeError("abandoned")

    three = house.add_version("3", seed=3)
    try:
        with _on_trial(house, slots, decode, max_images=4, shadow_queue=4, final_flush_s=1) as (client, service):
            answers = [_ask(client, each)["version"] for each in IMAGES]
            trial = _trial(client)
            assert (trial["waiting"], trial["dropped"], trial["scored"], trial["failed"]) == (4, 2, 0, 0)
            assert _metric(client, 'pairs_dropped_total{candidate="2"}') == 2
            # the release is followed, and the next candidate is compared, by a thread of its own
            house.publish(champion=slots["champion"], shadow=three)
            _wait_for_trial(client, "3")
            answers += [_ask(client, each)["version"] for each in IMAGES[:4]]
            wait_until(lambda: _trial(client)["scored"] == 4, "pairs of version 3")
            assert _metric(client, 'pairs_dropped_total{candidate="2"}') == len(IMAGES)
        assert answers == ["1"] * 10
    finally:
        release.set()
    assert len(house.paired("2", "1")) == 0
    assert len(house.paired("3", "1")) == 4


def test_a_replica_ends_although_its_shadow_hangs(house: House, slots: dict[str, Any]) -> None:
    release = threading.Event()
    try:
        with _on_trial(house, slots, lambda mu: release.wait(), final_flush_s=1) as (client, _):
            assert [_ask(client, each)["version"] for each in IMAGES] == ["1"] * len(IMAGES)
        assert len(house.rows()) == len(house.captured()) == len(IMAGES), "what was answered is on record"
    finally:
        release.set()


def test_an_answer_goes_out_although_no_thread_can_be_started(
    house: House, slots: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: ShadowWorker) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ShadowWorker, "start", refuse)
    with _on_trial(house, slots, None, final_flush_s=1) as (client, _):
        assert [_ask(client, each)["version"] for each in IMAGES] == ["1"] * len(IMAGES)
        monkeypatch.undo()
        _ask(client, IMAGES[0], id="again")
    assert len(house.rows()) == len(house.captured()) == len(IMAGES) + 1
    assert house.paired("2", "1").request_id.tolist() == ["again"]


def test_a_queue_is_bounded_in_bytes_too(house: House, slots: dict[str, Any]) -> None:
    release = threading.Event()
    try:
        with _on_trial(house, slots, lambda mu: release.wait(), shadow_queue_bytes=2 * 28 * 28, final_flush_s=1) as (
            client,
            _,
        ):
            for each in IMAGES:
                _ask(client, each)
            assert (_trial(client)["waiting"], _trial(client)["dropped"]) == (2, 4)
    finally:
        release.set()


def test_previous_stands_in_the_shadow_when_there_is_no_candidate(house: House, slots: dict[str, Any]) -> None:
    house.publish(champion=slots["shadow"], previous=slots["champion"])
    with replica(house) as client:
        _wait_for_trial(client, "1")
        assert _trial(client)["slot"] == "previous"
        assert [_ask(client, each)["version"] for each in IMAGES] == ["2"] * len(IMAGES)
        wait_until(lambda: _trial(client)["scored"] == len(IMAGES), "the pairs of the first trial")
        house.publish(champion=slots["shadow"], previous=slots["champion"], shadow=house.add_version("3", seed=3))
        _wait_for_trial(client, "3")
        assert _trial(client)["slot"] == "shadow" and _trial(client)["scored"] == 0
        _ask(client, IMAGES[0])
    window = house.paired("1", "2")
    expected = score_images(tiny_artifact(1).model, IMAGES).recon_error
    np.testing.assert_allclose(window.candidate_error, expected, rtol=1e-5)
    assert len(house.paired("3", "2")) == 1


def test_a_champion_is_not_compared_with_itself(house: House, slots: dict[str, Any]) -> None:
    house.publish(champion=slots["champion"], previous=slots["champion"])
    with replica(house) as client:
        wait_until(lambda: "previous" in client.get("/readyz").json()["slots"], "previous")
        _ask(client, IMAGES[0])
        assert _trial(client) is None


def test_a_candidate_with_another_preprocessing_sees_the_images_through_its_own(
    house: House, slots: dict[str, Any]
) -> None:
    refusing = house.add_version("2r", seed=2, preprocessing=OLDER)
    house.publish(champion=slots["champion"], shadow=refusing)
    with replica(house) as client:
        _wait_for_trial(client, "2r")
        assert client.post("/v1/score", content=palette_png(IMAGES[0])).status_code == 200
        _ask(client, IMAGES[1], id="fits")
        wait_until(lambda: _trial(client)["scored"] + _trial(client)["failed"] == 2, "both")
    window = house.paired("2r", "1")
    assert window.failure.tolist() == ["refused by its own preprocessing: wrong_mode", ""]
    expected = score_images(tiny_artifact(2).model, IMAGES[1:2]).recon_error
    np.testing.assert_allclose(window.candidate_error[1:], expected, rtol=1e-5)


def test_a_version_that_makes_other_pixels_of_an_image_is_compared_with_nobody(
    house: House, slots: dict[str, Any]
) -> None:
    resizing = house.add_version("2r", seed=2, preprocessing=Preprocessing(fit="stretch"))
    house.publish(champion=slots["champion"], shadow=resizing)
    with replica(house) as client:
        wait_until(lambda: "shadow" in client.get("/readyz").json()["slots"], "the shadow")
        _ask(client, IMAGES[0])
        assert _trial(client) is None


def test_a_batch_that_takes_very_long_is_a_trouble_that_a_person_sees(house: House) -> None:
    champion, trial = (LoadedVersion(name, name * 64, tiny_artifact(1), datetime.now(UTC)) for name in "12")
    state, pairing = ReplicaState(Slots(champion=champion, shadow=trial)), Pairing(champion, trial, "shadow")
    usual, stuck = (readiness(state, "test", "", pairing, ShadowStatus(stuck_s=seconds)) for seconds in (29, 31))
    assert usual.errors == [] and usual.ready and stuck.ready
    assert [(each.where, "one batch for 31 s" in each.message) for each in stuck.errors] == [("trial", True)]


def test_pairs_wait_for_a_database_that_is_away(house: House, slots: dict[str, Any]) -> None:
    house.publish(**slots)
    with running(house) as (client, service):
        _wait_for_trial(client, "2")
        file = house.root / "telemetry.db"
        assert isinstance(service, Service)
        house.engine.dispose()
        file.rename(house.root / "away.db")
        file.mkdir()  # what cannot be opened
        assert [_ask(client, each)["version"] for each in IMAGES] == ["1"] * len(IMAGES)
        wait_until(lambda: _metric(client, 'queue_depth{queue="pairs"}') == len(IMAGES), "waiting pairs")
        file.rmdir()
        (house.root / "away.db").rename(file)
        wait_until(lambda: _metric(client, 'queue_depth{queue="pairs"}') == 0, "written pairs")
    assert len(house.paired("2", "1")) == len(IMAGES)
