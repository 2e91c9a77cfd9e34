"""The bodies of answers, against what the model itself computes."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from deploy.serving.http.answers import readiness
from deploy.serving.trial.shadow_worker import ShadowStatus
from deploy.serving.versions.follower import ReplicaState
from deploy.serving.versions.router import LoadedVersion, Pairing, Slots
from tests.deploy.serving.house import House, pictures, png, tiny_artifact
from vae_core.inference import score_images

IMAGES = pictures(4, seed=5)
PNG = {"Content-Type": "image/png"}


def _expected(row: int = 0, seed: int = 1) -> Any:
    return score_images(tiny_artifact(seed).model, IMAGES[row : row + 1])


def test_reconstruct_answers_the_decoders_mean_and_its_error(client: httpx.Client) -> None:
    answer = client.post("/v1/reconstruct", content=png(IMAGES[0]), headers=PNG)
    body, expected = answer.json(), _expected()
    assert answer.status_code == 200
    assert body["version"] == answer.headers["X-Latentloop-Version"] == "1"
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["latency_ms"] > 0
    (image,) = body["images"]
    # rounded to six decimals
    np.testing.assert_allclose(image["reconstruction"], expected.reconstruction[0], atol=1e-6)
    assert image["recon_error"] == pytest.approx(float(expected.recon_error[0]), rel=1e-5)
    assert image["sd"] is None


def test_encode_answers_the_code(client: httpx.Client) -> None:
    (image,) = client.post("/v1/encode", content=png(IMAGES[1]), headers=PNG).json()["images"]
    expected = _expected(1)
    np.testing.assert_allclose(image["mu"], expected.mu[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(image["logvar"], expected.column("logvar")[0], rtol=1e-4, atol=1e-6)
    assert image["norm"] == pytest.approx(float(expected.norm[0]), rel=1e-4)
    assert image["kl"] == pytest.approx(float(expected.column("kl")[0]), rel=1e-4)


def test_score_answers_the_largest_of_three_quantiles(client: httpx.Client) -> None:
    (image,) = client.post("/v1/score", content=png(IMAGES[2]), headers=PNG).json()["images"]
    reference, expected = tiny_artifact(1).reference, _expected(2)
    assert reference is not None
    known = {"recon_error": reference.recon_error, "norm": reference.norm, **reference.own}
    by_hand = {
        name: float(np.mean(known[name] <= expected.numbers()[name][0])) for name in ("recon_error", "kl", "norm")
    }
    # one of the 64 reference values may lie within the rounding of another batch size
    assert image["quantiles"].pop("code_distance") is None
    assert image["quantiles"] == pytest.approx(by_hand, abs=1.5 / 64)
    assert image["score"] == max(image["quantiles"].values())


def test_a_version_without_a_reference_encodes_and_does_not_score(
    house: House, start: Callable[..., httpx.Client]
) -> None:
    house.publish(champion=house.add_version("1", seed=1, with_reference=False))
    client = start()
    assert client.post("/v1/encode", content=png(IMAGES[0]), headers=PNG).status_code == 200
    answer = client.post("/v1/score", content=png(IMAGES[0]), headers=PNG)
    assert answer.status_code == 409
    assert "version 1 carries no reference" in answer.json()["detail"]


def test_samples_add_a_spread_per_pixel_that_the_request_id_fixes(client: httpx.Client) -> None:
    headers = {**PNG, "X-Request-Id": "again"}
    bodies = [
        client.post("/v1/reconstruct?samples=8", content=png(IMAGES[0]), headers=headers).json() for _ in range(2)
    ]
    sd = np.array(bodies[0]["images"][0]["sd"])
    assert sd.shape == (1, 28, 28) and (sd > 0).all() and (sd < 0.5).all()
    assert bodies[0]["images"] == bodies[1]["images"]


def test_one_reconstruction_comes_as_a_png(client: httpx.Client) -> None:
    headers = {**PNG, "Accept": "image/png"}
    answer = client.post("/v1/reconstruct", content=png(IMAGES[0]), headers=headers)
    assert answer.headers["Content-Type"] == "image/png"
    levels = np.asarray(Image.open(io.BytesIO(answer.content)))
    # half a level of rounding
    np.testing.assert_allclose(levels / 255, _expected().reconstruction[0, 0], atol=0.5 / 255 + 1e-6)
    sampled = client.post("/v1/reconstruct?samples=4", content=png(IMAGES[0]), headers=headers)
    assert sampled.status_code == 406


def test_readyz_says_what_serves_by_which_release(house: House, client: httpx.Client) -> None:
    body = client.get("/readyz").json()
    assert body["ready"] is True and body["release_epoch"] == 1 and body["errors"] == []
    assert body["slots"]["champion"]["version"] == "1"
    assert len(body["slots"]["champion"]["digest"]) == 64


def test_a_batch_that_takes_very_long_is_a_trouble_that_a_person_sees(house: House) -> None:
    champion, trial = (LoadedVersion(name, name * 64, tiny_artifact(1), datetime.now(UTC)) for name in "12")
    state, pairing = ReplicaState(Slots(champion=champion, shadow=trial)), Pairing(champion, trial, "shadow")
    usual, stuck = (readiness(state, "test", "", pairing, ShadowStatus(stuck_s=seconds)) for seconds in (29, 31))
    assert usual.errors == [] and usual.ready and stuck.ready
    assert [(each.where, "one batch for 31 s" in each.message) for each in stuck.errors] == [("trial", True)]
