"""What no route answers has the form of every other problem."""

from __future__ import annotations

import httpx
import pytest

from tests.deploy.serving.house import House, pictures, png, running

PATHS = ("/v1/reconstruct", "/v1/encode", "/v1/score", "/healthz", "/readyz", "/metrics")


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


def test_a_mistake_of_ours_has_the_form_too(house: House) -> None:
    house.publish(champion=house.add_version("1", seed=1))
    with running(house) as (client, service):
        service._decoding.stop()  # whoever wants a thread of it hears "cannot schedule new futures after shutdown"
        answer = client.post("/v1/score", content=png(pictures(1)[0]), headers={"X-Request-Id": "mine"})
        page = client.get("/metrics").text
    assert answer.status_code == 500
    assert answer.json()["request_id"] == "mine"
    assert "RuntimeError" in answer.json()["detail"] and "futures" not in answer.text
    assert 'route="/v1/score",status="500"' in page
