"""What Prometheus reads of a replica that answered."""

from __future__ import annotations

import httpx

from tests.deploy.serving.house import pictures, png


def test_metrics_count_what_happened(client: httpx.Client) -> None:
    for each in pictures(4, seed=5):
        client.post("/v1/score", content=png(each))
    page = client.get("/metrics").text
    for line in (
        'latentloop_serving_requests_total{route="/v1/score",status="200",version="1"} 4.0',
        'latentloop_serving_images_total{version="1"} 4.0',
        'latentloop_serving_latency_seconds_count{route="/v1/score"} 4.0',
        'latentloop_serving_recon_error_count{version="1"} 4.0',
        "latentloop_serving_release_epoch 1.0",
        'latentloop_serving_version_loaded{slot="champion",version="1"} 1.0',
        'latentloop_serving_queue_depth{queue="telemetry"}',
        'latentloop_serving_lost_total{kind="capture"} 0.0',
        "latentloop_serving_object_store_reachable 1.0",
    ):
        assert line in page
