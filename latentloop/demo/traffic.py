"""Requests through the real HTTP service, as a client sends them: one image at a time over a kept connection."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

import httpx
import numpy as np

from latentloop.demo.supply import Shot

EVERY_S = 5.0


@dataclass(slots=True)
class Traffic:
    """What came back: latencies of the answered ones in ms, errors by kind, refusals by reason, requests that failed.

    `versions` counts the answers of each version.
    """

    sent: int = 0
    latency_ms: list[float] = field(default_factory=list)
    recon_error: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[str] = field(default_factory=Counter)
    black_sent: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    first_failure: str = ""

    def percentile(self, q: float) -> float:
        """Latency in ms at percentile `q`, as the client saw it."""
        return float(np.percentile(self.latency_ms, q)) if self.latency_ms else float("nan")

    def add(self, other: Traffic) -> None:
        """Take in what another stretch of traffic brought."""
        self.sent += other.sent
        self.latency_ms += other.latency_ms
        for kind, errors in other.recon_error.items():
            self.recon_error[kind] += errors
        self.refused += other.refused
        self.black_sent += other.black_sent
        self.versions += other.versions
        self.failed += other.failed
        self.first_failure = self.first_failure or other.first_failure


class Client:
    """One kept connection to the service; says every five seconds how it goes."""

    def __init__(self, service_url: str, say: Callable[[str], None]) -> None:
        self._client, self._say = httpx.Client(base_url=service_url, timeout=30), say
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def send(
        self,
        shots: Iterable[Shot],
        traffic: Traffic,
        *,
        until: Callable[[], bool] | None = None,
        at_most: int | None = None,
    ) -> None:
        """POST each image to /v1/score until the shots end, `until` says so (asked every 25 requests), or `at_most`.

        A refusal (422) is an answer; anything else but 200 is a failure. What comes back is added to `traffic`.
        """
        for number, shot in enumerate(shots, start=1):
            _send(self._client, shot, traffic)
            if time.monotonic() - self._said > EVERY_S:
                self._said = time.monotonic()
                self._say(f"{traffic.sent:,} requests, p50 {traffic.percentile(50):.1f} ms, {traffic.failed} failed")
            if number == at_most or (until is not None and number % 25 == 0 and until()):
                return


def _send(client: httpx.Client, shot: Shot, traffic: Traffic) -> None:
    traffic.sent += 1
    traffic.black_sent += shot.kind == "black"
    headers = {"Content-Type": "image/png", "X-Request-Id": shot.id, "X-Latentloop-Source": "shop"}
    began = time.perf_counter()
    try:
        answer = client.post("/v1/score", content=shot.data, headers=headers)
    except httpx.HTTPError as error:
        _fail(traffic, f"{type(error).__name__}: {error}")
        return
    elapsed_ms = 1000 * (time.perf_counter() - began)
    if answer.status_code == 200:
        body = answer.json()
        traffic.latency_ms.append(elapsed_ms)
        traffic.recon_error[shot.kind].append(float(body["images"][0]["recon_error"]))
        traffic.versions[body["version"]] += 1
    elif answer.status_code == 422:
        traffic.refused.update(each["reason"] for each in answer.json()["refused"])
    else:
        _fail(traffic, f"{answer.status_code}: {answer.text[:200]}")


def _fail(traffic: Traffic, what: str) -> None:
    traffic.failed += 1
    traffic.first_failure = traffic.first_failure or what
