"""Which version of a replica answers, and what the replica says of itself."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import numpy as np

from tests.deploy.serving.house import House, pictures, png, tiny_artifact, wait_until
from vae_core.inference import score_images

IMAGES = pictures(4, seed=5)


def test_the_shadow_answers_only_who_asks_for_it(house: House, start: Callable[..., httpx.Client]) -> None:
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one, shadow=two)
    client = start()
    wait_until(lambda: "shadow" in client.get("/readyz").json()["slots"], "the shadow")
    plain = [client.post("/v1/encode", content=png(each)).json()["version"] for each in IMAGES]
    asked = client.post("/v1/encode", content=png(IMAGES[0]), headers={"X-Latentloop-Version": "2"}).json()
    assert plain == ["1"] * 4
    assert asked["version"] == "2"
    expected = score_images(tiny_artifact(2).model, IMAGES[:1])
    np.testing.assert_allclose(asked["images"][0]["mu"], expected.mu[0], rtol=1e-4, atol=1e-6)


def test_a_first_version_can_be_tried_before_there_is_a_champion(
    house: House, start: Callable[..., httpx.Client]
) -> None:
    house.publish(shadow=house.add_version("1", seed=1))
    client = start(ready=False)
    wait_until(lambda: "shadow" in client.get("/readyz").json()["slots"], "the shadow")
    assert client.get("/readyz").status_code == 503
    assert client.post("/v1/score", content=png(IMAGES[0])).status_code == 503
    tried = client.post("/v1/score", content=png(IMAGES[0]), headers={"X-Latentloop-Version": "1"})
    assert tried.status_code == 200


def test_a_canary_takes_its_share_of_the_requests(house: House, start: Callable[..., httpx.Client]) -> None:
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one, canary=two, canary_share=0.5)
    client = start()
    wait_until(lambda: "canary" in client.get("/readyz").json()["slots"], "the canary")
    versions = {
        client.post("/v1/encode", content=png(IMAGES[0]), headers={"X-Request-Id": f"r{n}"}).json()["version"]
        for n in range(20)
    }
    assert versions == {"1", "2"}


def test_decoders_that_make_other_pixels_are_a_trouble_that_a_person_sees(
    house: House, start: Callable[..., httpx.Client]
) -> None:
    house.publish(champion=house.add_version("1", seed=1))
    body = start(changed_pixels="other pixels of turned.jpg; install anew").get("/readyz").json()
    assert body["ready"] is True, "it serves, and says so"
    (trouble,) = body["errors"]
    assert trouble == {"where": "decoders", "message": "other pixels of turned.jpg; install anew"}
