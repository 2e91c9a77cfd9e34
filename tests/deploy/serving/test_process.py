"""Stories of a real replica: a process of its own, real stores, real signals."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np

from deploy.stores.objects.release_file import RELEASE_KEY, sign_release
from tests.deploy.serving.house import House, pictures, png, wait_until
from tests.deploy.serving.process import started

FORBIDDEN = ("prefect", "mlflow", "great_expectations", "evidently")
CLIENTS = 4


class Load:
    """Clients that post images over kept connections until they are told to stop, or are cut off."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._bodies = [png(each) for each in pictures(20, seed=9)]
        self._bodies[7] = png(np.zeros((1, 28, 28), np.uint8))
        self._stop = threading.Event()
        self.answers: Counter[tuple[int, str]] = Counter()
        self.cut_off = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    @property
    def versions(self) -> set[str]:
        return {version for _, version in list(self.answers)}

    def count(self, status: int) -> int:
        return sum(n for (code, _), n in self.answers.items() if code == status)

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=120) as client:
            while not self._stop.is_set():
                for body in self._bodies:
                    try:
                        answer = client.post("/v1/score", content=body)
                    except httpx.TransportError:
                        self.cut_off += 1
                        return
                    self.answers[answer.status_code, answer.headers.get("X-Latentloop-Version", "")] += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def test_versions_change_under_load_and_sigterm_loses_nothing(house: House) -> None:
    one, two, broken = (house.add_version(name, seed=seed) for name, seed in (("1", 1), ("2", 2), ("3", 3)))
    old = house.publish(champion=one)
    house.publish(champion=one)
    key = f"{broken.artifact}/weights.safetensors"
    house.objects.put(key, house.objects.get(key).data[:-4])
    with started(house, serving__capture_segment_images="50", serving__telemetry_flush_s="0.2") as replica:
        load = Load(replica.url)
        with load.running():
            wait_until(lambda: "1" in load.versions, "answers of version 1")
            house.publish(champion=two, previous=one)
            wait_until(lambda: "2" in load.versions, "answers of version 2")
            replayed = sign_release(old, house.keys.private)
            for number, bad in enumerate((b"{", replayed, replayed[:-9]), start=1):
                house.objects.put(RELEASE_KEY, bad)
                wait_until(lambda number=number: replica.metric("release_refused_total") == number, "a refusal")
            house.publish(champion=broken, previous=two)
            wait_until(lambda: "champion" in str(replica.ready()["errors"]), "the version that does not load")
            assert replica.ready()["slots"]["champion"]["version"] == "2"  # type: ignore[index]
            house.publish(champion=one, previous=two)
            wait_until(lambda: replica.ready()["release_epoch"] == 5, "the way back")
            assert replica.ready()["errors"] == []
            refused = [replica.metric(f'release_refused_total{{cause="{cause}"}}') for cause in ("signature", "replay")]
            failures = replica.metric('version_load_failures_total{slot="champion"}')
            assert replica.terminate() == 0
    assert {status for status, _ in load.answers} == {200, 422}, load.answers
    assert load.versions == {"1", "2"}
    assert load.cut_off <= CLIENTS, "only the end of the process ends a connection"
    assert refused == [2, 1] and failures >= 1
    rows = house.rows()
    assert int((rows.refusal == "").sum()) == load.count(200)
    assert int((rows.refusal == "low_variance").sum()) == load.count(422) > 0
    assert len(house.captured()) == load.count(200)
    assert "Traceback" not in replica.log()


def test_a_replica_lives_and_starts_without_its_stores_and_without_the_forbidden(house: House) -> None:
    house.publish(champion=house.add_version("1", seed=1))
    body = png(pictures(1, seed=9)[0])
    away = house.root / "away"
    with started(house, serving__final_flush_s="0.5") as replica:
        before = httpx.post(f"{replica.url}/v1/reconstruct", content=body).json()["images"]
        house.objects.root.rename(away)
        wait_until(lambda: "store" in str(replica.ready()["errors"]), "the missing store")
        assert httpx.post(f"{replica.url}/v1/reconstruct", content=body).json()["images"] == before
        assert replica.terminate() == 0
        assert "captures: 2 not written" in replica.log()
    no_database = "sqlite:////proc/no-such-folder/telemetry.db"
    with started(house, python=("-X", "importtime"), telemetry_url=no_database) as replica:
        answer = httpx.post(f"{replica.url}/v1/reconstruct", content=body)
        assert answer.json()["images"] == before
        wait_until(lambda: '"where": "telemetry"' in json.dumps(replica.ready()["errors"]), "the missing database")
        assert replica.ready()["ready"] is True, "a champion is loaded: it answers"
        assert "rows wait until it answers" in replica.log()
        imported = {line.rpartition("|")[2].strip() for line in replica.log().splitlines() if "import time:" in line}
    assert {"torch", "fastapi", "deploy.serving.http.app"} <= imported
    assert not [name for name in imported if name.split(".")[0] in FORBIDDEN]
