"""The digest that an approval on record was given for: a tag that was changed is not a number that was given anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.controller.candidates import read_candidate
from deploy.record.approvals import APPROVAL, OVERRIDE, Decision, OverrideLine
from deploy.record.registered import RegisteredLine, record_registered
from deploy.stores.mlflow.registry import RegisteredVersion
from deploy.stores.objects.local import LocalObjects
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.ledger import Ledger

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate(engine)
    yield Ledger(engine)
    engine.dispose()


def registered(ledger: Ledger, digest: str) -> None:
    line = RegisteredLine(digest=digest, benchmark="passed", reason="better")
    record_registered(ledger, "1", line, f"training-of-{digest}", NOW)


def approved(ledger: Ledger, digest: str) -> None:
    APPROVAL.write(ledger, "1", Decision(digest=digest, how="by hand"), NOW)


def approved_digest(ledger: Ledger, folder: Path, digest: str) -> str | None:
    version = RegisteredVersion("1", {"approval": "approved", "model_digest": digest}, NOW, None)
    return read_candidate(version, None, ledger, LocalObjects(folder)).approved_digest


def test_an_approval_counts_for_its_digest(ledger: Ledger, tmp_path: Path) -> None:
    registered(ledger, "x")
    assert approved_digest(ledger, tmp_path, "x") is None
    approved(ledger, "x")
    assert approved_digest(ledger, tmp_path, "x") == "x"


@pytest.mark.parametrize("known_before", [False, True])
def test_a_digest_that_was_changed_after_the_approval_is_seen(
    ledger: Ledger, tmp_path: Path, known_before: bool
) -> None:
    registered(ledger, "x")
    if known_before:
        registered(ledger, "y")
    approved(ledger, "x")
    assert approved_digest(ledger, tmp_path, "y") == "x"


@pytest.mark.parametrize("how", ["by a training", "by an override"])
def test_the_approval_of_a_number_ends_where_another_model_came_into_it(
    ledger: Ledger, tmp_path: Path, how: str
) -> None:
    registered(ledger, "x")
    approved(ledger, "x")
    if how == "by a training":
        registered(ledger, "y")
    else:
        OVERRIDE.write(ledger, "1", OverrideLine(digest="y", reason="I know it"), NOW)
    assert approved_digest(ledger, tmp_path, "y") is None
    approved(ledger, "y")
    assert approved_digest(ledger, tmp_path, "y") == "y"
