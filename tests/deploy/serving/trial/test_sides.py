"""The two sides of an answered image become one pair: what both models really compute."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.deploy.serving.house import House, png, replica, tiny_artifact, wait_until
from tests.deploy.serving.trial.asking import IMAGES, ask, read_metric, read_trial, wait_for_trial
from vae_core.inference import score_images


def test_pairs_are_what_both_models_really_compute(house: House, slots: dict[str, Any]) -> None:
    house.publish(**slots)
    with replica(house) as client:
        wait_for_trial(client, "2")
        for row, each in enumerate(IMAGES[:3]):
            ask(client, each, id=f"r{row}")
        files = [("images", (str(row), png(each))) for row, each in enumerate(IMAGES[3:])]
        client.post("/v1/reconstruct", files=files, headers={"X-Request-Id": "three"})
        wait_until(lambda: read_trial(client)["scored"] == 6, "six pairs")
        assert read_metric(client, 'pairs_total{candidate="2",missing="2",outcome="scored"}') == 6
        assert read_metric(client, 'queue_depth{queue="shadow"}') == 0
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
