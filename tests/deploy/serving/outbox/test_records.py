"""What requests leave behind: a telemetry row each, a captured image each, and none of it on the answer's path."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import numpy as np
from PIL import Image

from deploy.serving.outbox.records import PendingCapture, SegmentWriter
from deploy.stores.objects.captures import CaptureStore
from tests.deploy.serving.house import House, jpeg, pictures, png, replica, tiny_artifact, wait_until
from vae_core.images.preprocessing import pixel_digest
from vae_core.inference import score_images

IMAGES = pictures(6, seed=7)
BLACK = png(np.zeros((1, 28, 28), np.uint8))


def test_every_image_leaves_one_row(house: House, release: None) -> None:
    with replica(house) as client:
        for row, each in enumerate(IMAGES[:4]):
            client.post("/v1/score", content=png(each), headers={"X-Request-Id": f"r{row}"})
        client.post("/v1/encode", content=BLACK, headers={"X-Request-Id": "black"})
        client.post("/v1/encode", files=[("images", ("a", png(each))) for each in IMAGES[4:]])
    rows = house.rows()
    assert list(rows.request_id[:5]) == ["r0", "r1", "r2", "r3", "black"]
    assert list(rows.refusal) == ["", "", "", "", "low_variance", "", ""]
    assert set(rows.version) == {"1"} and set(rows.replica) == {"test"}
    assert list(rows.route) == ["/v1/score"] * 4 + ["/v1/encode"] * 3
    answered = rows.refusal == ""
    expected = score_images(tiny_artifact(1).model, IMAGES)
    np.testing.assert_allclose(rows.recon_error[answered], expected.recon_error, rtol=1e-5)
    np.testing.assert_allclose(rows.mu[answered], expected.mu, atol=1e-3)  # float16
    np.testing.assert_allclose(rows.image_mean[answered], IMAGES.mean(axis=(1, 2, 3)) / 255, rtol=1e-6)
    assert np.isnan(rows.recon_error[~answered]).all() and np.isnan(rows.image_variance[~answered]).all()
    assert (rows.latency_ms > 0).all()
    named = [pixel_digest(each)[:16] for each in IMAGES]
    assert [f"{digest & (2**64 - 1):016x}" for digest in rows.image_digest[answered].tolist()] == named


def test_every_answered_image_is_captured_as_it_came(house: House, release: None) -> None:
    with replica(house) as client:
        client.post("/v1/score", content=png(IMAGES[0]), headers={"X-Request-Id": "a"})
        client.post("/v1/score", content=jpeg(IMAGES[1]), headers={"X-Latentloop-Source": "shop-7"})
        client.post("/v1/score", json={"images": (IMAGES[2] / 255).tolist()})
        client.post("/v1/score", content=BLACK)
    first, second, third = house.captured()
    assert (first.name, first.source, first.data) == ("a-0", "http", png(IMAGES[0]))
    assert (second.source, second.data) == ("shop-7", jpeg(IMAGES[1]))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(third.data))), IMAGES[2, 0])
    assert first.captured_at.tzinfo is not None


def test_a_trial_of_a_named_version_is_neither_traffic_nor_an_image(house: House, release: None) -> None:
    with replica(house) as client:
        wait_until(lambda: "shadow" in client.get("/readyz").json()["slots"], "the shadow")
        tried = client.post("/v1/score", content=png(IMAGES[0]), headers={"X-Latentloop-Version": "2"})
        client.post("/v1/score", content=png(IMAGES[1]))
    assert tried.json()["version"] == "2"
    assert list(house.rows().version) == ["1"]
    assert len(house.captured()) == 1


def test_a_segment_is_never_written_over(house: House) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    store = CaptureStore(house.objects)
    captures = [PendingCapture(str(row), "http", at, png(each)) for row, each in enumerate(IMAGES)]
    for half in (captures[:3], captures[3:]):
        SegmentWriter(store, "test", at).write(half)
    assert [image.name for image in house.captured()] == list("012345")
