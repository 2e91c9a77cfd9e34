"""The demo counts requests until the new kinds are noticed; that black frames are noticed is not the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from data_checks.drift.judge import judge_window
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.screening import judge_screening
from data_checks.drift.triage import Circumstances, triage
from data_checks.drift.window import Window
from deploy.record.drift_lines import DriftLine
from deploy.stores.sql.database import migrate, open_engine
from deploy.stores.sql.ledger import Ledger
from latentloop.demo.noticing import find_noticed
from tests.data_checks.drift.traffic import Source, window_of

SOURCE, POLICY = Source(1), DriftPolicy()
REFERENCE = SOURCE.draw(3_000, np.random.default_rng(100))
SEASON = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate(engine)
    yield Ledger(engine)
    engine.dispose()


def traffic(new_share: float, black: int) -> Window:
    """Two thousand answered images as the season has them, and so many black frames."""
    return window_of(SOURCE.draw(2_000, np.random.default_rng(7), new_share=new_share), low_variance=black)


def record_alarm(ledger: Ledger, window: Window, at: datetime = SEASON) -> None:
    """What the controller's watch leaves."""
    verdict = judge_screening(window, REFERENCE, POLICY)
    assert verdict.failed
    ledger.record("alarm", "1", verdict.model_dump_json(), at)


def record_drift(ledger: Ledger, window: Window, at: datetime = SEASON) -> str:
    """What a run of the monitor leaves; returns its action."""
    judgement = judge_window(window, REFERENCE, POLICY)
    told = triage(judgement, Circumstances(None, None, False, None), POLICY)
    record = DriftLine.model_validate(
        {
            "key": "seen",
            "champion": "1",
            "action": told.action,
            "reason": told.reason,
            "failed": tuple(judgement.failed),
            "window_since": at,
            "at": at,
        }
    )
    ledger.record("drift", "1", record.model_dump_json(), at)
    return told.action


def test_black_frames_alone_are_not_the_new_kinds(ledger: Ledger) -> None:
    record_alarm(ledger, traffic(new_share=0.0, black=80))
    assert record_drift(ledger, traffic(new_share=0.0, black=80)) == "block"

    assert find_noticed(ledger, SEASON) is None


def test_an_alarm_that_names_a_rule_of_answered_images_is_what_noticed(ledger: Ledger) -> None:
    record_alarm(ledger, traffic(new_share=0.0, black=80))
    record_alarm(ledger, traffic(new_share=0.17, black=80))
    record_drift(ledger, traffic(new_share=0.17, black=80))

    assert find_noticed(ledger, SEASON) == "the screening's alarm, by latent_code, recon_error"


def test_after_an_alarm_by_black_frames_the_monitor_may_notice_first(ledger: Ledger) -> None:
    record_alarm(ledger, traffic(new_share=0.0, black=80))
    action = record_drift(ledger, traffic(new_share=0.17, black=0))
    record_alarm(ledger, traffic(new_share=0.17, black=0))

    assert action == "emergency"
    noticed = find_noticed(ledger, SEASON)
    assert noticed is not None and noticed.startswith("the monitor's emergency, by latent_code, recon_error")


def test_what_was_noticed_before_the_season_does_not_count(ledger: Ledger) -> None:
    record_alarm(ledger, traffic(new_share=0.17, black=0), SEASON - timedelta(seconds=1))

    assert find_noticed(ledger, SEASON) is None
