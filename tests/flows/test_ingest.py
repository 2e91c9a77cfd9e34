"""A worker that was told the same as its installation ingests what was captured."""

from __future__ import annotations

import pytest

from deploy.configuration.in_force import declare_settings
from flows.ingest import ingest
from tests.tasks.opened import forget, opened

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("installation")]


def test_a_run_on_a_worker_with_the_same_settings_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    declare_settings(opened().ledger, opened().settings, opened().now())
    monkeypatch.setenv("LATENTLOOP_TRAINING__DEVICE", "cuda")  # what a GPU worker alone is told
    forget()

    assert ingest(reason="same").received == 0
