"""Requests through the real HTTP service, as a client sends them: one image at a time over a kept connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx
import numpy as np


@dataclass(slots=True)
class Traffic:
    """What came back: latencies of the answered ones in ms, refusals by reason, and requests that failed."""

    sent: int = 0
    latency_ms: list[float] = field(default_factory=list)
    recon_error: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    first_failure: str = ""

    def percentile(self, q: float) -> float:
        """Latency in ms at percentile `q`, as the client saw it."""
        return float(np.percentile(self.latency_ms, q)) if self.latency_ms else float("nan")


def send_images(service_url: str, images: Iterable[bytes], say: Callable[[str], None], every_s: float = 5.0) -> Traffic:
    """POST each encoded image to /v1/score; a refusal (422) is an answer, anything else but 200 is a failure."""
    traffic, said = Traffic(), time.monotonic()
    with httpx.Client(base_url=service_url, timeout=30) as client:
        for data in images:
            traffic.sent += 1
            began = time.perf_counter()
            try:
                answer = client.post("/v1/score", content=data, headers={"Content-Type": "image/png"})
            except httpx.HTTPError as error:
                _fail(traffic, f"{type(error).__name__}: {error}")
                continue
            elapsed_ms = 1000 * (time.perf_counter() - began)
            if answer.status_code == 200:
                traffic.latency_ms.append(elapsed_ms)
                traffic.recon_error.append(float(answer.json()["images"][0]["recon_error"]))
            elif answer.status_code == 422:
                for each in answer.json()["refused"]:
                    traffic.refused[each["reason"]] = traffic.refused.get(each["reason"], 0) + 1
            else:
                _fail(traffic, f"{answer.status_code}: {answer.text[:200]}")
            if time.monotonic() - said > every_s:
                said = time.monotonic()
                say(f"{traffic.sent:,} requests, p50 {traffic.percentile(50):.1f} ms, {traffic.failed} failed")
    return traffic


def _fail(traffic: Traffic, what: str) -> None:
    traffic.failed += 1
    traffic.first_failure = traffic.first_failure or what
