"""The shadow on a started replica: it compares what both versions make of every answer, and disturbs none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from tests.deploy.serving.house import House, png, replica, tiny_artifact, wait_until
from tests.deploy.serving.trial.asking import IMAGES, ask, read_trial, wait_for_trial
from vae_core.images.preprocessing import Preprocessing
from vae_core.inference import score_images


def test_answers_are_the_same_with_a_shadow_and_without(house: House, slots: dict[str, Any]) -> None:
    house.publish(champion=slots["champion"])
    with replica(house) as client:
        before = [ask(client, each) for each in IMAGES]
        house.publish(**slots)
        wait_for_trial(client, "2")
        assert [ask(client, each) for each in IMAGES] == before
        wait_until(lambda: read_trial(client)["scored"] == len(IMAGES), "the pairs")
    assert len(house.paired("2", "1")) == len(IMAGES)


def test_what_is_no_traffic_is_not_compared(house: House, slots: dict[str, Any]) -> None:
    house.publish(**slots)
    with replica(house) as client:
        wait_for_trial(client, "2")
        ask(client, IMAGES[0], **{"X-Latentloop-Version": "2"})
        ask(client, IMAGES[0], **{"X-Latentloop-Version": "1"})
        assert client.post("/v1/score", content=png(np.zeros((1, 28, 28), np.uint8))).status_code == 422
        ask(client, IMAGES[1], id="traffic")
    assert house.paired("2", "1").request_id.tolist() == ["traffic"]


@contextmanager
def no_room_for_threads() -> Iterator[None]:
    """The system refuses every thread that Python starts meanwhile: none has so much room for a stack."""
    usual = threading.stack_size(2**47)
    try:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            threading.Thread(target=print).start()
        yield
    finally:
        threading.stack_size(usual)


def test_an_answer_goes_out_although_no_thread_can_be_started(house: House, slots: dict[str, Any]) -> None:
    house.publish(**slots)
    with replica(house, decode_threads=1, final_flush_s=1) as client:
        wait_for_trial(client, "2")
        ask(client, IMAGES[0], **{"X-Latentloop-Version": "1"})  # the thread that decodes is there from now on
        with no_room_for_threads():
            assert [ask(client, each)["version"] for each in IMAGES] == ["1"] * len(IMAGES)
        ask(client, IMAGES[0], id="again")
    assert len(house.rows()) == len(house.captured()) == len(IMAGES) + 1
    assert house.paired("2", "1").request_id.tolist() == ["again"]


def test_previous_stands_in_the_shadow_when_there_is_no_candidate(house: House, slots: dict[str, Any]) -> None:
    house.publish(champion=slots["shadow"], previous=slots["champion"])
    with replica(house) as client:
        wait_for_trial(client, "1")
        assert read_trial(client)["slot"] == "previous"
        assert [ask(client, each)["version"] for each in IMAGES] == ["2"] * len(IMAGES)
        wait_until(lambda: read_trial(client)["scored"] == len(IMAGES), "the pairs of the first trial")
        house.publish(champion=slots["shadow"], previous=slots["champion"], shadow=house.add_version("3", seed=3))
        wait_for_trial(client, "3")
        assert read_trial(client)["slot"] == "shadow" and read_trial(client)["scored"] == 0
        ask(client, IMAGES[0])
    window = house.paired("1", "2")
    expected = score_images(tiny_artifact(1).model, IMAGES).recon_error
    np.testing.assert_allclose(window.candidate_error, expected, rtol=1e-5)
    assert len(house.paired("3", "2")) == 1


def test_a_champion_is_not_compared_with_itself(house: House, slots: dict[str, Any]) -> None:
    house.publish(champion=slots["champion"], previous=slots["champion"])
    with replica(house) as client:
        wait_until(lambda: "previous" in client.get("/readyz").json()["slots"], "previous")
        ask(client, IMAGES[0])
        assert read_trial(client) is None


def test_a_version_that_makes_other_pixels_of_an_image_is_compared_with_nobody(
    house: House, slots: dict[str, Any]
) -> None:
    resizing = house.add_version("2r", seed=2, preprocessing=Preprocessing(fit="stretch"))
    house.publish(champion=slots["champion"], shadow=resizing)
    with replica(house) as client:
        wait_until(lambda: "shadow" in client.get("/readyz").json()["slots"], "the shadow")
        ask(client, IMAGES[0])
        assert read_trial(client) is None
