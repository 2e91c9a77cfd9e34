"""When the product noticed the new kinds: by what its ledger says of answered images, never by what was refused."""

from __future__ import annotations

from datetime import datetime
from operator import itemgetter

from data_checks.drift.actions import RETRAINS
from data_checks.drift.policy import ANSWERED_RULES
from data_checks.verdict import Verdict
from deploy.record.drift_lines import DRIFT, DriftLine
from deploy.record.verdicts import ALARM
from deploy.stores.sql.ledger import Ledger


def find_noticed(ledger: Ledger, since: datetime) -> str | None:
    """Who noticed first, and by which rules; None where there are only alarms about refused images.

    An alarm that black frames raised holds the next one back, so a monitor that asks for a retraining counts as well.
    """
    noticed = [(line.id, _by_alarm(line.body)) for line in ALARM.lines(ledger) if line.at >= since]
    noticed += [(line.id, _by_monitor(line.body)) for line in DRIFT.lines(ledger) if line.at >= since]
    return next((told for _, told in sorted(noticed, key=itemgetter(0)) if told is not None), None)


def _by_alarm(alarm: Verdict) -> str | None:
    # the reason names each rule that failed before its numbers: `latent_code: latent_shift 0.57 > limit 0.25; kl: ...`
    reason = f"; {alarm.reason}"
    failed = [rule for rule in ANSWERED_RULES if f"; {rule}: " in reason]
    return f"the screening's alarm, by {', '.join(failed)}" if failed else None


def _by_monitor(record: DriftLine) -> str | None:
    failed = [rule for rule in record.failed if rule in ANSWERED_RULES]
    return f"the monitor's {record.action}, by {', '.join(failed)}" if record.action in RETRAINS else None
