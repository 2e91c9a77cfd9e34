"""What the shadow costs the answers: latency of /v1/score at one client, with a shadow and without, in one run.

    python -m benchmarks.serving_shadow [--quick] [--json FILE]

A real replica in a process of its own, two untrained versions of the default size (what a pass costs does not
depend on the weights), one client that sends the next image when the last is answered. The release changes between
"champion" and "champion and shadow" every round, so that a busy moment of the machine meets both.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from benchmarks.form import Result, make_report, publish_report
from deploy.release import Release, ServedVersion
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.release_file import RELEASE_KEY, ReleaseKeys, generate_keys, sign_release
from vae_core.artifact import Artifact, TrainingSummary, make_golden, write_artifact
from vae_core.config import Budget, TrainConfig
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.preprocessing import Preprocessing
from vae_core.reference import measure_reference

P50_LIMIT, P99_LIMIT = 1.25, 2.0
START_S = 60.0


class Stage:
    """Objects, keys and two versions in a folder that a replica knows as its home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._objects = LocalObjects(home / "objects")
        self._keys: ReleaseKeys = generate_keys(home / "secrets")
        self._epoch = 0
        self.one, self.two = (self._add(str(seed), seed) for seed in (1, 2))

    def publish(self, *, shadow: bool) -> int:
        """Publish the next release; returns its epoch."""
        self._epoch += 1
        release = Release(
            epoch=self._epoch,
            champion=self.one,
            shadow=self.two if shadow else None,
            changed_at=datetime.now(UTC),
            reason="benchmark",
        )
        self._objects.put(RELEASE_KEY, sign_release(release, self._keys.private))
        return self._epoch

    def _add(self, version: str, seed: int) -> ServedVersion:
        folder = self.home / "built" / version
        digest = write_artifact(folder, untrained(seed))
        for file in sorted(folder.iterdir()):
            self._objects.put(f"artifacts/{version}/{file.name}", file.read_bytes())
        return ServedVersion(version=version, digest=digest, artifact=f"artifacts/{version}")


def untrained(seed: int) -> Artifact:
    """Make a complete version of the default size, with a reference of 2,000 images."""
    model, config = build_model(ConvVaeConfig(), seed).eval(), ConvVaeConfig()
    seen = pictures(2_000, seed=3)
    return Artifact(
        model=model,
        model_config=config,
        preprocessing=Preprocessing(),
        prior=None,
        reference=measure_reference(model, seen),
        golden=make_golden(model, seen[:4]),
        summary=TrainingSummary(
            steps=1,
            epochs=1,
            seconds=1.0,
            train_config=TrainConfig(budget=Budget(amount=1, unit="steps")),
            dataset_version="0",
        ),
        digest="",
    )


def pictures(count: int, seed: int) -> np.ndarray:
    """Bright boxes on dark ground with some noise: uint8 (N, 1, 28, 28), enough for input validation."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 40, (count, 1, 28, 28))
    for image, (top, left) in zip(images, rng.integers(2, 12, (count, 2)), strict=True):
        image[0, top : top + 12, left : left + 10] += 150
    return images.astype(np.uint8)


@contextlib.contextmanager
def replica(home: Path) -> Iterator[str]:
    """Run `python -m deploy.serving` and give its address."""
    log_file = home / "serving.log"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("LATENTLOOP_")},
        "LATENTLOOP_HOME": str(home),
        "LATENTLOOP_SERVING__RELEASE_POLL_S": "0.05",
    }
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.serving", "--port", "0"], env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + START_S
        while (found := re.search(r"serving on (http://\S+) as", log_file.read_text())) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the replica did not start: {log_file.read_text()[-500:]}")
            time.sleep(0.05)
        yield found[1]
    finally:
        process.terminate()
        process.wait()


def run(home: Path, rounds: int, requests: int) -> list[Result]:
    """Measure `rounds` pairs of rounds of that many requests."""
    stage = Stage(home)
    bodies = [_png(each) for each in pictures(200, seed=5)]
    ms: dict[bool, list[list[float]]] = {False: [], True: []}
    stage.publish(shadow=False)
    with replica(home) as url, httpx.Client(base_url=url, timeout=60) as client:
        for number in range(-1, rounds):
            for shadow in (False, True) if number % 2 else (True, False):
                _wait_for(client, stage.publish(shadow=shadow), shadow)
                measured = [_ask(client, bodies[each % len(bodies)]) for each in range(requests)]
                if number >= 0:  # the first round warms up
                    ms[shadow].append(measured)
                _wait_until_scored(client)
        trial = client.get("/readyz").json()
        page = client.get("/metrics").text
    scored = sum(float(line.split()[-1]) for line in page.splitlines() if _counts(line, "pairs_total", "scored"))
    dropped = sum(float(line.split()[-1]) for line in page.splitlines() if _counts(line, "pairs_dropped_total", ""))
    assert trial["errors"] == [], trial["errors"]
    return [*_latencies(ms), Result.of("pairs_scored", scored, "images"), Result.of("pairs_dropped", dropped, "images")]


def _latencies(ms: dict[bool, list[list[float]]]) -> list[Result]:
    results = []
    for name, quantile, limit in (("p50", 0.5, P50_LIMIT), ("p99", 0.99, P99_LIMIT)):
        without, with_shadow = ([float(np.quantile(each, quantile)) for each in ms[shadow]] for shadow in (False, True))
        ratio = statistics.median(with_shadow) / statistics.median(without)
        count = sum(len(each) for each in ms[True])
        results += [
            Result.of(f"{name}_without_shadow_ms", without, "ms"),
            Result.of(f"{name}_with_shadow_ms", with_shadow, "ms"),
            Result.of(f"{name}_ratio", ratio, "times", limit=limit, n=count),
        ]
    return results


def _ask(client: httpx.Client, body: bytes) -> float:
    begun = time.perf_counter()
    answer = client.post("/v1/score", content=body, headers={"Content-Type": "image/png"})
    answer.raise_for_status()
    return (time.perf_counter() - begun) * 1000


def _wait_for(client: httpx.Client, epoch: int, shadow: bool) -> None:
    deadline = time.monotonic() + START_S
    seen: object = "no answer"
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):  # the socket is bound a moment before it listens
            body = seen = client.get("/readyz").json()
            if body["release_epoch"] == epoch and body["ready"] and ("shadow" in body["slots"]) == shadow:
                return
        time.sleep(0.02)
    raise RuntimeError(f"the replica does not follow release {epoch}: {seen}")


def _wait_until_scored(client: httpx.Client) -> None:
    """The queue of a round must not be worked off in the next."""
    while 'queue_depth{queue="shadow"} 0.0' not in client.get("/metrics").text:
        time.sleep(0.02)


def _counts(line: str, name: str, label: str) -> bool:
    return line.startswith(f"latentloop_serving_{name}{{") and label in line


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels[0]).save(file, "PNG")
    return file.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving_shadow", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="8 rounds of 150 requests instead of 30 of 300")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    given = parser.parse_args(arguments)
    rounds, requests = (8, 150) if given.quick else (30, 300)
    with tempfile.TemporaryDirectory() as folder:
        results = run(Path(folder), rounds, requests)
    return publish_report(make_report("serving_shadow", results), given.json)


if __name__ == "__main__":
    sys.exit(main())
