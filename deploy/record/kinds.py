"""The one list of what the ledger's record holds. A line of a kind that is not here was written by another release."""

from __future__ import annotations

from typing import Any

from deploy.record.approvals import APPROVAL, APPROVAL_REFUSED, OVERRIDE, REJECTION
from deploy.record.asked_runs import ALARM_RETRY, ALARM_RUN, DRIFT_RETRY
from deploy.record.declared import SETTINGS
from deploy.record.drift_lines import DRIFT, DRIFT_ACTED, DRIFT_EVENT
from deploy.record.history import RELEASE
from deploy.record.holdouts import BENCHMARK
from deploy.record.intake import INGEST, INGEST_HELD, INGEST_UNREADABLE, QUARANTINE_DISCARDED, QUARANTINE_RELEASED
from deploy.record.kind import Kind
from deploy.record.registered import REGISTERED
from deploy.record.registries import REGISTRY
from deploy.record.rollback import ROLLBACK
from deploy.record.taken_back import TAKEN_BACK
from deploy.record.trainings import RETRAIN_REFUSED, RETRAIN_SKIPPED, SCHEDULED_WORK
from deploy.record.trials import FRECHET, FRECHET_ASKED, SETTLED, TRIAL
from deploy.record.verdicts import ALARM, DATA, GATE, GOLDEN, LABELS, TRIALS

KINDS: tuple[Kind[Any], ...] = (
    # an installation, and what comes in
    SETTINGS, REGISTRY, INGEST, INGEST_UNREADABLE, INGEST_HELD, QUARANTINE_RELEASED, QUARANTINE_DISCARDED, BENCHMARK,
    # a training
    SCHEDULED_WORK, RETRAIN_SKIPPED, RETRAIN_REFUSED, DATA, LABELS, GATE, REGISTERED,
    # a version on its way
    OVERRIDE, APPROVAL, REJECTION, APPROVAL_REFUSED, GOLDEN, TRIAL, FRECHET_ASKED, FRECHET, *TRIALS.values(), SETTLED,
    TAKEN_BACK, ROLLBACK, RELEASE,
    # the traffic
    ALARM, ALARM_RUN, ALARM_RETRY, DRIFT, DRIFT_ACTED, DRIFT_EVENT, DRIFT_RETRY,
)  # fmt: skip
