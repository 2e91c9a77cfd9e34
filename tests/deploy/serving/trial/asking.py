"""What the tests of trials ask of a started replica, and a shadow that breaks once it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np

from tests.deploy.serving.house import House, pictures, png, running, wait_until

IMAGES = pictures(6, seed=11)


def ask(client: httpx.Client, image: np.ndarray, id: str = "", **headers: str) -> Any:
    """Ask for a score, without what differs between two equal answers."""
    given = {**headers, **({"X-Request-Id": id} if id else {})}
    answer = client.post("/v1/score", content=png(image), headers=given)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return {key: body[key] for key in ("version", "images")}


def read_trial(client: httpx.Client) -> Any:
    return client.get("/readyz").json()["trial"]


def wait_for_trial(client: httpx.Client, version: str) -> None:
    wait_until(lambda: (read_trial(client) or {}).get("version") == version, f"version {version} on trial")


def read_metric(client: httpx.Client, begins: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"latentloop_serving_{begins}"))


@contextmanager
def on_trial(house: House, slots: dict[str, Any], decode: Any, **changes: Any) -> Iterator[tuple[httpx.Client, Any]]:
    """Run a replica whose shadow breaks once it is loaded: its decoder is `decode` from now on."""
    house.publish(**slots)
    with running(house, **changes) as (client, service):
        wait_for_trial(client, "2")
        shadow = service.state.slots.shadow
        assert shadow is not None
        shadow.artifact.model.decode = decode
        yield client, service
