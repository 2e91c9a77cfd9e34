from __future__ import annotations

import logging
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.serving.metrics import Metrics
from deploy.serving.versions.follower import ReleaseFollower
from deploy.serving.versions.loader import VersionLoader
from deploy.stores.objects.release_file import RELEASE_KEY, sign_release
from tests.deploy.serving.house import House, quick_config


def _follower(house: House, cache: Path | None = None) -> ReleaseFollower:
    config = quick_config(release_poll_s=0.001)
    loader = VersionLoader(house.objects, cache or house.cache, golden_tolerance=1e-2, batch_max=4)
    return ReleaseFollower(config, house.objects, loader, house.keys.public, cache or house.cache, Metrics(config))


def _serving(follower: ReleaseFollower) -> dict[str, str]:
    return {name: loaded.version for name, loaded in follower.state.slots.named()}


def _troubles(follower: ReleaseFollower) -> dict[str, str]:
    return {trouble.where: trouble.message for trouble in follower.state.troubles}


def _metric(follower: ReleaseFollower, name: str, **labels: str) -> float | None:
    return follower._metrics.registry.get_sample_value(f"latentloop_serving_{name}", labels)


def test_nothing_published_yet_is_no_error_of_the_replica(house: House) -> None:
    follower = _follower(house)
    follower.look()
    assert _serving(follower) == {}
    assert "no release/current.json" in _troubles(follower)["store"]


def test_a_release_is_followed_slot_by_slot(house: House) -> None:
    follower = _follower(house)
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one)
    follower.look()
    assert _serving(follower) == {"champion": "1"}
    house.publish(champion=one, canary=two, canary_share=0.05)
    follower.look()
    assert _serving(follower) == {"champion": "1", "canary": "2"}
    assert follower.state.slots.canary_share == 0.05
    house.publish(champion=two, previous=one)
    follower.look()
    assert _serving(follower) == {"champion": "2", "previous": "1"}
    assert follower.state.epoch == 3
    assert follower.state.troubles == ()
    assert _metric(follower, "release_epoch") == 3


def test_a_version_in_memory_is_not_loaded_again(house: House) -> None:
    follower = _follower(house)
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one)
    follower.look()
    before = follower.state.slots.champion
    house.publish(champion=two, previous=one)
    follower.look()
    assert follower.state.slots.previous is before


def test_a_release_without_a_champion_withdraws_the_product(house: House) -> None:
    follower = _follower(house)
    house.publish(champion=house.add_version("1", seed=1))
    follower.look()
    house.publish()
    follower.look()
    assert _serving(follower) == {}


@pytest.mark.parametrize("attack", ["noise", "foreign key", "changed payload", "replay", "same epoch", "empty"])
def test_a_release_file_that_cannot_be_trusted_changes_nothing(
    house: House, attack: str, caplog: pytest.LogCaptureFixture
) -> None:
    follower = _follower(house)
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    old = house.publish(champion=two)
    house.publish(champion=one)
    follower.look()
    newer = house.release(champion=two, epoch=9)
    data, cause = {
        "noise": (b"\x00\xffnoise", "signature"),
        "foreign key": (sign_release(newer, Ed25519PrivateKey.generate()), "signature"),
        "changed payload": (sign_release(newer, house.keys.private).replace(b"test", b"tset"), "signature"),
        "replay": (sign_release(old, house.keys.private), "replay"),
        "same epoch": (sign_release(house.release(champion=two, epoch=2), house.keys.private), "conflict"),
        "empty": (b"", "signature"),
    }[attack]
    house.objects.put(RELEASE_KEY, data)
    with caplog.at_level(logging.ERROR, "latentloop.serving"):
        for _ in range(3):
            follower.look()
    assert _serving(follower) == {"champion": "1"}
    assert follower.state.epoch == 2
    assert _metric(follower, "release_refused_total", cause=cause) == 1
    assert len(caplog.records) == 1, "one clear line, not one every half second"
    assert RELEASE_KEY in _troubles(follower)["release"]
    house.publish(champion=two, epoch=10)
    follower.look()
    assert _serving(follower) == {"champion": "2"}
    assert follower.state.troubles == ()


def test_a_champion_that_does_not_load_leaves_the_old_one_serving(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    follower = _follower(house)
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one)
    follower.look()
    key = f"{two.artifact}/weights.safetensors"
    good = house.objects.get(key).data
    house.objects.put(key, good[:-8])
    house.publish(champion=two, previous=one)
    with caplog.at_level(logging.ERROR, "latentloop.serving"):
        follower.look()
    assert _serving(follower) == {"champion": "1", "previous": "1"}
    assert follower.state.epoch == 2
    assert "weights.safetensors: expected sha256" in _troubles(follower)["champion"]
    assert _metric(follower, "version_load_failures_total", slot="champion") == 1
    assert len(caplog.records) == 1
    house.objects.put(key, good)
    while follower.state.troubles:  # it is tried again by itself
        follower.look()
    assert _serving(follower) == {"champion": "2", "previous": "1"}


def test_a_canary_that_does_not_load_gets_no_traffic(house: House) -> None:
    follower = _follower(house)
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.objects.delete(f"{two.artifact}/model.json")
    house.publish(champion=one, canary=two, canary_share=1.0)
    follower.look()
    assert _serving(follower) == {"champion": "1"}
    assert "model.json" in _troubles(follower)["canary"]


def test_a_replica_starts_from_its_own_disk(house: House) -> None:
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one, previous=two)
    earlier = _follower(house)
    earlier.look()
    away = house.root / "away"
    house.objects.root.rename(away)
    follower = _follower(house)
    follower._start_from_disk()
    assert _serving(follower) == {"champion": "1", "previous": "2"}
    follower.look()
    assert _serving(follower) == {"champion": "1", "previous": "2"}
    assert "store" in _troubles(follower)
    away.rename(house.objects.root)
    follower.look()
    assert follower.state.troubles == ()


def test_a_release_that_never_served_is_not_what_a_restart_begins_with(house: House) -> None:
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one)
    before = _follower(house)
    before.look()
    house.objects.delete(f"{two.artifact}/manifest.json")
    house.publish(champion=two, previous=one)
    before.look()
    follower = _follower(house)
    follower._start_from_disk()
    assert follower.state.epoch == 1
    assert _serving(follower) == {"champion": "1"}


def test_a_kept_release_that_was_changed_on_disk_is_not_used(house: House) -> None:
    house.publish(champion=house.add_version("1", seed=1))
    earlier = _follower(house)
    earlier.look()
    kept = house.cache / "release.json"
    kept.write_bytes(kept.read_bytes().replace(b"champion", b"chempion"))
    follower = _follower(house)
    follower._start_from_disk()
    assert _serving(follower) == {}
    follower.look()
    assert _serving(follower) == {"champion": "1"}


def test_versions_that_left_the_release_leave_the_disk(house: House) -> None:
    follower = _follower(house)
    one, two = house.add_version("1", seed=1), house.add_version("2", seed=2)
    house.publish(champion=one)
    follower.look()
    house.publish(champion=two)
    follower.look()
    assert [path.name for path in (house.cache / "artifacts").iterdir()] == [two.digest]
