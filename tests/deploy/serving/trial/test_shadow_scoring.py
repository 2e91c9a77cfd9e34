"""Whatever a version does off the answer's path stays there: it fails alone, and image by image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.deploy.serving.house import OLDER, House, palette_png, pictures, png, replica, tiny_artifact, wait_until
from tests.deploy.serving.trial.asking import IMAGES, ask, on_trial, read_metric, read_trial, wait_for_trial
from vae_core.inference import score_images


def _raise(*arguments: Any) -> Any:
    raise RuntimeError("no such kernel")


def _nan(mu: torch.Tensor) -> torch.Tensor:
    return torch.full((len(mu), 1, 28, 28), float("nan"))


def _misshapen(mu: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(mu), 3, 5, 5)


@pytest.mark.parametrize(
    ("decode", "why"),
    [(_raise, "raised RuntimeError: no such kernel"), (_nan, "not finite"), (_misshapen, "raised RuntimeError")],
)
def test_a_shadow_that_fails_fails_alone_and_is_counted(
    house: House, slots: dict[str, Any], decode: Any, why: str
) -> None:
    with on_trial(house, slots, decode) as (client, _):
        answers = [ask(client, each) for each in IMAGES]
        wait_until(lambda: read_trial(client)["failed"] == len(IMAGES), "six failures")
        assert read_metric(client, 'pairs_total{candidate="2",missing="2",outcome="failed"}') == len(IMAGES)
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

    with on_trial(house, slots, decode) as (client, _):
        files = [("images", (str(row), png(each))) for row, each in enumerate([*IMAGES[:3], poison, *IMAGES[3:]])]
        assert client.post("/v1/score", files=files).status_code == 200
        wait_until(lambda: read_trial(client)["scored"] == 6 and read_trial(client)["failed"] == 1, "seven pairs")
    window = house.paired("2", "1")
    assert [bool(each) for each in window.failure] == [False, False, False, True, False, False, False]
    expected = score_images(healthy, IMAGES).recon_error
    np.testing.assert_allclose(window.candidate_error[window.complete], expected, rtol=1e-5)


def test_a_candidate_with_another_preprocessing_sees_the_images_through_its_own(
    house: House, slots: dict[str, Any]
) -> None:
    refusing = house.add_version("2r", seed=2, preprocessing=OLDER)
    house.publish(champion=slots["champion"], shadow=refusing)
    with replica(house) as client:
        wait_for_trial(client, "2r")
        assert client.post("/v1/score", content=palette_png(IMAGES[0])).status_code == 200
        ask(client, IMAGES[1], id="fits")
        wait_until(lambda: read_trial(client)["scored"] + read_trial(client)["failed"] == 2, "both")
    window = house.paired("2r", "1")
    assert window.failure.tolist() == ["refused by its own preprocessing: wrong_mode", ""]
    expected = score_images(tiny_artifact(2).model, IMAGES[1:2]).recon_error
    np.testing.assert_allclose(window.candidate_error[1:], expected, rtol=1e-5)
