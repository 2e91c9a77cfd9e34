"""Every kind of line: in the one list, readable as the release before wrote it, and told in a sentence."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import deploy.record
from data_checks.verdict import Phase, Verdict
from deploy.record.kind import Kind
from deploy.record.kinds import KINDS
from deploy.record.verdicts import GATE
from deploy.stores.errors import StoreCorrupt
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.ledger import Ledger

ROOT = Path(deploy.record.__file__).resolve().parents[2]
PRODUCT = ("latentloop", "flows", "tasks", "deploy", "data_checks", "vae_core")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VERDICT = {"schema_version": 1, "phase": "failed", "reason": "0.4 > limit 0.25", "evidence": []}
SERVED = {"version": "7", "digest": "d7", "artifact": "artifacts/d7"}
RUN = {"run": "r1", "url": "http://prefect/r1"}

# as the release before this room wrote them: what a running installation has in its ledger when it is updated
WRITTEN_BEFORE: dict[str, tuple[dict[str, Any], str]] = {
    "settings": ({"values": {"product": "p"}, "file": "f", "reason": "settings of f"}, "settings of f"),
    "registry": (
        {"product": "p", "born": "2026-01-02T03:04:05Z", "url": "http://mlflow", "reason": "registered in p"},
        "registered in p",
    ),
    "ingest": ({"received": 3, "accepted": 2, "converted": 0, "quarantined": 1}, "2 of 3 images accepted"),
    "ingest-unreadable": ({"reason": "no Parquet"}, "no Parquet"),
    "ingest-held": ({"reason": "3 of 4 are black", "segments": ["s1"]}, "3 of 4 are black"),
    "quarantine-released": ({"reason": "1 images: fine", "images": 1, "segments": ["s1"]}, "1 images: fine"),
    "quarantine-discarded": ({"reason": "1 images: no", "images": 1, "segments": ["s1"]}, "1 images: no"),
    "benchmark": (
        {"schema_version": 1, "name": "old", "prefix": "benchmarks/x", "digest": "b", "n": 9, "sources": []},
        "9 images are held out in benchmarks/x",
    ),
    "scheduled-work": ({"trigger": "weekly-1", "number": 1}, "taken by weekly-1"),
    "retrain-skipped": ({"reason": "nothing new"}, "nothing new"),
    "retrain-refused": ({"reason": "no snapshot"}, "no snapshot"),
    "registered": ({"digest": "d7", "benchmark": "passed", "reason": "better"}, "better"),
    "override": ({"digest": "d7", "reason": "I looked", "who": "me", "epoch": 0}, "I looked"),
    "approval": ({"digest": "d7", "how": "tag approval=approved", "after": 0}, "tag approval=approved"),
    "rejection": ({"digest": "d7", "how": "reject", "who": "me", "reason": "blurred", "after": 0}, "blurred"),
    "approval-refused": ({"digest": "d7", "reason": "no override"}, "no override"),
    "trial": (
        {"digest": "d8", "champion": "7", "champion_digest": "d7", "epoch": 3, "since": "2026-01-02T03:04:05+00:00"},
        "tried against version 7",
    ),
    "frechet-asked": (
        {**RUN, "attempt": 2, "version": "8", "champion": "7", "since": "2026-01-02", "look": 1, "least": 0},
        "look 1, attempt 2: http://prefect/r1",
    ),
    "frechet": (
        {"schema_version": 1, "value": 0.02, "low": 0.01, "high": 0.03, "n": 2_000},
        "Fréchet distance +2.0% [+1.0%, +3.0%] (n=2,000)",
    ),
    "settled": ({"epoch": 4, "reason": "within the limit"}, "within the limit"),
    "taken-back": ({"epoch": 4, "cause": "quality", "reason": "worse"}, "worse"),
    "rollback": (
        {"version": "8", "serves": "7", "epoch": 5, "how": "by hand", "who": "me", "reason": "complaints"},
        "complaints",
    ),
    "release": ({"epoch": 4, "champion": SERVED, "changed_at": "2026-01-02T03:04:05Z", "reason": "served"}, "served"),
    "alarm-run": (RUN, "attempt 1: http://prefect/r1"),
    "alarm-retry": ({**RUN, "attempt": 2, "key": "k", "reason": "r"}, "attempt 2: http://prefect/r1"),
    "drift-retry": ({**RUN, "attempt": 5, "key": "k", "reason": "r"}, "attempt 5: http://prefect/r1"),
    "drift": (
        {
            "key": "k", "champion": "7", "action": "emergency", "reason": "a new kind", "window_since": NOW.isoformat(),
            "at": NOW.isoformat(),
        },
        "emergency: a new kind",
    ),
    "drift-acted": ({"line": "drift:k", "action": "emergency", "reason": "emitted"}, "emergency: emitted"),
    "drift-event": (
        {
            "event": "latentloop.drift.emergency", "event_id": "e", "captured": 3, "needed": 2, "key": "k",
            "snapshot": "s", "url": "", "failed": ["latent_code"], "reason": "a new kind",
        },
        "a new kind",
    ),
    **dict.fromkeys(
        ("data", "labels", "gate", "golden", "alarm", "shadow-verdict", "canary-verdict", "watch-verdict"),
        (VERDICT, "0.4 > limit 0.25"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('kinds')}/ledger.db")
    migrate(engine)
    yield Ledger(engine)
    engine.dispose()


def test_the_list_holds_every_kind_that_the_room_defines_and_each_name_once() -> None:
    modules = [
        importlib.import_module(f"deploy.record.{each.name}") for each in pkgutil.iter_modules(deploy.record.__path__)
    ]
    values = [value for module in modules for value in vars(module).values()]
    values += [each for value in values if isinstance(value, dict) for each in value.values()]
    defined = {value.name for value in values if isinstance(value, Kind)}

    assert defined == {kind.name for kind in KINDS}
    assert len(defined) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    written, sentence = WRITTEN_BEFORE[kind.name]
    ledger.record(kind.name, "of before", json.dumps(written), NOW)

    line = kind.newest(ledger, "of before")
    assert line is not None
    assert kind.say(line.body) == sentence
    assert kind.write(ledger, "of today", line.body, NOW, key=f"once:{kind.name}")
    assert not kind.write(ledger, "of today", line.body, NOW, key=f"once:{kind.name}")

    (again,) = kind.lines(ledger, "of today")
    assert (again.body, again.key, again.at) == (line.body, f"once:{kind.name}", NOW)
    assert [each.id for each in kind.lines(ledger, limit=2)] == [again.id, line.id]
    assert kind.newest(ledger, "of nobody") is None


def test_what_a_newer_release_added_is_passed_over_at_any_depth(ledger: Ledger) -> None:
    evidence = {"name": "psnr", "value": 1.0, "limit": None, "unit": "dB", "direction": "higher", "p_value": 0.5}
    newer = {**VERDICT, "evidence": [evidence], "confidence": 0.9}
    ledger.record(GATE.name, "full-1", json.dumps(newer), NOW)

    line = GATE.newest(ledger, "full-1")

    assert line is not None
    assert line.body.evidence[0].name == "psnr"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "the line: Invalid JSON"),
        ("[]", "the line: Input should be an object"),
        (json.dumps(VERDICT | {"phase": "great"}), "phase: Input should be 'passed', 'inconclusive'"),
    ],
)
def test_a_line_that_cannot_be_read_says_which_one_it_is_and_hides_no_other(
    ledger: Ledger, body: str, says: str
) -> None:
    GATE.write(ledger, "full-1", Verdict(phase=Phase.passed, reason="better"), NOW)
    ledger.record(GATE.name, "full-1", body, NOW)

    broken, whole = GATE.lines(ledger, "full-1", limit=2)

    with pytest.raises(StoreCorrupt) as raised:
        _ = broken.body
    assert str(raised.value).startswith(f"ledger: line {broken.id} of kind gate about full-1: {says}")
    assert broken.readable is None
    assert whole.body.reason == "better"


def test_lines_are_written_and_read_by_their_kinds_alone() -> None:
    at_home = {ROOT / "deploy" / "record", ROOT / "deploy" / "stores" / "sql"}
    elsewhere = [file for room in PRODUCT for file in (ROOT / room).rglob("*.py") if file.parent not in at_home]
    assert [str(file) for file in elsewhere if re.search(r"\.(record|entries)\(", file.read_text())] == []
