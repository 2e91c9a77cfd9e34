"""A worker that was told otherwise than its installation refuses a training, names the keys, and touches nothing."""

from __future__ import annotations

import pytest

from deploy.configuration.in_force import SettingsDiffer, declare_settings
from flows.retrain_full import retrain_full
from tests.tasks.opened import forget, opened

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("installation")]


def test_a_run_on_a_worker_with_other_settings_is_refused_before_anything_is_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declare_settings(opened().ledger, opened().settings, opened().now())
    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__MIN_VARIANCE", "0.25")
    forget()

    with pytest.raises(
        SettingsDiffer, match=r"input_policy\.min_variance \(0\.25 here, 0\.0 there\); put these settings in force"
    ):
        retrain_full(key="other-settings", reason="by hand", cause="by hand")

    assert opened().ledger.get_trigger("other-settings") is None
