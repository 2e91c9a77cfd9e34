"""One contract for the local folder and for S3 on a real SeaweedFS."""

from __future__ import annotations

import threading

import pytest

from deploy.stores.errors import InvalidKey, ObjectMissing, PreconditionFailed
from deploy.stores.objects.port import ObjectStore, validate_key
from tests.deploy.stores.racing import PROCESSES, ObjectsAt, Racers


def test_an_object_reads_back_as_it_was_written(objects: ObjectStore) -> None:
    etag = objects.put("a/b.bin", b"\x00one")
    stored = objects.get("a/b.bin")
    assert (stored.data, stored.etag) == (b"\x00one", etag)
    assert objects.read("a/b.bin") == b"\x00one"
    assert objects.etag("a/b.bin") == etag


def test_a_put_replaces_the_whole_object_and_changes_its_etag(objects: ObjectStore) -> None:
    first = objects.put("a", b"a long first content")
    second = objects.put("a", b"short")
    assert objects.get("a").data == b"short"
    assert first != second == objects.etag("a")


def test_an_empty_object_is_an_object(objects: ObjectStore) -> None:
    objects.put("empty", b"")
    assert objects.get("empty").data == b""


def test_a_missing_object_has_no_etag_and_cannot_be_read(objects: ObjectStore) -> None:
    assert objects.etag("not/there") is None
    with pytest.raises(ObjectMissing, match="not/there"):
        objects.get("not/there")
    with pytest.raises(ObjectMissing, match="not/there"):
        objects.read("not/there")


def test_if_absent_writes_only_the_first_time(objects: ObjectStore) -> None:
    objects.put("once", b"first", if_absent=True)
    with pytest.raises(PreconditionFailed, match="once"):
        objects.put("once", b"second", if_absent=True)
    assert objects.get("once").data == b"first"


def test_if_match_writes_only_over_what_was_read(objects: ObjectStore) -> None:
    stale = objects.put("row", b"1")
    fresh = objects.put("row", b"2", if_match=stale)
    with pytest.raises(PreconditionFailed, match="row"):
        objects.put("row", b"3", if_match=stale)
    with pytest.raises(PreconditionFailed, match="row"):
        objects.put("row", b"3", if_match=fresh, if_absent=True)
    with pytest.raises(PreconditionFailed, match="nothing"):
        objects.put("nothing", b"3", if_match=stale)
    assert objects.get("row").data == b"2"
    assert objects.keys("") == ["row"]


def test_keys_are_listed_by_prefix_and_sorted(objects: ObjectStore) -> None:
    for key in ("b/2", "b/10", "a", "bc", "b/x/y"):
        objects.put(key, b"x")
    assert objects.keys("") == ["a", "b/10", "b/2", "b/x/y", "bc"]
    assert objects.keys("b/") == ["b/10", "b/2", "b/x/y"]
    assert objects.keys("b") == ["b/10", "b/2", "b/x/y", "bc"]
    assert objects.keys("b/1") == ["b/10"]
    assert objects.keys("none/of/it") == []


def test_more_keys_than_a_page_are_all_listed(objects: ObjectStore) -> None:
    wanted = [f"many/{number:04d}" for number in range(1001)]
    threads = [
        threading.Thread(target=lambda part=part: [objects.put(key, b"") for key in part])
        for part in (wanted[start::8] for start in range(8))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert objects.keys("many/") == wanted


def test_delete_removes_and_is_silent_about_what_is_not_there(objects: ObjectStore) -> None:
    objects.put("a", b"x")
    objects.delete("a")
    objects.delete("a")
    assert objects.etag("a") is None


BAD_KEYS = ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".hidden", "a\\b", "a\0", "ä", "a b"]


@pytest.mark.parametrize("key", [*BAD_KEYS, "x" * 201, "a/" * 450 + "a"])
def test_a_key_that_could_leave_the_store_is_invalid(key: str) -> None:
    with pytest.raises(InvalidKey, match="rename it"):
        validate_key(key)


def test_no_operation_takes_an_invalid_key(objects: ObjectStore) -> None:
    for key in BAD_KEYS:
        with pytest.raises(InvalidKey):
            objects.put(key, b"x")
        with pytest.raises(InvalidKey):
            objects.get(key)
        with pytest.raises(InvalidKey):
            objects.delete(key)
        with pytest.raises(InvalidKey):
            objects.delta_location(key)
    for prefix in ("/etc", "../", "a/../../b"):
        with pytest.raises(InvalidKey):
            objects.keys(prefix)


def _put_if_absent(at: ObjectsAt, name: str) -> list[str]:
    """Four threads of one process; returns those that won."""
    store, won = at.open(), []

    def put(thread: int) -> None:
        try:
            store.put("race", f"{name}{thread}".encode(), if_absent=True)
            won.append(f"{name}{thread}")
        except PreconditionFailed:
            pass

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


def test_of_sixteen_racing_conditional_puts_exactly_one_wins(objects_at: ObjectsAt, racers: Racers) -> None:
    results = racers.race(_put_if_absent, [(objects_at, f"p{number}") for number in range(PROCESSES)])
    winners = sum(results, [])
    assert len(winners) == 1
    assert objects_at.open().get("race").data == winners[0].encode()


def _count_up(at: ObjectsAt, times: int) -> None:
    store = at.open()
    for _ in range(times):
        while True:
            seen = store.get("count")
            try:
                store.put("count", b"%d" % (int(seen.data) + 1), if_match=seen.etag)
                break
            except PreconditionFailed:
                continue


def test_racing_read_modify_writes_lose_no_update(objects_at: ObjectsAt, racers: Racers) -> None:
    objects_at.open().put("count", b"0")
    assert racers.race(_count_up, [(objects_at, 10)] * PROCESSES) == [None] * PROCESSES
    assert objects_at.open().get("count").data == b"40"
