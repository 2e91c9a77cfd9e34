"""How a problem is answered and counted, whoever found it."""

from __future__ import annotations

import httpx

from tests.deploy.serving.house import pictures, png

IMAGE = png(pictures(1)[0])
PNG = {"Content-Type": "image/png"}


def test_without_a_champion_the_answer_is_503_and_when_to_come_back(bare: httpx.Client) -> None:
    answer = bare.post("/v1/score", content=IMAGE, headers=PNG)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert bare.get("/healthz").json() == {"status": "alive", "replica": "test"}
    ready = bare.get("/readyz")
    assert ready.status_code == 503 and ready.json()["ready"] is False


def test_paths_that_are_made_up_leave_nothing_in_the_metrics(bare: httpx.Client) -> None:
    for number in range(20):
        bare.get(f"/made-up/{number}")
    page = bare.get("/metrics").text
    assert "made-up" not in page
    assert 'latentloop_serving_requests_total{route="",status="404",version=""} 20.0' in page
