"""A VQ-VAE in every slot of a replica, beside VAEs: what it answers, what it leaves behind, what it has not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from deploy.release import ServedVersion
from deploy.serving.errors import VersionLoadFailed
from deploy.serving.versions.loader import VersionLoader
from deploy.serving.versions.router import request_share
from deploy.stores.objects.artifacts import artifact_prefix, fetch_artifact, put_artifact
from tests.deploy.serving.house import VQ_MODEL, House, pictures, png, running, tiny_artifact, wait_until
from tests.deploy.serving.house import replica as start_replica
from vae_core.artifact import write_artifact
from vae_core.families.scores import Scores
from vae_core.inference import score_images

IMAGES = pictures(6, seed=21)
PNG = {"Content-Type": "image/png"}


def _expected(row: int = 0, seed: int = 1) -> Scores:
    return score_images(tiny_artifact(seed, config=VQ_MODEL).model, IMAGES[row : row + 1])


@pytest.fixture
def vq_client(house: House, start: Callable[..., httpx.Client]) -> httpx.Client:
    """Start a replica whose champion, version `1`, is a VQ-VAE."""
    house.publish(champion=house.add_version("1", seed=1, config=VQ_MODEL))
    return start()


def test_encode_answers_the_grid_of_codes_and_no_posterior(vq_client: httpx.Client) -> None:
    (image,) = vq_client.post("/v1/encode", content=png(IMAGES[1]), headers=PNG).json()["images"]
    expected = _expected(1)
    assert image["codes"] == expected.column("codes")[0].tolist()
    assert image["logvar"] is None and image["kl"] is None
    np.testing.assert_allclose(image["mu"], expected.mu[0], rtol=1e-4, atol=1e-6)
    assert image["norm"] == pytest.approx(float(expected.norm[0]), rel=1e-4)
    assert image["code_distance"] == pytest.approx(float(expected.column("code_distance")[0]), rel=1e-4)


def test_a_vae_says_that_it_has_no_grid_of_codes(client: httpx.Client) -> None:
    (image,) = client.post("/v1/encode", content=png(IMAGES[1]), headers=PNG).json()["images"]
    assert image["codes"] is None and image["code_distance"] is None
    assert len(image["logvar"]) == 4


def test_score_ranks_the_distance_from_the_codes_in_place_of_the_kl(vq_client: httpx.Client) -> None:
    (image,) = vq_client.post("/v1/score", content=png(IMAGES[2]), headers=PNG).json()["images"]
    reference, expected = tiny_artifact(1, config=VQ_MODEL).reference, _expected(2)
    assert reference is not None
    by_hand = {
        "recon_error": float(np.mean(reference.recon_error <= expected.recon_error[0])),
        "code_distance": float(np.mean(reference.column("code_distance") <= expected.column("code_distance")[0])),
        "norm": float(np.mean(reference.norm <= expected.norm[0])),
    }
    assert image["kl"] is None and image["quantiles"].pop("kl") is None
    # one of the 64 reference values may lie within the rounding of another batch size
    assert image["quantiles"] == pytest.approx(by_hand, abs=1.5 / 64)
    assert image["score"] == max(image["quantiles"].values())


def test_reconstruct_answers_the_decoders_image_of_the_codes(vq_client: httpx.Client) -> None:
    (image,) = vq_client.post("/v1/reconstruct", content=png(IMAGES[0]), headers=PNG).json()["images"]
    np.testing.assert_allclose(image["reconstruction"], _expected().reconstruction[0], atol=1e-5)
    assert image["sd"] is None


def test_samples_of_a_vq_vae_are_refused_in_one_line(house: House, vq_client: httpx.Client) -> None:
    answer = vq_client.post("/v1/reconstruct?samples=4", content=png(IMAGES[0]), headers=PNG)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "version 1 is a vq_vae, which has no draws of z; ask without samples"


def test_telemetry_holds_codes_and_distance_of_a_vq_vae_and_no_kl(house: House, vq_client: httpx.Client) -> None:
    vq_client.post("/v1/encode", content=png(IMAGES[0]), headers=PNG)
    wait_until(lambda: len(house.rows()) == 1, "the row")
    rows, expected = house.rows(), _expected()
    assert rows.own["codes"].tolist() == [expected.column("codes")[0].ravel().tolist()]
    np.testing.assert_allclose(rows.own["code_distance"], expected.column("code_distance"), rtol=1e-4)
    assert list(rows.own) == ["codes", "code_distance"] and rows.mu.shape == expected.mu.shape == (1, 64)


@pytest.mark.parametrize("kinds", [("vae", "vq"), ("vq", "vae")])
def test_requests_are_answered_while_one_kind_of_model_replaces_the_other(house: House, kinds: tuple[str, str]) -> None:
    options: dict[str, Any] = {"vae": {}, "vq": {"config": VQ_MODEL}}
    first, second = (house.add_version(str(place), seed=place, **options[kind]) for place, kind in enumerate(kinds, 1))
    house.publish(champion=first)
    answers: list[tuple[int, str]] = []
    with start_replica(house) as client:
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                answer = client.post("/v1/score", content=png(IMAGES[0]), headers=PNG)
                answers.append((answer.status_code, answer.headers.get("X-Latentloop-Version", "")))

        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: len(answers) > 3, "answers of the first version")
        house.publish(champion=second, previous=first)
        wait_until(lambda: answers[-1][1] == "2", "answers of the second version")
        done.set()
        asking.join()
    assert {status for status, _ in answers} == {200}
    assert [version for _, version in answers] == sorted(version for _, version in answers)


@pytest.mark.parametrize("champion_is_vq", [False, True])
def test_a_shadow_of_another_kind_is_paired_by_its_error(house: House, champion_is_vq: bool) -> None:
    vq: dict[str, Any] = {"config": VQ_MODEL}
    champion = house.add_version("1", seed=1, **(vq if champion_is_vq else {}))
    candidate = house.add_version("2", seed=2, **({} if champion_is_vq else vq))
    house.publish(champion=champion, shadow=candidate)
    with start_replica(house) as client:
        wait_until(lambda: (client.get("/readyz").json()["trial"] or {}).get("version") == "2", "the trial")
        for each in IMAGES[:3]:
            assert client.post("/v1/score", content=png(each), headers=PNG).json()["version"] == "1"
        wait_until(lambda: len(house.paired("2", "1")) == 3, "the pairs")
    pairs = house.paired("2", "1")
    assert pairs.failure.tolist() == ["", "", ""]
    for place, (version, errors) in enumerate([(champion, pairs.champion_error), (candidate, pairs.candidate_error)]):
        model = fetch_artifact(house.objects, version.artifact, version.digest, house.root / f"copy{place}").model
        np.testing.assert_allclose(errors, score_images(model, IMAGES[:3]).recon_error, rtol=1e-4)


def test_a_canary_without_draws_leaves_samples_to_the_champion_and_is_not_blamed(house: House) -> None:
    slots = {"champion": house.add_version("1", seed=1), "canary": house.add_version("2", seed=2, config=VQ_MODEL)}
    house.publish(**slots, canary_share=1.0)
    with running(house, canary_failures_to_stop=1) as (client, service):
        wait_until(lambda: "canary" in client.get("/readyz").json()["slots"], "the canary")
        sampled = client.post("/v1/reconstruct?samples=4", content=png(IMAGES[0]), headers=PNG).json()
        plain = client.post("/v1/reconstruct", content=png(IMAGES[0]), headers=PNG).json()
        wait_until(lambda: len(house.paired("2", "1")) == 2, "both pairs")
        assert service.state.slots.canary_share == 1.0
    assert (sampled["version"], plain["version"]) == ("1", "2")
    assert sampled["images"][0]["sd"] is not None
    assert house.paired("2", "1").failure.tolist() == ["", ""]


def test_a_failing_canary_is_stopped_though_the_champion_refuses_what_it_was_asked(house: House) -> None:
    slots = {"champion": house.add_version("1", seed=1, config=VQ_MODEL), "canary": house.add_version("2", seed=2)}
    house.publish(**slots, canary_share=1.0)
    with running(house, canary_failures_to_stop=1) as (client, service):
        wait_until(lambda: "canary" in client.get("/readyz").json()["slots"], "the canary")
        canary = service.state.slots.canary
        assert canary is not None
        canary.artifact.model.decode = _refuse  # type: ignore[method-assign]
        answer = client.post("/v1/reconstruct?samples=4", content=png(IMAGES[0]), headers=PNG)
        assert answer.status_code == 409 and "no draws of z" in answer.json()["detail"]
        assert service.state.slots.canary_share == 0


def _refuse(z: torch.Tensor) -> torch.Tensor:
    raise RuntimeError(f"no image of {tuple(z.shape)}")


def test_a_canary_answers_its_share_whatever_the_champions_kind(house: House) -> None:
    ids = [f"r{number}" for number in range(12)]
    house.publish(
        champion=house.add_version("1", seed=1, config=VQ_MODEL),
        canary=house.add_version("2", seed=2),
        canary_share=0.5,
    )
    with start_replica(house) as client:
        wait_until(lambda: "canary" in client.get("/readyz").json()["slots"], "the canary")
        for id in ids:
            answer = client.post("/v1/score", content=png(IMAGES[0]), headers={**PNG, "X-Request-Id": id}).json()
            assert answer["version"] == ("2" if request_share(id) < 0.5 else "1")


def test_a_vq_vae_that_answers_nothing_finite_is_not_loaded(house: House) -> None:
    artifact = tiny_artifact(1, config=VQ_MODEL)
    with torch.no_grad():  # finite weights, which the reader of an artifact accepts
        next(artifact.model.parameters()).mul_(1e38)
    folder = house.root / "broken"
    digest = write_artifact(folder, replace(artifact, golden=None))
    put_artifact(house.objects, folder, artifact_prefix(digest))
    loader = VersionLoader(house.objects, house.cache, golden_tolerance=1e-4, batch_max=4)
    with pytest.raises(VersionLoadFailed, match="version 9: .*finite"):
        loader.load(ServedVersion(version="9", digest=digest, artifact=artifact_prefix(digest)))


def test_the_golden_answers_of_a_vq_vae_are_checked(house: House) -> None:
    served = house.add_version("1", seed=1, config=VQ_MODEL)
    loader = VersionLoader(house.objects, house.cache, golden_tolerance=1e-2, batch_max=4)
    artifact = loader.load(served).artifact
    with torch.no_grad():
        artifact.model.decoder[-1].bias.add_(0.05)
    folder = house.root / "altered"
    digest = write_artifact(folder, artifact)
    put_artifact(house.objects, folder, artifact_prefix(digest))
    with pytest.raises(VersionLoadFailed, match="golden answers"):
        loader.load(ServedVersion(version="2", digest=digest, artifact=artifact_prefix(digest)))
