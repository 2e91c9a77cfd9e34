"""Telemetry, pairs and captures are written in batches; what a store does not take waits, or is counted."""

from __future__ import annotations

from deploy.serving.service import Service
from deploy.stores.objects.captures import CaptureStore
from tests.deploy.serving.house import House, png, replica, running, wait_until
from tests.deploy.serving.trial.asking import IMAGES, ask, read_metric, wait_for_trial


def test_pairs_wait_for_a_database_that_is_away(house: House, release: None) -> None:
    with running(house) as (client, service):
        wait_for_trial(client, "2")
        file = house.root / "telemetry.db"
        assert isinstance(service, Service)
        house.engine.dispose()
        file.rename(house.root / "away.db")
        file.mkdir()  # what cannot be opened
        assert [ask(client, each)["version"] for each in IMAGES] == ["1"] * len(IMAGES)
        wait_until(lambda: read_metric(client, 'queue_depth{queue="pairs"}') == len(IMAGES), "waiting pairs")
        file.rmdir()
        (house.root / "away.db").rename(file)
        wait_until(lambda: read_metric(client, 'queue_depth{queue="pairs"}') == 0, "written pairs")
    assert len(house.paired("2", "1")) == len(IMAGES)


def test_segments_are_written_when_full_and_at_the_end(house: House, release: None) -> None:
    with replica(house, capture_segment_images=4) as client:
        for each in IMAGES:
            client.post("/v1/encode", content=png(each))
        wait_until(lambda: len(house.captured()) == 4, "the first segment")
    store = CaptureStore(house.objects)
    keys = store.segments()
    assert [len(store.read(key)) for key in keys] == [4, 2]
    assert all("/test-20" in key for key in keys), "replica and start are in the name"


def test_what_the_stores_do_not_take_is_counted_and_nobody_waits(house: House, release: None) -> None:
    with replica(house, capture_segment_images=2, capture_queue=3, telemetry_queue=5, telemetry_flush_s=60) as client:
        house.objects.root.rename(house.root / "away")
        for each in IMAGES:
            assert client.post("/v1/encode", content=png(each)).status_code == 200
        page = client.get("/metrics").text
        (house.root / "away").rename(house.objects.root)
    assert 'lost_total{kind="capture"} 3.0' in page
    assert 'lost_total{kind="telemetry"} 1.0' in page
    assert len(house.captured()) == 3, "what fitted waited for the store to come back"
    assert len(house.rows()) == 5
