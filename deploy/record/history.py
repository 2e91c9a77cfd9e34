"""The releases of the past, from the ledger."""

from __future__ import annotations

from operator import attrgetter

from deploy.delivery.history import Fate, trace_fates
from deploy.record.kind import Kind
from deploy.release import Release
from deploy.stores.sql.ledger import Ledger

RELEASE = Kind("release", Release, say=attrgetter("reason"))
"""About the epoch. The swap of the release writes it, in the same transaction (deploy/stores/sql/release.py)."""

RELEASES = 500  # what became of models before these many changes is settled, and in their versions' tags


def read_fates(ledger: Ledger) -> dict[str, Fate]:
    """What became of each model lately, by its digest."""
    return trace_fates([each.body for each in reversed(RELEASE.lines(ledger, limit=RELEASES))])
