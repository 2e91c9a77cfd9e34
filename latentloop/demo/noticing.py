"""When the product noticed the new kinds: by what its ledger says of answered images, never by what was refused."""

from __future__ import annotations

from datetime import datetime

from data_checks.drift.actions import RETRAINS
from data_checks.drift.policy import GRID_RULES, SAMPLE_RULES
from data_checks.verdict import Verdict
from deploy.record.drift_lines import DriftLine
from deploy.stores.sql.ledger import Ledger, LedgerEntry

ANSWERED_RULES = tuple(dict.fromkeys((*SAMPLE_RULES, *GRID_RULES)))
"""What speaks of answered images, of either kind of model."""


def find_noticed(ledger: Ledger, since: datetime) -> str | None:
    """Who noticed first, and by which rules; None where there are only alarms about refused images.

    An alarm that black frames raised holds the next one back, so a monitor that asks for a retraining counts as well.
    """
    alarms, drifts = ledger.entries("alarm"), ledger.entries("drift")
    for line in sorted([*alarms, *drifts], key=lambda line: line.id):
        noticed = _by_alarm(line) if line.kind == "alarm" else _by_monitor(line)
        if line.at >= since and noticed is not None:
            return noticed
    return None


def _by_alarm(line: LedgerEntry) -> str | None:
    # the reason names each rule that failed before its numbers: `latent_code: latent_shift 0.57 > limit 0.25; kl: ...`
    reason = f"; {Verdict.model_validate_json(line.body).reason}"
    failed = [rule for rule in ANSWERED_RULES if f"; {rule}: " in reason]
    return f"the watch's alarm, by {', '.join(failed)}" if failed else None


def _by_monitor(line: LedgerEntry) -> str | None:
    record = DriftLine.model_validate_json(line.body)
    failed = [rule for rule in record.failed if rule in ANSWERED_RULES]
    return f"the monitor's {record.action}, by {', '.join(failed)}" if record.action in RETRAINS else None
