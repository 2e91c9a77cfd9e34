"""One candidate's queue and thread: late, full, hanging or without its database, and nobody else waits."""

from __future__ import annotations

import threading
import time
from typing import Any

import torch

from tests.deploy.serving.house import House, tiny_artifact, wait_until
from tests.deploy.serving.trial.asking import IMAGES, ask, on_trial, read_metric, read_trial, wait_for_trial


def test_a_slow_shadow_is_late_and_nothing_else_is(house: House, slots: dict[str, Any]) -> None:
    healthy, answered = tiny_artifact(2).model, threading.Event()

    def decode(mu: torch.Tensor) -> torch.Tensor:
        answered.wait()
        time.sleep(0.05)
        return healthy.decode(mu)

    with on_trial(house, slots, decode, shadow_batch=1) as (client, _):
        versions = [ask(client, each)["version"] for each in IMAGES]
        assert (read_trial(client)["waiting"], read_trial(client)["scored"]) == (len(IMAGES), 0)
        answered.set()
        wait_until(lambda: read_trial(client)["scored"] == len(IMAGES), "the late pairs")
    assert versions == ["1"] * len(IMAGES)
    assert house.paired("2", "1").failures == 0


def test_a_hanging_shadow_fills_its_queue_and_the_rest_is_dropped(house: House, slots: dict[str, Any]) -> None:
    release = threading.Event()

    def decode(mu: torch.Tensor) -> torch.Tensor:
        release.wait()
        raise RuntimeError("abandoned")

    three = house.add_version("3", seed=3)
    try:
        with on_trial(house, slots, decode, max_images=4, shadow_queue=4, final_flush_s=1) as (client, service):
            answers = [ask(client, each)["version"] for each in IMAGES]
            trial = read_trial(client)
            assert (trial["waiting"], trial["dropped"], trial["scored"], trial["failed"]) == (4, 2, 0, 0)
            assert read_metric(client, 'pairs_dropped_total{candidate="2"}') == 2
            # the release is followed, and the next candidate is compared, by a thread of its own
            house.publish(champion=slots["champion"], shadow=three)
            wait_for_trial(client, "3")
            answers += [ask(client, each)["version"] for each in IMAGES[:4]]
            wait_until(lambda: read_trial(client)["scored"] == 4, "pairs of version 3")
            assert read_metric(client, 'pairs_dropped_total{candidate="2"}') == len(IMAGES)
        assert answers == ["1"] * 10
    finally:
        release.set()
    assert len(house.paired("2", "1")) == 0
    assert len(house.paired("3", "1")) == 4


def test_a_replica_ends_although_its_shadow_hangs(house: House, slots: dict[str, Any]) -> None:
    release = threading.Event()
    try:
        with on_trial(house, slots, lambda mu: release.wait(), final_flush_s=1) as (client, _):
            assert [ask(client, each)["version"] for each in IMAGES] == ["1"] * len(IMAGES)
        assert len(house.rows()) == len(house.captured()) == len(IMAGES), "what was answered is on record"
    finally:
        release.set()


def test_a_queue_is_bounded_in_bytes_too(house: House, slots: dict[str, Any]) -> None:
    release = threading.Event()
    try:
        with on_trial(house, slots, lambda mu: release.wait(), shadow_queue_bytes=2 * 28 * 28, final_flush_s=1) as (
            client,
            _,
        ):
            for each in IMAGES:
                ask(client, each)
            assert (read_trial(client)["waiting"], read_trial(client)["dropped"]) == (2, 4)
    finally:
        release.set()
