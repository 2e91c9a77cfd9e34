"""A run works with the settings of its installation, and says which; a worker that was told otherwise is refused."""

from __future__ import annotations

import pytest
from prefect.logging import disable_run_logger

from deploy.configuration.digest import settings_digest
from deploy.configuration.in_force import SettingsDiffer, declare_settings
from tasks.agreement import agree_on_settings
from tests.tasks.conftest import Configure
from tests.tasks.opened import forget, opened


def test_the_settings_that_were_put_in_force_are_named_by_their_digest(configure: Configure) -> None:
    declare_settings(opened().ledger, opened().settings, opened().now())
    with disable_run_logger():
        assert agree_on_settings.fn(opened()) == settings_digest(opened().settings)


def test_a_worker_that_was_told_otherwise_is_refused_with_the_key_and_both_values(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_settings(opened().ledger, opened().settings, opened().now())
    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__MIN_VARIANCE", "0.25")
    forget()
    with disable_run_logger(), pytest.raises(SettingsDiffer, match=r"input_policy\.min_variance \(0\.25 here, 0\.003"):
        agree_on_settings.fn(opened())
