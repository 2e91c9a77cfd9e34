"""Whether a store heeds the conditions of a write: asked once a process, and told in one line where it does not."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from deploy.stores.errors import UnsafeStore
from deploy.stores.objects.opening import open_objects
from deploy.stores.objects.port import ObjectStore
from deploy.stores.objects.probe import probe_conditional_writes
from tests.deploy.stores.look_alikes import look_alike


def test_a_store_with_conditional_writes_passes_the_probe_and_stays_empty(objects: ObjectStore) -> None:
    probe_conditional_writes(objects)
    assert objects.keys("") == []


@pytest.mark.parametrize(("ignored", "condition"), [("if_absent", "If-None-Match"), ("if_match", "If-Match")])
def test_a_store_that_ignores_a_condition_is_unsafe(tmp_path: Path, ignored: str, condition: str) -> None:
    store = open_objects(str(tmp_path))

    class Careless:
        """Many S3 clones accept a condition and ignore it."""

        def put(self, key: str, data: bytes, **conditions: object) -> str:
            conditions.pop(ignored, None)
            return store.put(key, data, **conditions)  # type: ignore[arg-type]

        delete = store.delete

    with pytest.raises(UnsafeStore, match=f"{condition} .*use a store with"):
        probe_conditional_writes(Careless())  # type: ignore[arg-type]
    assert store.keys("") == []


def test_a_store_that_heeds_conditions_is_asked_and_stays_empty(objects: ObjectStore) -> None:
    objects.require_conditional_writes()
    assert objects.keys("") == []


def test_a_process_asks_once_and_readers_never_do() -> None:
    with look_alike("heeds") as server:
        assert server.open().etag("a") is None
        assert [each for each in server.requests if "probe" in each] == []
        for number in range(3):
            server.open().put(f"key-{number}", b"x", if_absent=True)
        server.open().require_conditional_writes()
        asked = [each.split()[0] for each in server.requests if "/probe/" in each]
        assert asked == ["PUT", "PUT", "PUT", "PUT", "DELETE"]
        server.open("s3://other").put("key", b"x", if_absent=True)  # another bucket may lie on another store
        assert len([each for each in server.requests if "/other/probe/" in each]) == 5


def test_writers_that_start_at_once_ask_once_between_them() -> None:
    with look_alike("heeds") as server:
        threads = [
            threading.Thread(target=server.open().put, args=(f"key-{number}", b"x"), kwargs={"if_absent": True})
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len([each for each in server.requests if "/probe/" in each]) == 5
        assert len(server.objects) == 8
