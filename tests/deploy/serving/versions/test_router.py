from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deploy.serving.errors import Problem
from deploy.serving.versions.router import (
    LoadedVersion,
    Pairing,
    Slots,
    choose_pairing,
    choose_validator,
    choose_version,
    request_share,
)
from tests.deploy.serving.house import OLDER, tiny_artifact
from vae_core.images.preprocessing import Preprocessing

ARTIFACT = tiny_artifact(1)


def _version(name: str) -> LoadedVersion:
    return LoadedVersion(name, name * 64, ARTIFACT, datetime.now(UTC))


CHAMPION, CANARY, SHADOW, PREVIOUS = (_version(name) for name in "1234")


def test_the_champion_answers() -> None:
    assert choose_version(Slots(CHAMPION, shadow=SHADOW), "any", None) is CHAMPION


def test_a_canary_answers_its_share_of_the_requests_and_always_the_same_ones() -> None:
    slots = Slots(CHAMPION, CANARY, canary_share=0.05)
    ids = [f"request-{number}" for number in range(20_000)]
    chosen = [choose_version(slots, request_id, None) is CANARY for request_id in ids]
    # sd of a share of 5 % at n = 20,000 is 0.15 %; five of them
    assert abs(sum(chosen) / len(ids) - 0.05) < 0.0077
    assert chosen == [request_share(request_id) < 0.05 for request_id in ids]
    wider = Slots(CHAMPION, CANARY, canary_share=0.2)
    assert all(choose_version(wider, i, None) is CANARY for i, c in zip(ids, chosen, strict=True) if c)


def test_a_share_without_a_loaded_canary_stays_with_the_champion() -> None:
    assert choose_version(Slots(CHAMPION, canary_share=1.0), "any", None) is CHAMPION


def test_every_loaded_version_can_be_asked_for_by_name() -> None:
    slots = Slots(CHAMPION, CANARY, SHADOW)
    assert [choose_version(slots, "any", name) for name in "123"] == [CHAMPION, CANARY, SHADOW]
    assert choose_version(Slots(shadow=SHADOW), "any", "3") is SHADOW


@pytest.mark.parametrize(
    ("slots", "wanted", "status", "words"),
    [
        (Slots(), None, 503, "no version serves here yet"),
        (Slots(shadow=SHADOW), None, 503, "no version serves here yet"),
        (Slots(CHAMPION, CANARY), "9", 404, r"version '9' is not loaded .* 1 \(champion\), 2 \(canary\)"),
        (Slots(), "9", 404, "loaded: none"),
    ],
)
def test_nobody_to_answer_is_told(slots: Slots, wanted: str | None, status: int, words: str) -> None:
    with pytest.raises(Problem, match=words) as caught:
        choose_version(slots, "any", wanted)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("slots", "candidate", "slot"),
    [
        (Slots(CHAMPION, CANARY, SHADOW, PREVIOUS), CANARY, "canary"),
        (Slots(CHAMPION, shadow=SHADOW, previous=PREVIOUS), SHADOW, "shadow"),
        (Slots(CHAMPION, previous=PREVIOUS), PREVIOUS, "previous"),
        # a champion that did not load leaves the old one serving, which is `previous` as well
        (Slots(CHAMPION, previous=CHAMPION), None, ""),
        (Slots(CHAMPION, CHAMPION, previous=PREVIOUS), PREVIOUS, "previous"),
        (Slots(CHAMPION), None, ""),
        (Slots(shadow=SHADOW, previous=PREVIOUS), None, ""),
    ],
)
def test_the_trial_is_the_canary_else_the_shadow_else_previous(
    slots: Slots, candidate: LoadedVersion | None, slot: str
) -> None:
    pairing = choose_pairing(slots)
    if candidate is None:
        assert pairing is None
    else:
        assert pairing == Pairing(CHAMPION, candidate, slot)


def test_a_version_that_makes_other_pixels_of_an_image_is_compared_with_nobody() -> None:
    padding = LoadedVersion("5", "5" * 64, tiny_artifact(1, preprocessing=Preprocessing(fit="pad")), CHAMPION.loaded_at)
    assert choose_pairing(Slots(CHAMPION, shadow=padding)) is None
    assert choose_pairing(Slots(padding, previous=CHAMPION)) is None
    assert choose_pairing(Slots(CHAMPION, shadow=padding, previous=PREVIOUS)) == Pairing(CHAMPION, PREVIOUS, "previous")
    # the schema before says less, and makes the same of what both take
    older = LoadedVersion("6", "6" * 64, tiny_artifact(1, preprocessing=OLDER), CHAMPION.loaded_at)
    assert choose_pairing(Slots(CHAMPION, shadow=older)) == Pairing(CHAMPION, older, "shadow")


def test_the_gate_is_the_champions_for_all_that_see_images_alike() -> None:
    assert choose_validator(Slots(CHAMPION, shadow=SHADOW), SHADOW) is CHAMPION
    assert choose_validator(Slots(shadow=SHADOW), SHADOW) is SHADOW
