"""A worker that was told otherwise than its installation refuses the run, names the keys, and touches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from deploy.configuration.in_force import SettingsDiffer, declare_settings
from flows.ingest import ingest
from flows.retrain_full import retrain_full
from tests.tasks.opened import forget, opened
from tests.tasks.season import settled

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, prefect_api: str) -> Iterator[None]:
    with settled(tmp_path, "http://127.0.0.1:9"), temporary_settings({PREFECT_API_URL: prefect_api}):
        declare_settings(opened().ledger, opened().settings, opened().now())
        yield


def test_a_run_on_a_worker_with_the_same_settings_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_TRAINING__DEVICE", "cuda")  # what a GPU worker alone is told
    forget()

    assert ingest(reason="same").received == 0


def test_a_run_on_a_worker_with_other_settings_is_refused_before_anything_is_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__MIN_VARIANCE", "0.25")
    forget()

    with pytest.raises(
        SettingsDiffer, match=r"input_policy\.min_variance \(0\.25 here, 0\.0 there\); put these settings in force"
    ):
        retrain_full(key="other-settings", reason="by hand", cause="by hand")

    assert opened().ledger.get_trigger("other-settings") is None
