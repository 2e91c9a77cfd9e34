"""Every durable write of these stores passes a point, so that a crash test finds them all."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from deploy.release import Release
from deploy.stores import catalogue, faults, prefect_auth
from deploy.stores.catalogue import Catalogue
from deploy.stores.catalogue_rows import CatalogueRow
from deploy.stores.objects import captures, release_file
from deploy.stores.objects import local as local_objects
from deploy.stores.objects import port as objects
from deploy.stores.objects.captures import CapturedImage, CaptureStore
from deploy.stores.objects.local import LocalObjects
from deploy.stores.objects.release_file import generate_keys
from deploy.stores.prefect_auth import generate_prefect_auth
from deploy.stores.sql import backups, database, digests, ledger, pairs, release, telemetry
from deploy.stores.sql.backups import back_up
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.digests import DigestIndex
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.pairs import Pairs
from deploy.stores.sql.release import ReleaseStore
from deploy.stores.sql.telemetry import Telemetry
from tests.deploy.stores.sql.test_pairs import _row as _pair
from tests.deploy.stores.sql.test_telemetry import _row

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODULES = (
    backups,
    captures,
    catalogue,
    database,
    digests,
    ledger,
    local_objects,
    objects,
    pairs,
    prefect_auth,
    release,
    release_file,
    telemetry,
)


def _points_of(module: ModuleType) -> set[str]:
    values = list(vars(module).values()) + list(getattr(module, "APPEND", {}).values())
    return {value.name for value in values if isinstance(value, faults.FaultPoint)}


def _write_everything(folder: Path) -> None:
    store = LocalObjects(folder / "objects")
    store.put("a", b"x")
    store.delete("a")
    CaptureStore(store).write_by_content([CapturedImage("n", "s", NOW, b"x")])
    at = (0.3, 0.1, 2.5, bytes(784))
    row = CatalogueRow("d", "s", "a", 0, NOW, "n", 28, 28, 1, *at)
    Catalogue(store, "28x28").append_accepted([row], ["a"])
    Catalogue(store, "28x28").add_labels({("a", 0): "shoe"})
    Catalogue(store, "28x28").append_quarantined([], ["a"])
    generate_keys(folder)
    generate_prefect_auth(folder)
    engine = open_engine(f"sqlite:///{folder}/ledger.db")
    migrate(engine)
    triggers = Ledger(engine)
    triggers.claim("k", "drift", "{}", "one", NOW, 30)
    triggers.renew("k", "one", NOW)
    triggers.release_claim("k", "one", NOW)
    triggers.finish("k", "one", "done", "{}", NOW)
    triggers.record("verdict", "1", "{}", NOW)
    triggers.beat("controller", NOW)
    DigestIndex(engine).claim(["a"], ["s:0"])
    DigestIndex(engine).protect(["a"], "benchmark_old")
    ReleaseStore(engine).compare_and_swap(0, Release(changed_at=NOW))
    Telemetry(engine).write([_row(0)])
    Pairs(engine).write([_pair(0)])
    engine.dispose()
    back_up(folder / "ledger.db", "0001", NOW)


def test_every_registered_point_is_passed_before_and_after_its_write(tmp_path: Path) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    # asked before, for the puts that it expects to be refused have no "after"
    LocalObjects(tmp_path / "objects").require_conditional_writes()
    with faults.installed(lambda name, moment: seen.update([(name, moment)])):
        _write_everything(tmp_path)
    ours = set().union(*(_points_of(module) for module in MODULES))
    assert {name for name, _ in seen} == ours <= {point.name for point in faults.registered()}
    assert all(seen[name, "before"] == seen[name, "after"] > 0 for name in ours)


def test_a_failed_write_reports_no_after() -> None:
    point = faults.register("test.failing", "nothing")
    seen = []
    with (
        faults.installed(lambda name, moment: seen.append(moment)),
        pytest.raises(RuntimeError),
        point,
    ):
        raise RuntimeError
    faults._points.pop("test.failing")
    assert seen == ["before"]


def test_a_name_belongs_to_one_write() -> None:
    objects_put = next(point for point in faults.registered() if point.name == "objects.put")
    assert faults.register("objects.put", objects_put.writes) == objects_put
    with pytest.raises(ValueError, match="registered twice"):
        faults.register("objects.put", "something else")


def test_the_hook_before_comes_back_after_the_block() -> None:
    seen: list[str] = []
    point = next(iter(faults.registered()))
    with faults.installed(lambda name, moment: seen.append("outer")):
        with faults.installed(lambda name, moment: seen.append("inner")), point:
            pass
        with point:
            pass
    with point:
        pass
    assert seen == ["inner", "inner", "outer", "outer"]
