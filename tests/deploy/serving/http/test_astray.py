"""What no route answers has the form of every other problem."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from deploy.serving.service import Service
from tests.deploy.serving.house import House, pictures, png

PATHS = ("/v1/reconstruct", "/v1/encode", "/v1/score", "/healthz", "/readyz", "/metrics")


@pytest.fixture
def bare(start: Callable[..., httpx.Client]) -> httpx.Client:
    """A replica without a version."""
    return start(ready=False)


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/scores", 404, "there is no '/v1/scores': expected one of /v1/reconstruct, "),
        ("POST", "/" + "x" * 5000, 404, "x': expected one of"),
        ("POST", "/two%0Alines", 404, "there is no '/two\\nlines': expected one of"),
        ("GET", "/v1/score", 405, "/v1/score does not take GET: expected POST"),
        ("DELETE", "/readyz", 405, "/readyz does not take DELETE: expected GET"),
        ("POST", "/v1/reconstruct?samples=1", 400, "query.samples: "),
    ],
)
def test_what_no_route_answers_is_told_like_any_other_problem(
    bare: httpx.Client, method: str, path: str, status: int, words: str
) -> None:
    answer = bare.request(method, path, headers={"X-Request-Id": "mine"})

    assert answer.status_code == status
    assert set(answer.json()) == {"request_id", "detail"}
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"] == "mine"
    detail = answer.json()["detail"]
    assert words in detail and "\n" not in detail and len(detail) < 300
    if status == 404:
        assert all(each in detail for each in PATHS)
    if status == 405:
        assert answer.headers["Allow"] in detail
    assert f'status="{status}"' in bare.get("/metrics").text


def test_paths_that_are_made_up_leave_nothing_in_the_metrics(bare: httpx.Client) -> None:
    for number in range(20):
        bare.get(f"/made-up/{number}")
    page = bare.get("/metrics").text
    assert "made-up" not in page
    assert 'latentloop_serving_requests_total{route="",status="404",version=""} 20.0' in page


def test_a_mistake_of_ours_has_the_form_too(
    house: House, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*told: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(Service, "_answer", fail)
    answer = client.post("/v1/score", content=png(pictures(1)[0]), headers={"X-Request-Id": "mine"})
    assert answer.status_code == 500
    assert answer.json()["request_id"] == "mine"
    assert "RuntimeError" in answer.json()["detail"] and "secret" not in answer.text
    assert 'route="/v1/score",status="500"' in client.get("/metrics").text
