"""A ledger for the lines of one file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.stores.sql.ledger import Ledger
from tests.deploy.stores.migrated import open_migrated


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    engine = open_migrated(tmp_path_factory.mktemp("record") / "ledger.db")
    yield Ledger(engine)
    engine.dispose()
